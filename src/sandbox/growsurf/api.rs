//! The paths of the REST API: which key may take them, and what answers them.

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::campaign::Campaign;
use super::change::{Change, Join, Whose};
use super::keys::Key;
use super::participant::{Ranks, row};
use super::query::Query;
use super::refusal::Refusal;
use super::world::World;
use super::{commission, notice, referral, reward, webhook};

/// A request to the API.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    /// The decoded segments below the base path.
    pub(super) path: Vec<String>,
    pub(super) query: Query,
    pub(super) body: &'a [u8],
    pub(super) now: i64,
}

impl Call<'_> {
    /// Decodes the segments of a raw path.
    pub(super) fn segments(path: &str) -> Vec<String> {
        let decoded = |segment| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        path.split('/').map(decoded).collect()
    }

    fn json(&self) -> Result<Map<String, Value>, Refusal> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_slice(self.body)
            .map_err(|_| Refusal::bad("The body is not a JSON object."))
    }

    /// Returns the scope that the request needs.
    fn scope(&self, below: &[&str]) -> &'static str {
        match (below, self.method) {
            ([] | ["reward-configs" | "integrations"], _) | (["webhooks"], &Method::GET) => {
                "program:read"
            }
            (["webhooks", ..], _) => "program:write",
            (["commissions" | "payouts"], _)
            | (["participant", _, "rewards" | "commissions" | "payouts"], _) => "reward:read",
            (["participant", _], &Method::DELETE) => "participant:delete",
            (_, &Method::GET) => "participant:read",
            _ => "participant:write",
        }
    }
}

/// Does what a request asks for.
///
/// # Errors
///
/// Refuses what the key may not do, what is unknown, and what makes no sense.
pub(super) fn answer(world: &mut World, key: &Key, call: &Call<'_>) -> Result<Value, Refusal> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["campaigns"] if call.method == Method::GET => {
            key.may(call.scope(&[]), None)?;
            let seen = world.campaigns.iter().filter(|it| key.sees(&it.named.id));
            let campaigns: Vec<_> = seen.map(|it| notice::summary(it, call.now)).collect();
            Ok(json!({"campaigns": campaigns}))
        }
        ["campaign", id, below @ ..] => {
            let slot = world.slot(id).ok_or_else(|| Refusal::not_found("The program"))?;
            key.may(call.scope(below), Some(id))?;
            match below {
                ["participant"] if call.method == Method::POST => add(world, slot, call),
                ["participant", who, below @ ..] => participant(world, slot, call, who, below),
                ["webhooks", below @ ..] => webhooks(&mut world.campaigns[slot], call, below),
                below if call.method == Method::GET => show(&world.campaigns[slot], call, below),
                _ => Err(Refusal::not_found("The path")),
            }
        }
        _ => Err(Refusal::not_found("The path")),
    }
}

fn show(campaign: &Campaign, call: &Call<'_>, below: &[&str]) -> Result<Value, Refusal> {
    match below {
        [] => Ok(notice::summary(campaign, call.now).into()),
        ["participants"] => participants(campaign, call),
        ["referrals"] => referral::list(campaign, None, &call.query),
        ["commissions"] => commission::commissions(campaign, None, &call.query),
        ["payouts"] => commission::payouts(campaign, None, &call.query),
        ["reward-configs"] => Ok(json!({"rewards": campaign.rewards})),
        ["integrations"] => Ok(json!({"integrations": campaign.integrations})),
        _ => Err(Refusal::not_found("The path")),
    }
}

/// Lists participants: newest first or, if metadata is asked for, in order of their ids.
fn participants(campaign: &Campaign, call: &Call<'_>) -> Result<Value, Refusal> {
    let metadata = call.query.metadata()?;
    let of = |index: usize| &campaign.participants[index];
    let mut all: Vec<usize> = (0..campaign.participants.len()).rev().collect();
    if metadata.is_empty() {
        all.sort_by_key(|index| std::cmp::Reverse(of(*index).created_at));
    } else {
        all.sort_by_key(|index| &of(*index).id);
    }
    let page = call.query.page(
        all,
        |index| of(index).id.clone(),
        |index| {
            let has =
                |(key, value): &(&str, &str)| of(index).metadata.get(*key) == Some(&json!(value));
            !of(index).is_deleted && metadata.iter().all(has)
        },
    )?;
    let ranks = Ranks::of(campaign, call.now);
    let rows = page.rows.into_iter().map(|index| row(campaign, index, call.now, &ranks));
    let rows: Vec<Value> = rows.collect();
    Ok(json!({"participants": rows, "limit": page.limit, "nextId": page.next}))
}

fn participant(
    world: &mut World,
    slot: usize,
    call: &Call<'_>,
    who: &str,
    below: &[&str],
) -> Result<Value, Refusal> {
    let campaign = &world.campaigns[slot];
    let index = campaign.find(who).ok_or_else(|| Refusal::nobody(who))?;
    let id = campaign.participants[index].id.clone();
    match (call.method, below) {
        (&Method::GET, ["referrals"]) => {
            return referral::list(campaign, Some(index), &call.query);
        }
        (&Method::GET, ["rewards"]) => return reward::list(campaign, index, &call.query),
        (&Method::GET, ["commissions"]) => {
            return commission::commissions(campaign, Some(index), &call.query);
        }
        (&Method::GET, ["payouts"]) => {
            return commission::payouts(campaign, Some(index), &call.query);
        }
        (&Method::POST | &Method::DELETE, ["ref"]) => {
            let is_cancelled = call.method == Method::DELETE;
            return trigger(world, slot, call, id, is_cancelled);
        }
        (&Method::DELETE, []) => {
            let deleted = Change::Delete(Whose { participant: id });
            world.apply(slot, call.now, deleted).map_err(Refusal::bad)?;
            return Ok(json!({"success": true}));
        }
        (&Method::POST, []) => {
            let fields = call.json()?;
            let updated = Change::Update { participant: id, fields };
            world.apply(slot, call.now, updated).map_err(Refusal::bad)?;
        }
        (&Method::GET, []) => {}
        _ => return Err(Refusal::not_found("The path")),
    }
    let campaign = &world.campaigns[slot];
    Ok(row(campaign, index, call.now, &Ranks::of(campaign, call.now)))
}

/// Adds a participant and shows the row; one who is there already is shown unchanged.
fn add(world: &mut World, slot: usize, call: &Call<'_>) -> Result<Value, Refusal> {
    let mut body = call.json()?;
    let email = body.get("email").and_then(Value::as_str).map(str::to_owned);
    let email = email.ok_or_else(|| Refusal::bad("email is required."))?;
    let found = world.campaigns[slot].find(&email);
    if found.is_none() {
        let referrer = body.get("referredBy").and_then(Value::as_str);
        if referrer.is_some_and(|it| world.campaigns[slot].find(it).is_none()) {
            return Err(Refusal::bad("referredBy is nobody."));
        }
        let status = body.remove("referralStatus");
        for ignored in ["ipAddress", "fingerprint", "mobileInstanceId", "language"] {
            body.remove(ignored);
        }
        let join: Join = serde_json::from_value(Value::Object(body))
            .map_err(|error| Refusal::bad(error.to_string()))?;
        world.apply(slot, call.now, Change::Join(join)).map_err(Refusal::bad)?;
        if status == Some(json!("CREDIT_AWARDED")) {
            let awarded = Change::Convert { friend: email.clone(), delay_in_days: 0 };
            world.apply(slot, call.now, awarded).map_err(Refusal::bad)?;
        }
    }
    let campaign = &world.campaigns[slot];
    let index = campaign.find(&email).ok_or_else(|| Refusal::nobody(&email))?;
    let mut row = row(campaign, index, call.now, &Ranks::of(campaign, call.now));
    row["isNew"] = json!(found.is_none());
    Ok(row)
}

/// Triggers the referral of a participant, or cancels its delay. The status is 200 either way.
fn trigger(
    world: &mut World,
    slot: usize,
    call: &Call<'_>,
    friend: String,
    is_cancelled: bool,
) -> Result<Value, Refusal> {
    if world.campaigns[slot].is_affiliate() {
        return Err(Refusal::wrong_kind("a referral program"));
    }
    let change = if is_cancelled {
        Change::Cancel { friend }
    } else {
        let delay = call.json()?.get("delayInDays").cloned().unwrap_or(json!(0));
        let delay_in_days = delay.as_i64().filter(|days| (0..=90).contains(days));
        let delay_in_days = delay_in_days
            .ok_or_else(|| Refusal::bad("delayInDays must be a whole number from 1 to 90."))?;
        Change::Convert { friend, delay_in_days }
    };
    match world.apply(slot, call.now, change) {
        Ok(()) => Ok(json!({"success": true, "message": null})),
        // Past the window it is a success that awards nothing.
        Err(message) if message.ends_with("expired") => {
            Ok(json!({"success": true, "message": null}))
        }
        Err(message) => Ok(json!({"success": false, "message": message})),
    }
}

fn webhooks(campaign: &mut Campaign, call: &Call<'_>, below: &[&str]) -> Result<Value, Refusal> {
    let body = call.json()?;
    let (id, below) = match below {
        [] if call.method == Method::GET => return Ok(json!({"webhooks": campaign.webhooks})),
        [] if call.method == Method::POST => return webhook::create(&mut campaign.webhooks, &body),
        [id, below @ ..] => (*id, below),
        [] => return Err(Refusal::not_found("The path")),
    };
    let place = campaign.webhooks.iter().position(|webhook| webhook["id"] == id);
    let place = place.ok_or_else(|| Refusal::not_found("The webhook"))?;
    match (call.method, below) {
        (&Method::PATCH, []) => webhook::update(&mut campaign.webhooks[place], &body),
        (&Method::DELETE, []) => {
            campaign.webhooks.remove(place);
            Ok(json!({"id": id, "success": true}))
        }
        (&Method::POST, ["test"]) => {
            let event = webhook::event_to_test(&campaign.webhooks[place], &body)?;
            let payload = notice::example(campaign, &event, call.now);
            let response = json!({"msg": "OK", "statusCode": 200});
            Ok(json!({"success": true, "payload": payload, "response": response}))
        }
        _ => Err(Refusal::not_found("The path")),
    }
}

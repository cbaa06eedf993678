//! The paths of the API: what a request asks for, and the JSON that answers it.

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::{
    affiliate,
    campaign::{Campaign, NOW},
    deliveries, hooks,
    ids::Named,
    order::By,
    query::{self, Query},
    referrals,
    refusal::Refusal,
    rewards, rows, update,
    world::World,
};

/// A request as far as it is told apart.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    /// Below `/growsurf/v2/`, decoded.
    pub(super) path: Vec<String>,
    pub(super) query: Query,
    pub(super) body: &'a [u8],
    pub(super) now: i64,
}

impl Call<'_> {
    /// The decoded segments of a raw path.
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
}

/// Does what is asked for.
///
/// # Errors
///
/// Refuses what isn't known or makes no sense.
pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["campaigns"] if call.method == Method::GET => {
            let campaigns: Vec<Value> = world.campaigns.iter_mut().map(program).collect();
            Ok(json!({"campaigns": campaigns}))
        }
        ["campaign", id, rest @ ..] => {
            let campaign = world.campaign(id).ok_or_else(|| Refusal::not_found("The program"))?;
            match (call.method, rest) {
                (&Method::POST, ["participant"]) => update::add(campaign, &call.json()?, call.now),
                (_, ["participant", who, rest @ ..]) => participant(campaign, call, who, rest),
                (&Method::GET, rest) => show(campaign, call, rest),
                (_, ["webhooks", rest @ ..]) => webhooks(campaign, call, rest),
                _ => Err(Refusal::not_found("The path")),
            }
        }
        _ => Err(Refusal::not_found("The path")),
    }
}

fn show(campaign: &mut Campaign, call: &Call<'_>, path: &[&str]) -> Result<Value, Refusal> {
    match path {
        [] => Ok(program(campaign)),
        ["participants"] => participants(campaign, &call.query),
        ["referrals"] => referrals::list(campaign, None, &call.query),
        ["commissions"] => affiliate::commissions(campaign, None, &call.query),
        ["payouts"] => affiliate::payouts(campaign, None, &call.query),
        ["webhooks"] => Ok(json!({"webhooks": campaign.webhooks})),
        ["integrations"] => Ok(json!({"integrations": campaign.integrations})),
        _ => Err(Refusal::not_found("The path")),
    }
}

fn program(campaign: &mut Campaign) -> Value {
    let totals = campaign.totals();
    json!({
        "id": campaign.named.id, "name": campaign.named.name, "type": campaign.named.kind.name(),
        "status": "IN_PROGRESS", "currencyISO": "USD", "rewards": rewards::offered(campaign),
        "participantCount": campaign.len() - campaign.deleted.len() as u64,
        "referralCount": totals.referrals, "winnerCount": totals.winners,
        "inviteCount": campaign.fiction.invitations(), "impressionCount": campaign.len() * 20,
    })
}

fn participants(campaign: &Campaign, query: &Query) -> Result<Value, Refusal> {
    let limit = query.limit()?;
    let place = |id| match campaign.ids.read(id) {
        Some(Named::Participant(index)) if index < campaign.len() => Ok(index),
        _ => Err(Refusal::bad("nextId is not the id of a participant.")),
    };
    let from = query.get("nextId").map(place).transpose()?;
    let there = campaign.walk(By::Created, true, from);
    let there = there.filter(|index| campaign.is_there(*index, NOW));
    let (page, next) = query::page(there, limit);
    let participants: Vec<Value> =
        page.into_iter().map(|index| rows::row(campaign, index)).collect();
    let next = next.map(|index| campaign.id(index));
    Ok(json!({"participants": participants, "limit": limit, "nextId": next}))
}

fn participant(
    campaign: &mut Campaign,
    call: &Call<'_>,
    who: &str,
    path: &[&str],
) -> Result<Value, Refusal> {
    let index = campaign.find(who).ok_or_else(|| Refusal::nobody(who))?;
    match (call.method, path) {
        (&Method::GET, []) => Ok(rows::row(campaign, index)),
        (&Method::POST, []) => update::update(campaign, index, &call.json()?, call.now),
        (&Method::POST, ["ref"]) => Ok(update::trigger(campaign, index, call.now)),
        (&Method::GET, ["referrals"]) => referrals::list(campaign, Some(index), &call.query),
        (&Method::GET, ["rewards"]) => {
            let rewards = rewards::of(campaign, index);
            Ok(json!({"rewards": rewards, "limit": call.query.limit()?, "nextId": null}))
        }
        (&Method::GET, ["commissions"]) => {
            affiliate::commissions(campaign, Some(index), &call.query)
        }
        (&Method::GET, ["payouts"]) => affiliate::payouts(campaign, Some(index), &call.query),
        _ => Err(Refusal::not_found("The path")),
    }
}

fn webhooks(campaign: &mut Campaign, call: &Call<'_>, path: &[&str]) -> Result<Value, Refusal> {
    let body = call.json()?;
    let (id, rest) = match path {
        [] if call.method == Method::POST => return hooks::create(&mut campaign.webhooks, &body),
        [id, rest @ ..] => (*id, rest),
        [] => return Err(Refusal::not_found("The path")),
    };
    let mut webhooks = campaign.webhooks.iter_mut();
    let webhook = webhooks.find(|webhook| webhook["id"] == id);
    let webhook = webhook.ok_or_else(|| Refusal::not_found("The webhook"))?;
    match (call.method, rest) {
        (&Method::PATCH, []) => hooks::update(webhook, &body),
        (&Method::POST, ["test"]) => {
            let event = hooks::event_to_test(webhook, &body)?;
            let payload = deliveries::example(campaign, &event, call.now);
            let response = json!({"msg": "OK", "statusCode": 200});
            Ok(json!({"success": true, "payload": payload, "response": response}))
        }
        _ => Err(Refusal::not_found("The path")),
    }
}

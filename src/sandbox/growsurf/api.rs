//! The endpoints of the REST API, with the scope that each needs.

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::campaign::Campaign;
use super::keys::Key;
use super::page::Query;
use super::refusal::Refusal;
use super::world::World;
use super::{commission, participant, referral, reward, webhook};

/// What an endpoint answers.
pub(super) type Answered = Result<Value, Refusal>;
/// A method, the path below the campaign's, where `*` is any segment, the scope, and the work.
type Endpoint = (Method, &'static [&'static str], &'static str, fn(&mut Call<'_>) -> Answered);

#[rustfmt::skip]
const ENDPOINTS: [Endpoint; 22] = [
    (Method::GET, &[], "program:read", |call| Ok(call.campaign().summary())),
    (Method::GET, &["reward-configs"], "program:read",
        |call| Ok(json!({"rewards": call.campaign().rewards}))),
    (Method::GET, &["integrations"], "program:read",
        |call| Ok(json!({"integrations": call.campaign().integrations}))),
    (Method::GET, &["webhooks"], "program:read",
        |call| Ok(json!({"webhooks": call.campaign().webhooks}))),
    (Method::POST, &["webhooks"], "program:write", webhook::create),
    (Method::PATCH, &["webhooks", "*"], "program:write", webhook::update),
    (Method::DELETE, &["webhooks", "*"], "program:write", webhook::delete),
    (Method::POST, &["webhooks", "*", "test"], "program:write", webhook::test),
    (Method::GET, &["participants"], "participant:read", participant::list),
    (Method::POST, &["participant"], "participant:write", participant::add),
    (Method::GET, &["participant", "*"], "participant:read", participant::show),
    (Method::POST, &["participant", "*"], "participant:write", participant::update),
    (Method::DELETE, &["participant", "*"], "participant:delete", participant::delete),
    (Method::POST, &["participant", "*", "ref"], "participant:write", referral::trigger),
    (Method::DELETE, &["participant", "*", "ref"], "participant:write", referral::cancel),
    (Method::GET, &["referrals"], "participant:read", referral::list),
    (Method::GET, &["participant", "*", "referrals"], "participant:read", referral::list),
    (Method::GET, &["participant", "*", "rewards"], "reward:read", reward::list),
    (Method::GET, &["commissions"], "reward:read", commission::commissions),
    (Method::GET, &["participant", "*", "commissions"], "reward:read", commission::commissions),
    (Method::GET, &["payouts"], "reward:read", commission::payouts),
    (Method::GET, &["participant", "*", "payouts"], "reward:read", commission::payouts),
];

/// A request to an endpoint of a campaign.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) world: &'a mut World,
    pub(super) slot: usize,
    /// The segment at the `*` of the path.
    pub(super) id: Option<&'a str>,
    pub(super) query: Query,
    pub(super) body: Map<String, Value>,
    pub(super) now: i64,
}

impl Call<'_> {
    pub(super) fn campaign(&self) -> &Campaign {
        &self.world.campaigns[self.slot]
    }

    /// Returns the participant in the path, if the path has one.
    pub(super) fn of(&self) -> Result<Option<usize>, Refusal> {
        self.id.map(|id| self.campaign().find(id).map_err(Into::into)).transpose()
    }

    /// Returns the participant in a path that has one.
    pub(super) fn one(&self) -> Result<usize, Refusal> {
        Ok(self.campaign().find(self.id.unwrap_or_default())?)
    }

    /// Makes a change, as the control interface would send it.
    pub(super) fn change(&mut self, change: Value) -> Result<(), String> {
        let change = serde_json::from_value(change).map_err(|error| error.to_string())?;
        self.world.apply(self.slot, self.now, change)
    }
}

/// Decodes the segments of a raw path.
pub(super) fn segments(path: &str) -> Vec<String> {
    let decoded = |segment| percent_decode_str(segment).decode_utf8_lossy().into_owned();
    path.split('/').map(decoded).collect()
}

/// Does what a request asks for.
pub(super) fn answer(
    world: &mut World,
    key: &Key,
    (method, path, query): (&Method, &[String], Query),
    body: &[u8],
    now: i64,
) -> Answered {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if (method, path.as_slice()) == (&Method::GET, &["campaigns"][..]) {
        if !key.may("program:read", None) {
            return Err(Refusal::forbidden());
        }
        let is_seen = |it: &&Campaign| key.may("program:read", Some(&it.named.id));
        let seen = world.campaigns.iter().filter(is_seen);
        return Ok(json!({"campaigns": seen.map(Campaign::summary).collect::<Vec<_>>()}));
    }
    let ["campaign", id, below @ ..] = path.as_slice() else {
        return Err(Refusal::not_found("The path"));
    };
    let slot = world.slot(Some(id)).map_err(|_| Refusal::not_found("The program"))?;
    let fits = |(of, pattern, ..): &&Endpoint| {
        let mut segments = pattern.iter().zip(below);
        of == method
            && pattern.len() == below.len()
            && segments.all(|(part, sent)| *part == "*" || part == sent)
    };
    let endpoint = ENDPOINTS.iter().find(fits).ok_or_else(|| Refusal::not_found("The path"))?;
    let (_, pattern, scope, work) = endpoint;
    if !key.may(scope, Some(id)) {
        return Err(Refusal::forbidden());
    }
    let body = if body.is_empty() { b"{}" } else { body };
    let body = serde_json::from_slice(body).map_err(|_| "The body is not a JSON object.")?;
    let id = pattern.iter().position(|part| *part == "*").map(|place| below[place]);
    work(&mut Call { world, slot, id, query, body, now })
}

//! The endpoints of the REST API, with the scope that each needs.

use serde_json::{Map, Value, json};

use super::campaign::Campaign;
use super::page::Query;
use super::refusal::Refusal;
use super::state::{Growsurf, Scopes};
use super::{commission, participant, referral, reward, webhook};

/// The body of an answer, or why there is none.
pub(super) type Answered = Result<Value, Refusal>;

/// A request to an endpoint of a campaign.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) campaign: &'a mut Campaign,
    pub(super) query: Query,
    pub(super) body: Map<String, Value>,
    pub(super) now: i64,
}

/// Does what a request asks for, if the key has the scope.
pub(super) fn answer(
    growsurf: &mut Growsurf,
    scopes: &Scopes,
    (method, path, query): (&str, &[&str], Query),
    body: &[u8],
    now: i64,
) -> Answered {
    let below = path.get(2..).unwrap_or_default();
    let scope = scope(method, below).ok_or_else(|| Refusal::not_found("The path"))?;
    if scopes.as_ref().is_some_and(|scopes| scopes.iter().all(|it| it != scope)) {
        return Err(forbidden());
    }
    match path {
        ["campaigns"] => {
            let campaigns = growsurf.campaigns.iter().map(Campaign::summary);
            Ok(json!({"campaigns": campaigns.collect::<Vec<_>>()}))
        }
        ["campaign", id, ..] => {
            let campaign = growsurf.campaign(Some(id));
            let campaign = campaign.map_err(|_| Refusal::not_found("The program"))?;
            let body = if body.is_empty() { b"{}" } else { body };
            let body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            work(&mut Call { campaign, query, body, now }, method, below)
        }
        _ => Err(Refusal::not_found("The path")),
    }
}

/// Returns the refusal of a key that is missing, unknown or not allowed to do this.
pub(super) fn forbidden() -> Refusal {
    Refusal::of(403, "You do not have access to this resource.")
}

/// Returns the scope that an endpoint below a campaign needs, if there is such an endpoint.
fn scope(method: &str, below: &[&str]) -> Option<&'static str> {
    Some(match (method, below) {
        ("GET", [] | ["reward-configs" | "integrations" | "webhooks"]) => "program:read",
        ("PATCH", ["webhooks", _]) | ("POST", ["webhooks", _, "test"]) => "program:write",
        ("GET", ["participants" | "referrals"] | ["participant", _])
        | ("GET", ["participant", _, "referrals"]) => "participant:read",
        ("POST", ["participant"] | ["participant", _] | ["participant", _, "ref"])
        | ("DELETE", ["participant", _, "ref"]) => "participant:write",
        ("GET", ["commissions" | "payouts"] | ["participant", _, "rewards"]) => "reward:read",
        _ => return None,
    })
}

fn work(call: &mut Call<'_>, method: &str, below: &[&str]) -> Answered {
    match (method, below) {
        ("GET", []) => Ok(call.campaign.summary()),
        ("GET", ["reward-configs"]) => Ok(json!({"rewards": call.campaign.setup["rewards"]})),
        ("GET", [list @ ("webhooks" | "integrations")]) => {
            Ok(json!({*list: call.campaign.setup[*list]}))
        }
        ("PATCH", ["webhooks", id]) => webhook::update(call, id),
        ("POST", ["webhooks", id, "test"]) => webhook::test(call, id),
        ("GET", ["participants"]) => participant::list(call),
        ("GET", ["referrals"]) => referral::list(call, None),
        ("GET", [list @ ("commissions" | "payouts")]) => commission::list(call, list),
        ("POST", ["participant"]) => participant::add(call),
        (_, ["participant", who, below @ ..]) => {
            let index = call.campaign.find(who)?;
            of_participant(call, method, index, below)
        }
        _ => Err(Refusal::not_found("The path")),
    }
}

fn of_participant(call: &mut Call<'_>, method: &str, index: usize, below: &[&str]) -> Answered {
    match (method, below) {
        ("GET", []) => participant::show(call, index),
        ("POST", []) => {
            call.campaign.update(index, &call.body)?;
            participant::show(call, index)
        }
        ("POST", ["ref"]) => referral::trigger(call, index),
        ("DELETE", ["ref"]) => referral::cancel(call, index),
        ("GET", ["referrals"]) => referral::list(call, Some(index)),
        ("GET", ["rewards"]) => reward::list(call, index),
        _ => Err(Refusal::not_found("The path")),
    }
}

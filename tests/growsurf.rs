//! Facts that GrowSurf never sends: history, conversions, shares, changed addresses, and the state of its
//! webhooks. The stand-in GrowSurf holds the facts, the stand-in Customer.io the arrivals.

mod comparing;
mod history;
mod lists;
mod odd;
mod watching;

use std::collections::{BTreeMap, BTreeSet};

use crate::kit::growsurf::Growsurf;
use crate::kit::relay::Relay;
use crate::kit::sandbox::Sandbox;

/// Returns a stand-in of both services.
fn services() -> (Sandbox, Growsurf) {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    (sandbox, growsurf)
}

/// Returns the effects that arrived, without shares, to be compared with [`Growsurf::effects`].
fn arrived(sandbox: &Sandbox, growsurf: &Growsurf) -> BTreeSet<String> {
    let ids: BTreeMap<String, String> = growsurf
        .participants()
        .iter()
        .map(|row| {
            (row["email"].as_str().unwrap().to_owned(), row["id"].as_str().unwrap().to_owned())
        })
        .collect();
    let events = sandbox.events();
    let reported: Vec<String> = events
        .iter()
        .filter(|event| event.name() != "referral_shared")
        .map(|event| {
            let (name, person) = (event.name(), event.person());
            match name {
                "referral_friend_signed_up" => {
                    let friend = event.data()["friend_email"].as_str().unwrap();
                    format!("{name} {person} {}", ids[friend])
                }
                "referral_reward_claimed" => {
                    format!("{name} {person} {}", event.data()["reward_id"].as_str().unwrap())
                }
                _ => format!("{name} {person}"),
            }
        })
        .collect();
    let distinct: BTreeSet<String> = reported.iter().cloned().collect();
    assert_eq!(distinct.len(), reported.len(), "an effect arrived under two ids");
    distinct
}

/// Returns the ids of all events that arrived.
fn ids(sandbox: &Sandbox) -> BTreeSet<String> {
    sandbox.events().iter().map(|event| event.id().to_owned()).collect()
}

fn send(relay: &Relay, body: &str) {
    let answer = relay.try_send_body(body.to_owned()).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}

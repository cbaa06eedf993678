//! What GrowSurf never sends: history, conversions, shares, changed addresses, and the state of its
//! webhooks. The stand-in GrowSurf tells what there is, the stand-in Customer.io what arrived.

use std::collections::BTreeSet;

use serde_json::json;

use crate::kit::growsurf::{DAY, Growsurf, HOUR};
use crate::kit::http;
use crate::kit::ids::signature;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::{eventually, now_millis};

/// A stand-in of both services.
fn services() -> (Sandbox, Growsurf) {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    (sandbox, growsurf)
}

/// What arrived, to be compared with [`Growsurf::effects`]; shares aside.
fn arrived(sandbox: &Sandbox, growsurf: &Growsurf) -> BTreeSet<String> {
    let ids: std::collections::BTreeMap<String, String> = growsurf
        .participants()
        .iter()
        .map(|row| {
            (row["email"].as_str().unwrap().to_owned(), row["id"].as_str().unwrap().to_owned())
        })
        .collect();
    let events = sandbox.events();
    let told: Vec<String> = events
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
    let distinct: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(distinct.len(), told.len(), "an effect arrived under two ids");
    distinct
}

/// The ids of all events that arrived.
fn ids(sandbox: &Sandbox) -> BTreeSet<String> {
    sandbox.events().iter().map(|event| event.id().to_owned()).collect()
}

fn send(relay: &Relay, body: &str) {
    let signature = signature(SECRET, now_millis(), body.as_bytes());
    let answer = http::send(relay.post("/webhooks/growsurf", body.to_owned(), Some(signature)));
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn a_dry_run_counts_and_shows_samples_and_changes_nothing() {
    let (sandbox, growsurf) = services();
    growsurf.program(120, 30, 0);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let text = setup.command(&["backfill", "--dry-run"]).expect(0);
    assert!(text.contains("  joined\n") && text.contains("  friend_signed_up\n"), "{text}");
    assert!(text.contains("sample 1") && text.contains("/api/v1/customers/"), "{text}");
    assert!(text.contains("--events all"), "{text}");
    assert!(text.contains("Nothing was sent or stored."), "{text}");
    assert_eq!(setup.number("SELECT COUNT(*) FROM people"), 0);
    assert_eq!(sandbox.calls().len(), 0);
}

#[test]
fn a_backfill_sends_everybody_and_what_triggers_nothing_and_twice_is_once() {
    let (sandbox, growsurf) = services();
    growsurf.program(250, 60, 0);
    let (young, old) = growsurf.effects(3 * DAY);
    assert!(!young.is_empty() && old.len() > 250, "{} {}", young.len(), old.len());
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    // No relay runs: it delivers itself.
    let text = setup.command(&["backfill"]).expect(0);
    assert!(text.contains("Everything is delivered."), "{text}");
    assert_eq!(arrived(&sandbox, &growsurf), old);
    assert_eq!(sandbox.people().len(), 250);
    assert!(text.contains(&format!("{} events left out", young.len())), "{text}");

    let before = sandbox.calls().len();
    let text = setup.command(&["backfill"]).expect(0);
    assert!(text.contains(", 0 with something new"), "{text}");
    assert_eq!(sandbox.calls().len(), before, "{text}");

    let text = setup.command(&["backfill", "--events", "all"]).expect(0);
    assert_eq!(arrived(&sandbox, &growsurf), young.union(&old).cloned().collect(), "{text}");
}

#[test]
fn people_arrive_as_they_are_and_events_with_their_own_times() {
    let (sandbox, growsurf) = services();
    growsurf.program(90, 40, 10);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    setup.command(&["backfill"]).expect(0);
    for row in growsurf.participants() {
        let email = row["email"].as_str().unwrap();
        let attributes = sandbox.attributes(email);
        assert_eq!(attributes["referral_code"], row["id"], "{email}");
        assert_eq!(attributes["total_referrals"], row["referralCount"], "{email}");
        let rewards = row["rewards"].as_array().unwrap().len();
        let counted = attributes["total_rewards"].as_u64().unwrap_or(0);
        assert_eq!(counted, u64::try_from(rewards).unwrap(), "{email}");
        assert_eq!(attributes.get("unsubscribed"), None, "{email}");
    }
    for event in sandbox.events_named("referral_program_joined") {
        let row = growsurf.ask(&format!("campaign/demo01/participant/{}", event.person()));
        assert_eq!(event.timestamp(), row["createdAt"].as_i64().unwrap() / 1_000);
    }
    let claimed = sandbox.events_named("referral_reward_claimed");
    assert!(claimed.iter().all(|event| event.data()["reward_type"].is_string()), "{claimed:?}");
}

#[test]
fn rewards_are_asked_for_only_where_rows_leave_them_out() {
    let (sandbox, growsurf) = services();
    growsurf.program(60, 40, 10);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let asked = || {
        let shown = growsurf.requests();
        let requests = shown["requests"].as_array().unwrap().clone();
        let of_rewards =
            |it: &&serde_json::Value| it["path"].as_str().unwrap().contains("/rewards");
        (requests.iter().filter(of_rewards).count(), requests.len())
    };
    growsurf.forget_requests();
    setup.command(&["backfill"]).expect(0);
    let (rewards, all) = asked();
    assert_eq!(rewards, 0);
    assert!(all <= 6, "{all} requests for 60 participants");
    let (_, effects) = growsurf.effects(0);

    let (other, without) = services();
    let now = now_millis();
    without.program_with(&json!({ "participants": 60, "rewards_in_rows": false,
        "started_at": now - 40 * DAY, "ended_at": now - 10 * DAY }));
    let setup = without.asked_by(Setup::new(&other));
    setup.command(&["backfill"]).expect(0);
    let claimed = |set: &BTreeSet<String>| {
        set.iter().filter(|it| it.starts_with("referral_reward_claimed")).count()
    };
    assert_eq!(claimed(&arrived(&other, &without)), claimed(&effects));
}

#[test]
fn a_backfill_beside_a_relay_and_its_webhooks_repeats_nothing() {
    let (sandbox, growsurf) = services();
    growsurf.program(200, 20, 0);
    let relay = growsurf.asked_by(Setup::new(&sandbox)).start();
    let webhooks = growsurf.webhooks(20 * DAY);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| webhooks.iter().for_each(|body| send(&relay, body)));
        let text = relay.setup().command(&["backfill", "--events", "all"]).expect(0);
        assert!(
            text.contains("The running relay delivers") || text.contains("delivered"),
            "{text}"
        );
        sending.join().unwrap();
    });
    relay.drained();
    let (young, old) = growsurf.effects(3 * DAY);
    assert_eq!(arrived(&sandbox, &growsurf), young.union(&old).cloned().collect());
    // What both told is one participant of one person each.
    assert_eq!(sandbox.people().len(), 200);
}

#[test]
fn one_comparison_restores_what_a_day_of_lost_webhooks_would_have_told() {
    let (heard, growsurf) = services();
    let deaf = Sandbox::start();
    growsurf.program(50, 40, 5);
    let told = growsurf.asked_by(Setup::new(&heard)).start();
    let untold = growsurf.asked_by(Setup::new(&deaf)).start();
    for relay in [&told, &untold] {
        relay.setup().command(&["backfill"]).expect(0);
        relay.drained();
    }
    // A day passes: somebody joins, friends join through them, some convert.
    let referrer = growsurf.participants()[0]["id"].as_str().unwrap().to_owned();
    let joins: Vec<_> = (0..12)
        .map(|number| {
            let email = format!("new{number}@example.com");
            match number % 3 {
                0 => json!({ "join": { "email": email, "firstName": "New" } }),
                _ => json!({ "join": { "email": email, "referredBy": referrer } }),
            }
        })
        .collect();
    let joined = growsurf.change(20 * HOUR, &json!(joins));
    growsurf.change(
        10 * HOUR,
        &json!([
            { "convert": { "friend": joined[1] } },
            { "convert": { "friend": joined[2] } },
            { "reward": { "participant": joined[0] } },
        ]),
    );
    for body in growsurf.webhooks(DAY) {
        send(&told, &body);
    }
    told.drained();
    let by_webhook = ids(&heard);
    let text = untold.setup().command(&["sync"]).expect(0);
    untold.drained();
    let by_sync = ids(&deaf);
    assert!(by_webhook.is_subset(&by_sync), "{text}");
    // Conversions are what no webhook tells.
    let more: Vec<_> = by_sync.difference(&by_webhook).collect();
    let conversions = deaf.events_named("referral_converted");
    let of_today = conversions.iter().filter(|event| more.contains(&&event.id().to_owned()));
    assert_eq!((more.len(), of_today.count()), (2, 2), "{text}");
    told.setup().command(&["sync"]).expect(0);
    told.drained();
    assert_eq!(ids(&heard), by_sync);
    for relay in [&told, &untold] {
        let text = relay.setup().command(&["sync"]).expect(0);
        assert!(text.contains(", 0 with something new"), "{text}");
    }
}

//! Backfill: everything once, whatever happens on the way.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};

use super::{arrived, send, services};
use crate::kit::growsurf::DAY;
use crate::kit::process::Process;
use crate::kit::relay::Setup;
use crate::kit::{eventually, now_millis};

#[test]
fn a_dry_run_counts_and_shows_samples_and_changes_nothing() {
    let (sandbox, growsurf) = services();
    growsurf.program(120, 30, 0);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let mut rows = growsurf.participants().into_iter();
    let referrer = rows.find(|row| row["referralCount"].as_u64() > Some(0)).unwrap();
    let address = json!({ "email": "ra\u{200f}e@example.com" });
    growsurf.update(referrer["id"].as_str().unwrap(), &address);
    let text = setup.command(&["backfill", "--dry-run"]).expect(0);
    assert!(text.contains(" can't be mapped, or only in part:\n"), "{text}");
    assert!(text.contains("  joined\n") && text.contains("  friend_signed_up\n"), "{text}");
    assert!(text.contains("sample 1") && text.contains("/api/v1/customers/"), "{text}");
    assert!(text.contains("--events all"), "{text}");
    assert!(text.contains("Nothing was sent or stored."), "{text}");
    setup.command(&["sync", "--dry-run"]).expect(0);
    setup.command(&["webhook", "status"]);
    setup.command(&["webhook", "enable"]);
    let refused = setup.command(&["dead-letters", "list"]).expect(1);
    assert!(refused.contains("there is no store"), "a dry run makes none: {refused}");

    setup.clone().start().terminate();
    assert!(setup.command(&["backfill", "--dry-run"]).expect(0).contains("  joined\n"));
    assert_eq!(setup.number("SELECT COUNT(*) FROM people"), 0);
    assert_eq!(sandbox.calls().len(), 0);
}

/// Returns the counts of a command's only campaign.
fn found(setup: &Setup, command: &[&str]) -> Value {
    let printed = setup.command(&[command, &["--json"]].concat());
    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    document["campaigns"][0]["found"].clone()
}

#[test]
fn a_dry_run_counts_what_the_real_run_counts() {
    for program in [
        json!({ "participants": 60 }),
        json!({ "participants": 60, "rewards_in_rows": false }),
        json!({ "participants": 60, "campaigns": [{ "id": "demo01", "type": "AFFILIATE" }] }),
    ] {
        let (sandbox, growsurf) = services();
        growsurf.program_with(&program);
        let setup = growsurf.asked_by(Setup::new(&sandbox));
        for command in [&["backfill"][..], &["sync"], &["backfill", "--events", "all"]] {
            growsurf.forget_requests();
            let dry = found(&setup, &[command, &["--dry-run"]].concat());
            let asked = growsurf.requests()["requests"].as_array().unwrap().len();
            growsurf.forget_requests();
            assert_eq!(dry, found(&setup, command), "{program} {command:?}");
            assert_eq!(growsurf.requests()["requests"].as_array().unwrap().len(), asked);
        }
    }
}

#[test]
fn a_dry_run_shows_the_profiles_that_are_sent() {
    let (sandbox, growsurf) = services();
    growsurf.program(60, 30, 10);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let printed = setup.command(&["backfill", "--dry-run", "--json"]);
    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    let samples = document["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 3);
    setup.command(&["backfill"]).expect(0);
    for lane in samples.iter().flat_map(|sample| sample.as_array().unwrap()) {
        let attributes = sandbox.attributes(lane["person"]["email"].as_str().unwrap());
        let calls = lane["calls"].as_array().unwrap();
        let shown = calls.iter().find(|call| call["call"] == "identify").unwrap();
        for (name, value) in shown["request"]["body"].as_object().unwrap() {
            assert!(attributes.get(name).is_none_or(|sent| sent == value), "{name}: {lane}");
        }
    }
}

#[test]
fn a_signal_ends_a_command_that_waits_for_growsurfs_first_answer() {
    let (sandbox, growsurf) = services();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let setup = growsurf.asked_by(Setup::new(&sandbox)).set("growsurf.base_url", silent_url);
    let temporary = setup.folder().join("temporary");
    fs::create_dir(&temporary).unwrap();
    // The dry run first, before there is a store.
    for command in [&["backfill", "--dry-run"][..], &["backfill"], &["sync"]] {
        let mut prepared = setup.prepared(command);
        prepared.env("TMPDIR", &temporary);
        let mut process = Process::spawn(prepared);
        let _request = silent.accept().unwrap();
        process.signal("TERM");
        assert_eq!(process.wait().code(), Some(1), "{command:?}");
        let printed = process.output().join("\n");
        assert!(printed.contains("stopped before anything was read"), "{command:?}: {printed}");
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "{command:?}");
    }
}

#[test]
fn a_backfill_sends_people_and_old_events_and_a_repetition_sends_nothing() {
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
    assert!(text.contains(", 0 changed"), "{text}");
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
        let rewards = row["rewards"].as_array().unwrap().iter();
        let rewards = rewards.filter(|reward| reward["approved"] == true).count();
        let counted = attributes["total_rewards"].as_u64().unwrap_or(0);
        assert_eq!(counted, u64::try_from(rewards).unwrap(), "{email}");
        // Only an end of a subscription that the relay sees is passed on.
        assert_eq!(attributes.get("unsubscribed"), None, "{email}");
    }
    for event in sandbox.events_named("referral_program_joined") {
        let row = growsurf.ask(&format!("campaign/demo01/participant/{}", event.person()));
        assert_eq!(event.timestamp(), row["createdAt"].as_i64().unwrap() / 1_000);
    }
    let claimed = sandbox.events_named("referral_reward_claimed");
    let rows = growsurf.participants();
    let rewards = || rows.iter().flat_map(|row| row["rewards"].as_array().unwrap());
    // One that is switched off is completed like the others.
    assert!(rewards().any(|reward| reward["rewardId"] == "crew_launch"));
    for event in &claimed {
        let id = &event.data()["reward_id"];
        let reward = rewards().find(|reward| reward["id"] == *id).unwrap();
        let (is_referrer, configured) = (reward["isReferrer"] == true, &reward["rewardId"]);
        let expected = match (configured.as_str().unwrap(), is_referrer) {
            ("crew_both01", true) => json!(["DOUBLE_SIDED", "referrer", 25, "REFERRER-25"]),
            ("crew_both01", false) => json!(["DOUBLE_SIDED", "friend", 10, "FRIEND-10"]),
            ("crew_launch", _) => json!(["SINGLE_SIDED", "referrer", 5, "LAUNCH-5"]),
            ("crew_vip005", _) => json!(["MILESTONE", "referrer", 100, null]),
            other => panic!("{other:?}"),
        };
        let names = ["reward_type", "earned_as", "reward_value", "coupon_code"];
        let sent: Vec<&Value> = names.iter().map(|name| &event.data()[name]).collect();
        assert_eq!(json!(sent), expected, "{id}");
    }
}

#[test]
fn rewards_are_read_only_if_rows_omit_them() {
    let (sandbox, growsurf) = services();
    growsurf.program(60, 40, 10);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let asked = || {
        let shown = growsurf.requests();
        let requests = shown["requests"].as_array().unwrap().clone();
        let of_rewards = |it: &&Value| it["path"].as_str().unwrap().contains("/rewards");
        (requests.iter().filter(of_rewards).count(), requests.len())
    };
    growsurf.forget_requests();
    setup.command(&["backfill"]).expect(0);
    let (rewards, all) = asked();
    assert_eq!(rewards, 0);
    assert!(all <= 7, "{all} requests for 60 participants");
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
    // A participant that both reported is one person.
    assert_eq!(sandbox.people().len(), 200);
}

#[test]
fn a_backfill_that_is_killed_again_and_again_ends_with_every_effect_once() {
    let knob =
        |name: &str, usual: usize| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (participants, kills) =
        (knob("RELAY_TEST_PARTICIPANTS", 1_500), knob("RELAY_TEST_KILLS", 8));
    let (sandbox, growsurf) = services();
    growsurf.program(participants, 60, 10);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    // So slow that a kill comes somewhere between any two steps.
    growsurf.faults(&json!([{ "latency_ms": 15 }]));
    let mut random = fastrand::Rng::new();
    for _ in 0..kills {
        let mut process = Process::spawn(setup.prepared(&["backfill"]));
        let requests = growsurf.requests()["total"].as_u64().unwrap();
        let pages = random.u64(1..6);
        eventually("it is on its way", || {
            process.has_ended()
                || growsurf.requests()["total"].as_u64().unwrap() >= requests + pages
        });
        process.kill();
    }
    growsurf.faults(&json!([]));
    let text = setup.command(&["backfill"]).expect(0);
    assert!(text.contains("Everything is delivered."), "{text}");
    let (_, effects) = growsurf.effects(0);
    assert_eq!(arrived(&sandbox, &growsurf), effects);
    assert_eq!(sandbox.people().len(), participants);
    println!("{participants} participants, {kills} kills, {} effects once each", effects.len());
}

#[test]
fn a_person_from_a_backfill_can_be_erased() {
    let (sandbox, growsurf) = services();
    growsurf.program(60, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    setup.command(&["backfill"]).expect(0);
    let all = growsurf.participants();
    let friend = all.iter().find(|row| row["referrer"].is_object()).unwrap();
    let email = friend["email"].as_str().unwrap();
    assert!(!setup.holding(email).is_empty());
    setup.command(&["erase", email]).expect(0);
    assert_eq!(setup.holding(email), [""; 0]);
    // GrowSurf still has them, and they stay erased.
    setup.command(&["backfill", "--events", "all"]).expect(0);
    assert_eq!(setup.holding(email), [""; 0]);
}

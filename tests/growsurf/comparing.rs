//! Sync: facts that no webhook reports, and the reports of lost webhooks.

use serde_json::{Value, json};

use super::{arrived, ids, services};
use crate::kit::calls::Call;
use crate::kit::eventually;
use crate::kit::growsurf::{DAY, Growsurf, HOUR};
use crate::kit::relay::Setup;
use crate::kit::sandbox::Sandbox;

#[test]
fn one_comparison_restores_the_events_of_a_day_of_lost_webhooks() {
    let (heard, growsurf) = services();
    let deaf = Sandbox::start();
    growsurf.program(50, 40, 5);
    let reported = growsurf.asked_by(Setup::new(&heard)).start();
    let untold = growsurf.asked_by(Setup::new(&deaf)).start();
    for relay in [&reported, &untold] {
        relay.setup().command(&["backfill", "--events", "all"]).expect(0);
        relay.drained();
    }
    // A day passes: people join, friends join through them, some convert.
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
    growsurf.play(&reported, DAY);
    let by_webhook = ids(&heard);
    let text = untold.setup().command(&["sync"]).expect(0);
    untold.drained();
    let by_sync = ids(&deaf);
    assert!(by_webhook.is_subset(&by_sync), "{text}");
    // No webhook reports conversions.
    let more: Vec<_> = by_sync.difference(&by_webhook).collect();
    let conversions = deaf.events_named("referral_converted");
    let of_today = conversions.iter().filter(|event| more.contains(&&event.id().to_owned()));
    assert_eq!((more.len(), of_today.count()), (2, 2), "{text}");
    reported.setup().command(&["sync"]).expect(0);
    reported.drained();
    assert_eq!(ids(&heard), by_sync);
    for relay in [&reported, &untold] {
        let text = relay.setup().command(&["sync"]).expect(0);
        assert!(text.contains(", 0 changed"), "{text}");
    }
}

#[test]
fn a_running_relay_finds_conversions_and_shares_by_itself() {
    let (sandbox, growsurf) = services();
    growsurf.program(40, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let relay = setup
        .set("sync.enabled", "true")
        .set("sync.every", "100ms")
        .set("sync.full_every", "100ms")
        .set("sync.overlap", "2h")
        .start();
    // The first comparison sends people, and no event of before the store was made.
    eventually("everybody is there", || sandbox.people().len() == 40);
    relay.drained();
    assert_eq!(sandbox.event_lines(), [""; 0]);
    let pending =
        growsurf.participants().into_iter().find(|it| it["referralStatus"] == "CREDIT_PENDING");
    let pending = pending.expect("a friend whose conversion waits");
    let (friend, email) = (pending["id"].as_str().unwrap(), pending["email"].as_str().unwrap());
    growsurf.change(
        0,
        &json!([
            { "convert": { "friend": friend } },
            { "share": { "participant": friend, "channel": "email", "times": 2 } },
            { "share": { "participant": friend, "channel": "copyRefLink" } },
            { "share": { "participant": friend, "channel": "facebook" } },
            { "share": { "participant": friend, "channel": "newChannel" } },
        ]),
    );
    eventually("the conversion arrives", || !sandbox.events_named("referral_converted").is_empty());
    eventually("the shares arrive", || sandbox.events_named("referral_shared").len() == 5);
    relay.drained();
    assert_eq!(sandbox.event("referral_converted").person(), email);
    let mut shares: Vec<(String, String)> = sandbox
        .events_named("referral_shared")
        .iter()
        .map(|event| {
            assert_eq!(event.person(), email);
            let data = event.data();
            assert!(data["shared_after"].as_i64().unwrap() <= event.timestamp(), "{data}");
            let text = |name: &str| data[name].as_str().unwrap().to_owned();
            (text("share_channel"), text("share_method"))
        })
        .collect();
    shares.sort();
    let expected = [
        ("copyRefLink", "link"),
        ("email", "email"),
        ("email", "email"),
        ("facebook", "social"),
        ("newChannel", "other"),
    ];
    let expected = expected.map(|(channel, method)| (channel.to_owned(), method.to_owned()));
    assert_eq!(shares, expected);
    let total: u64 =
        pending["shareCount"].as_object().unwrap().values().filter_map(|it| it.as_u64()).sum();
    assert_eq!(sandbox.attributes(email)["total_shares"], total + 5);
    // A comparison is counted when it has ended, and its calls may be delivered before.
    for (kind, count) in [("shared", 5.0), ("converted", 1.0)] {
        let metric = format!("relay_sync_healed_total{{kind=\"{kind}\"}}");
        eventually("it is counted", || relay.metric(&metric) == Some(count));
    }
}

#[test]
fn a_changed_address_takes_the_profile_along_and_ends_of_subscriptions_are_passed_on() {
    let (sandbox, growsurf) = services();
    growsurf.program(20, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    setup.command(&["backfill"]).expect(0);
    let all = growsurf.participants();
    let id = |place: usize| all[place]["id"].as_str().unwrap().to_owned();
    let email = |place: usize| all[place]["email"].as_str().unwrap().to_owned();
    growsurf.update(&id(0), &json!({ "email": "moved@example.com" }));
    growsurf.update(&id(1), &json!({ "unsubscribed": true }));
    let text = setup.command(&["sync"]).expect(0);
    assert!(text.contains("  merge") && text.contains("  unsubscribe"), "{text}");
    assert_eq!(sandbox.person(&email(0)), None, "{text}");
    let moved = sandbox.person("moved@example.com").unwrap();
    assert_eq!(moved["attributes"]["referral_code"], id(0));
    let joined = |it: &&Value| it["name"] == "referral_program_joined";
    assert_eq!(moved["events"].as_array().unwrap().iter().filter(joined).count(), 1, "{moved}");
    assert_eq!(sandbox.attributes(&email(1))["unsubscribed"], true);
    // Nobody is ever subscribed again.
    growsurf.update(&id(1), &json!({ "unsubscribed": false }));
    setup.command(&["sync"]).expect(0);
    assert_eq!(sandbox.attributes(&email(1))["unsubscribed"], true);
    let subscribes = |call: &Call| call.data["unsubscribed"] == false;
    assert!(!sandbox.calls().iter().any(subscribes));
    assert_eq!(sandbox.people().len(), 20);
}

#[test]
fn a_change_to_another_persons_address_is_reported_and_merges_nothing() {
    let (sandbox, growsurf) = services();
    growsurf.program(10, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    setup.command(&["backfill"]).expect(0);
    let all = growsurf.participants();
    let (mine, theirs) = (all[0]["id"].as_str().unwrap(), all[1]["email"].as_str().unwrap());
    let other = Growsurf::of(&sandbox);
    other.change(0, &json!([{ "delete": { "participant": all[1]["id"] } }]));
    other.update(mine, &json!({ "email": theirs }));
    let text = setup.command(&["sync"]).expect(0);
    assert!(text.contains("another person has already"), "{text}");
    assert!(text.contains("was deleted at GrowSurf; their profile is kept"), "{text}");
    assert_eq!(sandbox.people().len(), 10);
    let text = setup.command(&["sync"]).expect(0);
    assert!(!text.contains("another person has") && !text.contains("deleted"), "said once: {text}");
}

#[test]
fn a_deleted_participant_is_erased_if_the_settings_say_so() {
    let (sandbox, growsurf) = services();
    growsurf.program(10, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox)).set("sync.deletions", "forget");
    setup.command(&["backfill"]).expect(0);
    let gone = growsurf.participants()[3].clone();
    let email = gone["email"].as_str().unwrap();
    assert!(!setup.holding(email).is_empty());
    growsurf.change(0, &json!([{ "delete": { "participant": gone["id"] } }]));
    // What can't be undone isn't done the first time.
    let text = setup.command(&["sync"]).expect(0);
    assert!(text.contains("if the next full comparison finds the same"), "{text}");
    assert!(!setup.holding(email).is_empty());
    let text = setup.command(&["sync"]).expect(0);
    assert!(text.contains("were erased from the store"), "{text}");
    assert_eq!(setup.holding(email), [""; 0]);
    assert_eq!(setup.number("SELECT COUNT(*) FROM people"), 9);
}

#[test]
fn without_a_backfill_only_what_is_younger_than_the_horizon_is_sent() {
    let (sandbox, growsurf) = services();
    growsurf.program(150, 20, 0);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let (young, old) = growsurf.effects(3 * DAY);
    let text = setup.command(&["sync"]).expect(0);
    assert_eq!(arrived(&sandbox, &growsurf), young);
    assert!(text.contains("`referral-relay backfill --events all` sends those"), "{text}");
    assert_eq!(sandbox.people().len(), 150);
    // What is new since then costs a few requests.
    growsurf.change(HOUR, &json!([{ "join": { "email": "new@example.com" } }]));
    growsurf.forget_requests();
    let text = setup.command(&["sync", "--recent"]).expect(0);
    assert!(text.contains("1  joined"), "{text}");
    let requests = growsurf.requests()["requests"].as_array().unwrap().len();
    assert!(requests <= 4, "{requests} requests");
    let text = setup.command(&["backfill"]).expect(0);
    let reported = arrived(&sandbox, &growsurf);
    assert!(old.is_subset(&reported) && young.is_subset(&reported), "{text}");
}

#[test]
fn what_a_backfill_left_out_no_comparison_sends() {
    let (sandbox, growsurf) = services();
    growsurf.program(40, 2, 0);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let text = setup.command(&["backfill"]).expect(0);
    assert!(text.contains("No `sync` sends them later"), "{text}");
    setup.command(&["sync"]).expect(0);
    assert_eq!(arrived(&sandbox, &growsurf).len(), 0);
    // Later events are sent.
    growsurf.change(0, &json!([{ "join": { "email": "after@example.com" } }]));
    setup.command(&["sync"]).expect(0);
    assert_eq!(sandbox.event_lines(), ["referral_program_joined after@example.com"]);
}

#[test]
fn a_person_of_two_campaigns_is_named_once() {
    let (sandbox, growsurf) = services();
    let campaigns = json!([
        { "id": "demo01", "name": "One", "type": "REFERRAL" },
        { "id": "demo02", "name": "Two", "type": "REFERRAL" },
    ]);
    growsurf.program_with(&json!({ "campaigns": campaigns, "participants": 0 }));
    for campaign in ["demo01", "demo02"] {
        growsurf.change_in(campaign, &json!([{ "join": { "email": "both@example.com" } }]));
    }
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    setup.command(&["backfill", "--events", "all"]).expect(0);
    assert_eq!(sandbox.events_named("referral_program_joined").len(), 2);
    let before = sandbox.calls().len();
    for command in ["sync", "backfill", "sync"] {
        let text = setup.command(&[command]).expect(0);
        assert!(!text.contains("1 changed"), "{text}");
    }
    assert_eq!(sandbox.calls().len(), before);
    // Gone from one campaign is not gone.
    let setup = setup.set("sync.deletions", "forget");
    growsurf.change_in("demo01", &json!([{ "delete": { "participant": "both@example.com" } }]));
    for _ in 0..3 {
        setup.command(&["sync"]).expect(0);
    }
    assert_eq!(setup.number("SELECT COUNT(*) FROM people"), 1);
}

#[test]
fn a_list_that_lacks_nearly_everybody_deletes_nobody() {
    let (sandbox, growsurf) = services();
    growsurf.program(8, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox)).set("sync.deletions", "forget");
    setup.command(&["backfill"]).expect(0);
    growsurf.faults(&json!([
        { "match": { "path": "/participants" }, "status": 200,
          "body": { "participants": [], "limit": 100, "nextId": null } },
        { "match": { "path": "/participant/" }, "status": 400, "body": { "code": "WHAT" } },
    ]));
    for _ in 0..3 {
        let text = setup.command(&["sync"]).expect(0);
        assert!(text.contains("none counts as deleted"), "{text}");
    }
    assert_eq!(setup.number("SELECT COUNT(*) FROM people"), 8);
}

#[test]
fn an_id_stored_in_another_form_is_not_taken_for_deleted() {
    let (sandbox, growsurf) = services();
    growsurf.program(0, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox)).set("sync.deletions", "forget");
    let ids = [json!("a\0b"), json!("plain"), json!(42), json!(" padded "), json!("p5")];
    let rows: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(place, id)| {
            let email = format!("n{place}@example.com");
            json!({ "id": id, "email": email, "createdAt": 1_700_000_000_000_i64 })
        })
        .collect();
    growsurf.faults(&json!([
        { "match": { "path": "/participants" }, "status": 200,
          "body": { "participants": rows, "limit": 100, "nextId": null } },
    ]));
    for _ in 0..3 {
        let text = setup.command(&["sync"]).expect(0);
        assert!(!text.contains("deleted") && !text.contains("missing"), "{text}");
    }
    assert_eq!(setup.number("SELECT COUNT(*) FROM people"), 5);
}

#[test]
fn a_merge_whose_address_has_another_owner_is_a_dead_letter() {
    let (sandbox, growsurf) = services();
    growsurf.program(5, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    setup.command(&["backfill"]).expect(0);
    let moving = growsurf.participants()[0].clone();
    let (id, former) = (moving["id"].as_str().unwrap(), moving["email"].as_str().unwrap());
    let relay = setup.start();
    sandbox.faults(json!([{ "match": { "path": "/api/" }, "status": 503 }]));
    growsurf.update(id, &json!({ "email": "moved@example.com" }));
    relay.command(&["sync"]).expect(0);
    growsurf.change(0, &json!([{ "join": { "email": former, "firstName": "Other" } }]));
    relay.command(&["sync"]).expect(0);
    sandbox.heal();
    relay.drained();
    let letter = relay.only_dead_letter();
    let letter = relay.command(&["dead-letters", "show", &letter]).expect(0);
    assert!(letter.contains("another person's address by now"), "{letter}");
    assert_eq!(sandbox.attributes(former)["first_name"], "Other");
    assert!(sandbox.person("moved@example.com").is_some());
}

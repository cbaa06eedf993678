//! Counts and numbers of friends: the stand-in's whole program is played, in which friends are credited
//! only once they did what the program asks for, and what arrived is compared with what there is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kit::growsurf::{DAY, Growsurf};
use crate::kit::now_millis;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{Webhook, goal_reached, guide, joined};

/// Attributes that are sent only while the relay's counts are complete.
const COUNTS: [&str; 5] = [
    "total_friends",
    "first_referral_date",
    "days_to_first_referral",
    "total_conversions",
    "total_rewards",
];

/// Returns a program that began 40 days ago, and a relay that may ask for it.
fn program() -> (Sandbox, Growsurf, Relay) {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    growsurf.program(240, 40, 0);
    let relay = growsurf.asked_by(Setup::new(&sandbox)).start();
    (sandbox, growsurf, relay)
}

/// Returns the number of friends that each referrer has, by their address, and when the referrer joined.
fn referrers(growsurf: &Growsurf) -> BTreeMap<String, (i64, i64)> {
    let mut referrers = BTreeMap::new();
    let everybody = growsurf.participants();
    let joined_at = |email: &str| {
        let row = everybody.iter().find(|row| row["email"] == email).unwrap();
        row["createdAt"].as_i64().unwrap()
    };
    for email in everybody.iter().filter_map(|row| row["referrer"]["email"].as_str()) {
        let (friends, _) = referrers.entry(email.to_owned()).or_insert((0, joined_at(email)));
        *friends += 1;
    }
    assert!(referrers.len() > 8, "{referrers:?}");
    referrers
}

/// Returns the numbers that a referrer's friends were given, in the order of arrival.
fn numbers(sandbox: &Sandbox, referrer: &str) -> Vec<Option<i64>> {
    let events = sandbox.events_named("referral_friend_signed_up").into_iter();
    let own = events.filter(|event| event.person() == referrer);
    own.map(|event| event.data()["friend_number"].as_i64()).collect()
}

#[track_caller]
fn assert_totals_are_true(sandbox: &Sandbox, growsurf: &Growsurf) {
    for (referrer, (friends, _)) in referrers(growsurf) {
        let attributes = sandbox.attributes(&referrer);
        assert_eq!(attributes["total_friends"], friends, "{referrer}");
        assert!(attributes["first_referral_date"].is_number(), "{referrer}");
    }
}

#[test]
fn by_webhooks_alone_every_referrer_has_one_first_friend_and_the_true_total() {
    let (sandbox, growsurf, relay) = program();
    growsurf.play(&relay, 41 * DAY);
    assert_totals_are_true(&sandbox, &growsurf);
    let referrers = referrers(&growsurf);
    for (referrer, (friends, _)) in &referrers {
        let expected: Vec<_> = (1..=*friends).map(Some).collect();
        assert_eq!(numbers(&sandbox, referrer), expected, "{referrer}");
    }
    let events = sandbox.events_named("referral_friend_signed_up");
    let first: Vec<_> = events.iter().filter(|it| it.data()["friend_number"] == 1).collect();
    assert_eq!(first.len(), referrers.len());
    assert!(
        first.iter().any(|event| event.data()["total_referrals"] == 0),
        "friends sign up before they count"
    );
}

#[test]
fn who_is_not_seen_from_the_start_gets_no_counts_until_a_backfill_has_ended() {
    let (sandbox, growsurf, relay) = program();
    let referrers = referrers(&growsurf);
    let mut times: Vec<i64> = referrers.values().map(|(_, joined_at)| *joined_at).collect();
    times.sort_unstable();
    // Between two referrers; the later is seen from the start.
    let half = times.len() / 2;
    let since = i64::midpoint(times[half - 1], times[half]);
    growsurf.play(&relay, now_millis() - since);
    let mut seen = [0, 0];
    for (referrer, (friends, joined_at)) in referrers {
        let numbers = numbers(&sandbox, &referrer);
        let Some(person) = sandbox.person(&referrer) else { continue };
        let attributes = &person["attributes"];
        if joined_at >= since {
            seen[0] += 1;
            assert_eq!(numbers, (1..=friends).map(Some).collect::<Vec<_>>(), "{referrer}");
            assert_eq!(attributes["total_friends"], friends, "{referrer}");
        } else {
            seen[1] += 1;
            assert!(numbers.iter().all(Option::is_none), "{referrer}: {numbers:?}");
            let sent: Vec<_> = COUNTS.iter().filter(|name| !attributes[**name].is_null()).collect();
            assert!(sent.is_empty(), "{referrer}: {sent:?}");
        }
    }
    assert!(seen.iter().all(|referrers| *referrers > 2), "{seen:?}");

    relay.setup().command(&["backfill"]).expect(0);
    relay.drained();
    assert_totals_are_true(&sandbox, &growsurf);
}

#[test]
fn after_a_backfill_webhooks_change_nothing_and_the_next_friend_is_numbered() {
    let (sandbox, growsurf, relay) = program();
    relay.setup().command(&["backfill"]).expect(0);
    relay.drained();
    assert_totals_are_true(&sandbox, &growsurf);
    let history = sandbox.events_named("referral_friend_signed_up");
    assert!(history.iter().all(|event| event.data()["friend_number"].is_null()));
    growsurf.play(&relay, 41 * DAY);
    assert_totals_are_true(&sandbox, &growsurf);

    let (referrer, (friends, _)) = referrers(&growsurf).pop_first().unwrap();
    let row = growsurf.participants().into_iter().find(|row| row["email"] == referrer).unwrap();
    let join = json!({"email": "next@example.com", "referredBy": row["id"]});
    growsurf.change(1_000, &json!([{ "join": join }]));
    growsurf.play(&relay, DAY);
    assert_totals_are_true(&sandbox, &growsurf);
    assert_eq!(numbers(&sandbox, &referrer).last(), Some(&Some(friends + 1)));
}

#[test]
fn a_referrer_with_eleven_referrals_who_is_seen_for_the_first_time_gets_no_counts() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay").referred_by_with("rae", 11));
    relay.accept(&goal_reached("rae", "prew_1").with("/data/participant/referralCount", 11));
    relay.drained();
    let attributes = sandbox.attributes("rae@example.com");
    assert_eq!(attributes["total_referrals"], 11);
    assert!(attributes["last_referral_date"].is_number());
    assert!(COUNTS.iter().all(|name| attributes[*name] == Value::Null), "{attributes}");
    assert_eq!(sandbox.event("referral_friend_signed_up").data().get("friend_number"), None);
}

#[test]
fn who_joined_long_ago_is_not_seen_from_the_start() {
    let long_ago = now_millis() - 400 * DAY;
    let of_guide = || guide("PARTICIPANT_CREATED", "rae");
    let of_growsurf = || joined("rae").with("/data/createdAt", long_ago);
    let without = |of: Webhook| of.without("/data/referralCount").without("/data/leadCount");
    for (join, is_seen) in [
        (of_guide().with("/participant/createdAt", long_ago), false),
        (
            of_guide()
                .with("/participant/createdAt", long_ago)
                .without("/participant/referralCount"),
            false,
        ),
        (of_guide().without("/participant/referralCount"), false),
        (of_guide().with("/participant/createdAt", now_millis()), true),
        (of_guide(), true),
        (of_growsurf(), false),
        (without(of_growsurf()), false),
        (without(joined("rae")).without("/data/createdAt"), false),
        (joined("rae").without("/data/leadCount"), true),
    ] {
        let sandbox = Sandbox::start();
        let relay = Relay::start(&sandbox);
        relay.accept(&join);
        let friend = if join.0["data"].is_null() {
            guide("PARTICIPANT_REFERRED", "fay").referred_by("rae")
        } else {
            joined("fay").referred_by("rae")
        };
        relay.accept(&friend);
        relay.drained();
        let event = sandbox.event("referral_friend_signed_up");
        let number = event.data().get("friend_number").and_then(Value::as_i64);
        assert_eq!(number, is_seen.then_some(1), "{join:?}");
        let attributes = sandbox.attributes("rae@example.com");
        for name in &COUNTS[..2] {
            assert_eq!(attributes.get(*name).is_some(), is_seen, "{name}: {join:?}");
        }
        assert!(is_seen || attributes.get("days_to_first_referral").is_none(), "{join:?}");
    }
}

#[test]
fn friends_who_arrive_at_the_same_time_never_share_a_number() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("rae"));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let relay = &relay;
            scope.spawn(move || {
                for place in (1..=24).filter(|place| place % 4 == thread) {
                    let friend = joined(&format!("friend{place}")).referred_by_with("rae", 0);
                    relay.accept(&friend.with("/data/referrer/leadCount", place));
                }
            });
        }
    });
    relay.drained();
    let mut numbers: Vec<i64> =
        numbers(&sandbox, "rae@example.com").into_iter().flatten().collect();
    numbers.sort_unstable();
    let count = numbers.len();
    numbers.dedup();
    assert!(numbers.len() == count && count > 0 && numbers.last() <= Some(&24), "{numbers:?}");
    assert_eq!(sandbox.attributes("rae@example.com")["total_friends"], 24);
}

#[test]
fn a_friend_behind_others_whose_webhooks_were_lost_has_no_number() {
    for (referrals, leads) in [(0, 4), (3, 1)] {
        let sandbox = Sandbox::start();
        let relay = Relay::start(&sandbox);
        let long_ago = now_millis() - 40 * DAY;
        relay.accept(&joined("rae").at(long_ago));
        let friend = joined("fay").referred_by_with("rae", referrals);
        relay.accept(&friend.with("/data/referrer/leadCount", leads));
        relay.drained();
        let event = sandbox.event("referral_friend_signed_up");
        assert_eq!(event.data().get("friend_number"), None, "{event:?}");
        assert_eq!(sandbox.attributes("rae@example.com").get("total_friends"), None);
    }
}

#[test]
fn friends_whose_webhooks_were_all_lost_are_numbered_in_the_order_of_their_sign_ups() {
    const FRIENDS: i64 = 40;
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    growsurf.program(0, 0, 0);
    let relay = growsurf.asked_by(Setup::new(&sandbox)).start();
    growsurf.change(60_000, &json!([{"join": {"email": "rae@example.com"}}]));
    growsurf.play(&relay, DAY);
    for place in 1..=FRIENDS {
        let join =
            json!({"email": format!("friend{place}@example.com"), "referredBy": "rae@example.com"});
        growsurf.change(50_000 - place * 1_000, &json!([{ "join": join }]));
    }
    relay.setup().command(&["sync"]).expect(0);
    relay.drained();
    let events = sandbox.events_named("referral_friend_signed_up").into_iter();
    let reported = events.map(|it| json!([it.data()["friend_number"], it.data()["friend_email"]]));
    let expected = (1..=FRIENDS).map(|place| json!([place, format!("friend{place}@example.com")]));
    assert_eq!(reported.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!(sandbox.attributes("rae@example.com")["total_friends"], FRIENDS);
}

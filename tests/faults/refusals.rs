//! Refusals of Customer.io: the call at fault is the only dead letter, and its lane goes on.

use serde_json::json;

use crate::delivery::ten_lanes_together;
use crate::kit::eventually;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;
use crate::promises::{assert_kept, assert_lanes_in_order, assert_no_lane_waits};

/// The answer doesn't show that the call was accepted, so the call is kept as a dead letter.
#[test]
fn status_200_with_an_error_body_is_no_success() {
    let sandbox = Sandbox::start();
    let body = json!({"meta": {"errors": ["the workspace is locked"]}});
    let path = json!({"path": "/events"});
    sandbox.faults(json!([{"match": path, "times": 1, "status": 200, "body": body}]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    let id = relay.only_dead_letter();
    assert!(sandbox.events().is_empty());
    let shown = relay.command(&["dead-letters", "show", &id]).expect(0);
    assert!(shown.contains("answered 200") && shown.contains("locked"), "{shown}");
    relay.command(&["dead-letters", "redeliver", &id]).expect(0);
    eventually("it is redelivered", || sandbox.events().len() == 1);
    assert_kept(&relay, &sandbox, &["referral_program_joined fay@example.com"]);
}

#[test]
fn status_207_with_one_bad_item_in_the_middle_buries_that_one_alone() {
    let sandbox = Sandbox::start();
    let relay = ten_lanes_together(&sandbox, json!([{"times": 1, "batch_item_errors": [4]}]));
    assert_eq!(relay.dead_letters(), 1);
    let refused = sandbox.calls().into_iter().filter(|call| call.status == Some(207)).nth(4);
    let refused = refused.unwrap();
    let listed = relay.command(&["dead-letters", "list", "--all"]).expect(0);
    assert!(listed.contains("l***@example.com"), "{listed}");
    assert_eq!(sandbox.events().len(), if refused.is_identify() { 10 } else { 9 });
    let printed = relay.command(&["dead-letters", "redeliver", "--all"]).expect(0);
    assert!(printed.starts_with("1 dead letter put back"), "{printed}");
    relay.drained();
    assert_eq!((relay.dead_letters(), sandbox.events().len()), (0, 10));
    assert_eq!(sandbox.people().len(), 10);
    assert_no_lane_waits(&relay);
    assert_lanes_in_order(&sandbox);
    let attributes = sandbox.attributes(refused.person());
    assert_eq!(attributes["last_name"], "Tester");
}

#[test]
fn status_400_buries_the_call_and_its_lane_goes_on() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{
        "match": {"path": "fay%40example.com/events"},
        "times": 1,
        "status": 400,
        "body": {"meta": {"errors": ["data is no good"]}}
    }]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay").with("/data/metadata/card", "4711"));
    relay.drained();
    let id = relay.only_dead_letter();
    assert!(sandbox.events().is_empty());
    // The lane goes on: fay becomes a referrer.
    relay.accept(&joined("gus").referred_by("fay"));
    relay.drained();
    assert_eq!(sandbox.events().len(), 2);

    let listed = relay.command(&["dead-letters", "list", "--all"]).expect(0);
    assert!(listed.contains("track") && listed.contains("data is no good"), "{listed}");
    assert!(listed.contains("f***@example.com") && !listed.contains("fay@"), "{listed}");
    let shown = relay.command(&["dead-letters", "show", &id]).expect(0);
    for word in ["referral_program_joined", "data is no good", "status 400", "attempt"] {
        assert!(shown.contains(word), "{shown}");
    }

    let printed = relay.command(&["dead-letters", "redeliver", &id]).expect(0);
    assert!(printed.starts_with("1 dead letter put back"), "{printed}");
    eventually("it is redelivered by the relay beside", || sandbox.events().len() == 3);
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    assert_eq!(relay.command(&["dead-letters", "list", "--all"]).expect(0), "No dead letters.\n");
    relay.command(&["dead-letters", "redeliver", &id]).expect(1);
}

/// A poison call always fails and is never refused: alone it fails, and a batch would fail with it.
#[test]
fn a_poison_call_at_a_lanes_head_is_given_up_while_others_are_accepted() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"identifier": "bad@example.com"}, "status": 500}]));
    let setup = Setup::new(&sandbox).set("delivery.give_up_after", "300ms");
    let relay = setup.set("delivery.batch_calls", "1").start();
    relay.accept(&joined("bad"));
    let mut number = 0;
    eventually("identify and track are given up", || {
        number += 1;
        relay.accept(&joined(&format!("good{number}")));
        relay.dead_letters() == 2
    });
    // Then its lane goes on.
    sandbox.heal();
    relay.accept(&joined("gus").referred_by("bad"));
    relay.drained();
    assert_eq!(sandbox.events_named("referral_friend_signed_up").len(), 1);
    assert_no_lane_waits(&relay);
    let listed = relay.command(&["dead-letters", "list", "--all"]).expect(0);
    assert!(listed.contains("gave up"), "{listed}");
    relay.drained();
    assert_eq!(sandbox.events_named("referral_program_joined").len(), number + 1);
}

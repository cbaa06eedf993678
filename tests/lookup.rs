//! Webhook actions for participants whom the relay doesn't know: GrowSurf is asked once, in time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::kit::growsurf::CAMPAIGN;
use crate::kit::stage::Stage;
use crate::kit::webhooks::email;

const ACTION: &str = "/webhooks/customerio/action";

/// The reads that lookups are, and what they lead to.
impl Stage {
    #[track_caller]
    fn act(&self, key: &str, who: &Value) -> Value {
        let mut action = json!({
            "type": "update_participant", "campaign": CAMPAIGN, "dedupe_key": key,
            "metadata": { "tier": "gold" },
        });
        action.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
        let answer = self.customerio_posts(ACTION, &action);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Returns the reads of this path since the last look.
    fn reads(&self, path: &str) -> usize {
        let requests = self.growsurf.requests()["requests"].as_array().unwrap().clone();
        self.growsurf.forget_requests();
        let is_read = |it: &&Value| it["method"] == "GET" && it["path"].to_string().contains(path);
        requests.iter().filter(is_read).count()
    }

    fn tier(&self, id: &str) -> Value {
        self.row(id)["metadata"]["tier"].clone()
    }
}

#[test]
fn an_action_for_a_participant_whom_only_growsurf_knows_is_accepted() {
    let stage = Stage::set(|setup| setup);
    for (name, by_id) in [("fay", false), ("gus", true)] {
        let id = stage.adds(name, &json!({}));
        let who =
            if by_id { json!({ "participant": id }) } else { json!({ "email": email(name) }) };
        stage.growsurf.forget_requests();
        assert_eq!(stage.act("one", &who)["status"], "accepted", "{name}");
        assert_eq!(stage.reads("/participant/"), 1, "GrowSurf is asked once");
        assert_eq!(stage.act("two", &who)["status"], "accepted");
        stage.relay.drained();
        assert_eq!(stage.reads("/participant/"), 0, "from then on the relay knows them");
        assert_eq!(stage.tier(&id), "gold");
        // The profile is true; what happened before is the comparison's to send.
        assert!(stage.sandbox.person(&email(name)).is_some());
    }
    assert!(stage.sandbox.events().is_empty(), "a lookup reports no events");
}

#[test]
fn a_friend_who_is_looked_up_before_their_webhook_is_numbered() {
    let stage = Stage::set(|setup| setup);
    let rae = stage.adds("rae", &json!({}));
    stage.play();
    let friends = ["fay", "gus"];
    for name in friends {
        stage.adds(name, &json!({ "referredBy": rae }));
        assert_eq!(stage.act("one", &json!({ "email": email(name) }))["status"], "accepted");
    }
    stage.relay.drained();
    assert!(stage.sandbox.events_named("referral_friend_signed_up").is_empty());
    stage.play();
    let events = stage.sandbox.events_named("referral_friend_signed_up");
    let number = |name: &str| {
        let event = events.iter().find(|it| it.data()["friend_email"] == email(name)).unwrap();
        event.data()["friend_number"].clone()
    };
    assert_eq!(friends.map(number), [json!(1), json!(2)]);
    assert_eq!(events.len(), 2);
    assert_eq!(stage.sandbox.attributes(&email("rae"))["total_friends"], 2);
}

#[test]
fn an_action_for_a_participant_unknown_to_growsurf_is_parked() {
    let stage = Stage::set(|setup| setup);
    stage.growsurf.forget_requests();
    for who in [json!({ "email": "nobody@example.com" }), json!({ "participant": "nobody" })] {
        let answer = stage.act("one", &who);
        assert_eq!(answer["status"], "parked", "{answer}");
        let reason = answer["reason"].as_str().unwrap();
        assert!(reason.contains("knows no participant") && !reason.contains("asked"), "{reason}");
        assert_eq!(stage.reads("/participant/"), 1);
    }
    // An action that adds a participant looks nothing up.
    let add = json!({
        "type": "add_participant", "campaign": CAMPAIGN, "dedupe_key": "add",
        "email": "new@example.com",
    });
    assert_eq!(stage.customerio_posts(ACTION, &add).json()["status"], "accepted");
    stage.relay.drained();
    assert_eq!(stage.reads("/participant/"), 0);
}

#[test]
fn a_growsurf_that_does_not_answer_holds_up_no_action() {
    let stage = Stage::set(|setup| setup);
    let id = stage.adds("fay", &json!({}));
    let who = json!({ "email": email("fay") });
    let of_reads = json!({ "path": "/participant/", "method": "GET" });
    for fault in [
        json!({ "match": of_reads, "hang_ms": 20_000 }),
        json!({ "match": of_reads, "status": 503 }),
        json!({ "match": of_reads, "status": 429, "headers": { "retry-after": "1" } }),
    ] {
        stage.growsurf.faults(&json!([fault]));
        let began = Instant::now();
        let answer = stage.act("one", &who);
        assert_eq!(answer["status"], "parked", "{answer}");
        let reason = answer["reason"].as_str().unwrap();
        assert!(reason.contains("the lookup at GrowSurf failed"), "{reason}");
        assert!(began.elapsed() < Duration::from_secs(4), "Customer.io waits 4 s: {fault}");
    }
    stage.growsurf.faults(&json!([]));
    // Customer.io sends it again, or the operator replays it.
    crate::kit::eventually("GrowSurf may be asked again", || {
        stage.act("one", &who)["status"] == "accepted"
    });
    stage.relay.drained();
    assert_eq!(stage.tier(&id), "gold");
}

#[test]
fn a_replay_repeats_a_failed_lookup_at_growsurf() {
    let stage = Stage::set(|setup| setup);
    let id = stage.adds("fay", &json!({}));
    let of_reads = json!({ "path": "/participant/", "method": "GET" });
    stage.growsurf.faults(&json!([{ "match": of_reads, "status": 503 }]));
    let answer = stage.act("one", &json!({ "email": email("fay") }));
    assert_eq!(answer["status"], "parked", "{answer}");
    let setup = stage.relay.setup();
    let text = setup.command(&["replay", "--parked"]).expect(0);
    assert!(text.contains("the lookup at GrowSurf failed"), "{text}");
    stage.growsurf.faults(&json!([]));
    stage.growsurf.forget_requests();
    setup.command(&["replay", "--parked", "--dry-run"]).expect(0);
    assert_eq!(stage.reads("/participant/"), 0, "a dry run asks nothing");
    let text = setup.command(&["replay", "--parked"]).expect(0);
    assert!(text.contains("0 still parked"), "{text}");
    stage.relay.drained();
    assert_eq!(stage.tier(&id), "gold");
}

#[test]
fn people_known_by_an_id_are_found_by_their_metadata() {
    let stage = Stage::set(|setup| {
        let setup = setup.set("customerio.identify_by", "metadata.userId");
        setup.set("customerio.trust_metadata_id", "true")
    });
    let id = stage.adds("fay", &json!({ "metadata": { "userId": "u-7" } }));
    for name in ["gus", "hal"] {
        stage.adds(name, &json!({ "metadata": { "userId": "twice" } }));
    }
    stage.growsurf.forget_requests();
    assert_eq!(stage.act("one", &json!({ "id": "u-7" }))["status"], "accepted");
    assert_eq!(stage.reads("metadata"), 1);
    assert_eq!(stage.act("one", &json!({ "id": "twice" }))["status"], "parked", "it isn't one");
    stage.relay.drained();
    assert_eq!(stage.tier(&id), "gold");
}

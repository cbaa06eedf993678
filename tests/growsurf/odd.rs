//! GrowSurf's odd rows and lists: they cost nothing but what they are about, and nothing is lost in silence.

use serde_json::{Value, json};

use super::services;
use crate::kit::growsurf::{DAY, Growsurf};
use crate::kit::now_millis;
use crate::kit::relay::Setup;

/// Returns a participant's row without rewards, with some fields of its own.
fn row(id: &str, fields: &Value) -> Value {
    let mut row = json!({
        "id": id, "email": format!("{}@example.com", id.replace(['.', '/'], "dot")), "firstName": "Fay",
        "createdAt": now_millis() - 9 * DAY, "referralCount": 0, "leadCount": 0, "isWinner": false,
        "referralSource": "DIRECT", "shareUrl": format!("https://example.com?grsf={id}"),
    });
    row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    row
}

fn reward(id: &str) -> Value {
    let at = now_millis() - 8 * DAY;
    json!({ "id": id, "rewardId": "crew_gone", "status": "PENDING", "approved": true,
        "approvedAt": at, "isReferrer": true })
}

/// Returns an answer to every request whose path has this in it.
fn answer(path: &str, status: u16, body: &Value) -> Value {
    json!({ "match": { "path": path, "method": "GET" }, "status": status, "body": body })
}

fn participants(rows: &[Value]) -> Value {
    answer("/participants?", 200, &json!({ "participants": rows, "limit": 100, "nextId": null }))
}

/// Returns the number of times that the rewards of these participants were asked for.
fn asked(growsurf: &Growsurf, ids: &[&str]) -> Vec<usize> {
    let requests = growsurf.requests()["requests"].as_array().unwrap().clone();
    let count = |id: &&str| {
        let path = format!("/participant/{id}/rewards");
        requests.iter().filter(|it| it["path"].as_str().unwrap().contains(&path)).count()
    };
    ids.iter().map(count).collect()
}

#[test]
fn rewards_are_read_for_all_participants_who_may_have_some() {
    let (sandbox, growsurf) = services();
    growsurf.program(0, 9, 1);
    let rows = [
        row("lead", &json!({ "leadCount": 1, "isWinner": true })),
        row("gone", &json!({ "referralSource": "DELETED_PARTICIPANT", "isWinner": true })),
        row("granted", &json!({ "isWinner": true })),
        row("unknown", &json!({ "isWinner": null })),
        row("none", &json!({})),
    ];
    let ids = ["lead", "gone", "granted", "unknown", "none"];
    let of = |id: &&str| {
        let body = json!({ "rewards": [reward(&format!("prew_{id}"))], "nextId": null });
        answer(&format!("/participant/{id}/rewards"), 200, &body)
    };
    let mut rules: Vec<Value> = ids.iter().map(of).collect();
    rules.push(participants(&rows));
    growsurf.faults(&json!(rules));
    growsurf.forget_requests();
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    setup.command(&["backfill", "--events", "all"]).expect(0);
    assert_eq!(asked(&growsurf, &ids), [1, 1, 1, 1, 0]);
    let mut earners: Vec<String> = sandbox
        .events_named("referral_reward_claimed")
        .iter()
        .map(|event| event.person().to_owned())
        .collect();
    earners.sort();
    assert_eq!(
        earners,
        ["gone", "granted", "lead", "unknown"].map(|it| format!("{it}@example.com"))
    );
    assert_eq!(sandbox.attributes("granted@example.com")["total_rewards"], 1);
}

#[test]
fn a_row_with_an_odd_id_costs_its_own_rewards_and_nothing_else() {
    let (sandbox, growsurf) = services();
    growsurf.program(0, 9, 1);
    let odd = json!({ "referredBy": "rae", "isWinner": true });
    let rows =
        [row("..", &odd), row(".", &odd), row("a/b", &odd), row("rae", &json!({ "leadCount": 3 }))];
    let some = answer("/a%2Fb/rewards", 200, &json!({ "rewards": [reward("prew_one")] }));
    let none = answer("/rewards", 200, &json!({ "rewards": [], "nextId": null }));
    growsurf.faults(&json!([some, none, participants(&rows)]));
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let text = setup.command(&["backfill"]).expect(0);
    assert!(text.contains("participant ..: the rewards weren't read"), "{text}");
    assert!(text.contains("the rewards of 2 participants weren't read"), "{text}");
    assert_eq!(sandbox.people().len(), 4, "{text}");
    assert_eq!(sandbox.attributes("adotb@example.com")["total_rewards"], 1);
    // Those who are gone can't be asked about either.
    let without = [answer("/rewards", 200, &json!({ "rewards": [] })), participants(&rows[2..])];
    growsurf.faults(&json!(without));
    let text = setup.command(&["sync"]).expect(0);
    assert!(text.contains("participant .. is in none of GrowSurf's lists"), "{text}");
}

#[test]
fn rewards_that_growsurf_does_not_describe_or_refuses_stop_nothing() {
    for status in [400, 404, 422] {
        let (sandbox, growsurf) = services();
        growsurf.program(0, 9, 1);
        let error = json!({ "code": "ODD", "message": "No.", "status": status });
        let rows = [
            row("fay", &json!({ "rewards": [reward("prew_fay")] })),
            row("gus", &json!({ "isWinner": true })),
        ];
        growsurf.faults(&json!([
            answer("/reward-configs", status, &error),
            answer("/gus/rewards", status, &error),
            participants(&rows),
        ]));
        let setup = growsurf.asked_by(Setup::new(&sandbox));
        let text = setup.command(&["backfill", "--events", "all"]).expect(0);
        assert!(text.contains("the configured rewards weren't read"), "{status}: {text}");
        assert!(text.contains("participant gus: the rewards weren't read"), "{status}: {text}");
        assert_eq!(sandbox.event("referral_reward_claimed").person(), "fay@example.com");
        assert_eq!(sandbox.people().len(), 2);
    }
}

#[test]
fn a_list_that_leads_back_into_itself_is_an_error() {
    let (sandbox, growsurf) = services();
    growsurf.program(0, 9, 1);
    let page = |path: &str, next: &str| {
        let body = json!({ "participants": [row("rae", &json!({}))], "nextId": next });
        answer(path, 200, &body)
    };
    growsurf.faults(&json!([
        page("nextId=one", "two"),
        page("nextId=two", "three"),
        page("nextId=three", "one"),
        page("/participants?", "one"),
    ]));
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    for command in ["backfill", "sync"] {
        let printed = setup.command(&[command]);
        assert_eq!(printed.code, Some(1), "{printed:?}");
        let said = printed.stdout.clone() + &printed.stderr;
        assert!(said.contains("the list never ends"), "{said}");
    }
}

#[test]
fn a_reward_of_no_known_time_is_not_said_to_be_young() {
    let (sandbox, growsurf) = services();
    growsurf.program(0, 9, 1);
    let timeless = json!({ "id": "prew_fay", "rewardId": "crew_gone", "approved": true });
    growsurf.faults(&json!([participants(&[row("fay", &json!({ "rewards": [timeless] }))])]));
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let text = setup.command(&["backfill", "--events", "all"]).expect(0);
    assert!(text.contains("1 event left out: GrowSurf's rows don't say when"), "{text}");
    assert!(!text.contains("72 hours") && !text.contains("sends everything"), "{text}");
}

#[test]
fn friends_are_sent_whose_rows_come_before_the_one_of_who_referred_them() {
    for command in ["backfill", "sync"] {
        let (sandbox, growsurf) = services();
        growsurf.program(0, 9, 1);
        let friend = json!({ "referredBy": "rae", "rewards": [] });
        let mut rows = ["fay", "gus", "hal"].map(|id| row(id, &friend)).to_vec();
        rows.push(row("rae", &json!({ "leadCount": 3, "rewards": [] })));
        rows.push(row("ian", &json!({ "referredBy": "nobody", "rewards": [] })));
        growsurf.faults(&json!([participants(&rows)]));
        let setup = growsurf.asked_by(Setup::new(&sandbox)).set("sync.horizon", "90d");
        let text = setup.command(&[command]).expect(0);
        assert!(text.contains("event             3  friend_signed_up"), "{text}");
        assert!(text.contains("1 row can't be mapped, or only in part"), "{text}");
        assert_eq!(sandbox.events_named("referral_friend_signed_up").len(), 3);
        assert_eq!(sandbox.attributes("rae@example.com")["total_friends"], 3);
        let text = setup.command(&[command]).expect(0);
        assert!(text.contains("0 changed"), "{text}");
    }
}

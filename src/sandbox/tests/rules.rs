//! Effects of operations on the workspace, with receive times chosen by the tests.

use http::HeaderMap;
use serde_json::{Value, json};

use super::IDS;
use crate::sandbox::{
    identifier::Identifier,
    operation::Reading,
    people::Person,
    v1,
    workspace::{Receipt, Workspace},
};

const NOW: i64 = 1_790_000_000;
const DAY: i64 = 86_400;

fn send(workspace: &mut Workspace, at: i64, method: &str, path: &str, body: Value) {
    let body = body.to_string();
    let method = method.parse().unwrap();
    let reading = v1::read(&method, path, &HeaderMap::new(), body.as_bytes());
    let Reading::Operations { items, .. } = reading else {
        panic!("{path} is refused: {reading:?}");
    };
    for item in items {
        let receipt = Receipt { at_ms: at * 1_000, request: 1 };
        workspace.apply(receipt, item.unwrap()).unwrap();
    }
}

fn identify(workspace: &mut Workspace, at: i64, who: &str, body: Value) {
    send(workspace, at, "PUT", &format!("customers/{who}"), body);
}

fn browse(workspace: &mut Workspace, at: i64, id: &str) {
    let body = json!({"name": "viewed", "anonymous_id": "anon", "id": id});
    send(workspace, at, "POST", "events", body);
}

fn person<'a>(workspace: &'a Workspace, who: &str) -> &'a Person {
    let key = workspace.people.find(&Identifier::from_shape(who));
    workspace.people.get(key.expect(who)).unwrap()
}

fn last_kind(workspace: &Workspace) -> Value {
    let (_, activity) = workspace.activity.after(0).last().unwrap();
    json!(activity.note.kind)
}

#[test]
fn an_update_older_than_the_newest_is_dropped() {
    let mut workspace = Workspace::default();
    identify(&mut workspace, NOW, "1", json!({"plan": "b", "_timestamp": NOW - 10}));
    identify(&mut workspace, NOW, "1", json!({"plan": "a", "_timestamp": NOW - 11}));
    assert_eq!(person(&workspace, "1").attributes["plan"], "b");
    assert_eq!(last_kind(&workspace), "dropped_older_update");

    identify(&mut workspace, NOW, "1", json!({"plan": "c", "_timestamp": NOW - 10}));
    assert_eq!(person(&workspace, "1").attributes["plan"], "c");

    // Without a time of its own an update is of its receipt, and others are older than it.
    identify(&mut workspace, NOW, "1", json!({"plan": "d"}));
    identify(&mut workspace, NOW + 5, "1", json!({"plan": "e", "_timestamp": NOW - 1}));
    assert_eq!(person(&workspace, "1").attributes["plan"], "d");

    // It is never dropped, even where another writer's clock is ahead.
    identify(&mut workspace, NOW + 6, "1", json!({"plan": "f", "_timestamp": NOW + 60}));
    identify(&mut workspace, NOW + 7, "1", json!({"plan": "g"}));
    assert_eq!(person(&workspace, "1").attributes["plan"], "g");
    identify(&mut workspace, NOW + 8, "1", json!({"plan": "h", "_timestamp": NOW + 59}));
    assert_eq!(person(&workspace, "1").attributes["plan"], "g");
}

#[test]
fn identifiers_are_assigned_but_not_taken() {
    let mut workspace = Workspace::default();
    identify(&mut workspace, NOW, "1", json!({"email": "A@x.com"}));
    assert_eq!(person(&workspace, "a@X.com").id.as_deref(), Some("1"));

    // A new id with a known address: that person gets the id.
    identify(&mut workspace, NOW, "2", json!({"email": "a@x.com"}));
    assert_eq!(person(&workspace, "a@x.com").id.as_deref(), Some("2"));
    assert_eq!(workspace.people.len(), 1);

    // A known id with a new address would change it.
    identify(&mut workspace, NOW, "2", json!({"email": "b@x.com", "plan": "p"}));
    assert_eq!(last_kind(&workspace), "attribute_update_failure");
    assert_eq!(person(&workspace, "2").email.as_deref(), Some("a@x.com"));
    assert!(person(&workspace, "2").attributes.is_empty());

    // By its cio_id it changes.
    identify(&mut workspace, NOW, "cio_a3000001", json!({"email": "b@x.com"}));
    assert_eq!(person(&workspace, "2").email.as_deref(), Some("b@x.com"));

    // Path and body of different people.
    identify(&mut workspace, NOW, "3", json!({}));
    identify(&mut workspace, NOW, "3", json!({"email": "b@x.com", "plan": "p"}));
    assert_eq!(last_kind(&workspace), "attribute_update_failure");
    assert!(person(&workspace, "3").attributes.is_empty());

    identify(&mut workspace, NOW, "cio_ffffffff", json!({"plan": "p"}));
    assert_eq!(last_kind(&workspace), "dropped_unknown_cio_id");
    identify(&mut workspace, NOW, "4", json!({"_update": true}));
    assert_eq!(last_kind(&workspace), "failed_attribute_change");
    assert_eq!(workspace.people.len(), 2);
}

#[test]
fn anonymous_events_join_the_identified_person() {
    let mut workspace = Workspace::default();
    let joined = |workspace: &Workspace, who| person(workspace, who).events.len();
    browse(&mut workspace, NOW - 31 * DAY, IDS[0]);
    browse(&mut workspace, NOW - 29 * DAY, IDS[1]);
    browse(&mut workspace, NOW - 1, IDS[2]);
    identify(&mut workspace, NOW, "1", json!({"anonymous_id": "anon"}));
    assert_eq!(joined(&workspace, "1"), 2);

    browse(&mut workspace, NOW + 300, "01BX5ZZKBKACTAV9WEVGEMMVS1");
    assert_eq!(joined(&workspace, "1"), 3);
    browse(&mut workspace, NOW + 301, "01BX5ZZKBKACTAV9WEVGEMMVS2");
    assert_eq!(joined(&workspace, "1"), 3);

    // It is nobody else's, ever; the same person may join again.
    identify(&mut workspace, NOW + 400, "2", json!({"anonymous_id": "anon"}));
    assert_eq!(last_kind(&workspace), "anonymous_id_taken");
    assert_eq!(joined(&workspace, "2"), 0);
    identify(&mut workspace, NOW + 500, "1", json!({"anonymous_id": "anon"}));
    assert_eq!(joined(&workspace, "1"), 4);
}

#[test]
fn a_repeated_event_is_one_event() {
    let mut workspace = Workspace::default();
    let event = json!({"name": "joined", "id": IDS[0]});
    for _ in 0..3 {
        send(&mut workspace, NOW, "POST", "customers/1/events", event.clone());
    }
    let record = workspace.events.records.get(1).unwrap();
    assert_eq!((record.repeats, record.timestamp), (2, NOW));
    assert_eq!(person(&workspace, "1").events, [1]);
    assert_eq!(last_kind(&workspace), "repeated_event");

    send(&mut workspace, NOW, "POST", "customers/2/events", event);
    assert_eq!(last_kind(&workspace), "event_id_reused");
    assert!(workspace.people.find(&Identifier::from_shape("2")).is_none());
}

#[test]
fn a_merge_fills_gaps_and_moves_recent_events() {
    let mut workspace = Workspace::default();
    identify(&mut workspace, NOW, "1", json!({"plan": "a"}));
    identify(
        &mut workspace,
        NOW,
        "b@x.com",
        json!({"plan": "b", "city": "c", "anonymous_id": "anon"}),
    );
    for (id, time) in [(IDS[0], NOW - 31 * DAY), (IDS[1], NOW - 29 * DAY)] {
        let event = json!({"name": "e", "id": id, "timestamp": time});
        send(&mut workspace, NOW, "POST", "customers/b%40x.com/events", event);
    }
    let merge = json!({"primary": {"id": "1"}, "secondary": {"email": "B@x.com"}});
    send(&mut workspace, NOW, "POST", "merge_customers", merge.clone());

    let primary = person(&workspace, "1");
    assert_eq!(json!(primary.attributes), json!({"plan": "a", "city": "c"}));
    assert_eq!(primary.email.as_deref(), Some("b@x.com"));
    assert_eq!(primary.events, [2]);
    assert_eq!(primary.merged_from, ["a3000002"]);
    assert_eq!(workspace.people.len(), 1);
    let gone = Identifier::CioId("a3000002".to_owned());
    assert_eq!(workspace.merged[&gone], "a3000001");

    // The anonymous id came along.
    browse(&mut workspace, NOW, IDS[2]);
    assert_eq!(person(&workspace, "1").events, [2, 3]);

    // The secondary's address is the primary's own by now.
    send(&mut workspace, NOW, "POST", "merge_customers", merge);
    assert_eq!(last_kind(&workspace), "merge_without_secondary");
    let merge = json!({"primary": {"id": "9"}, "secondary": {"id": "1"}});
    send(&mut workspace, NOW, "POST", "merge_customers", merge);
    assert_eq!(last_kind(&workspace), "merge_without_primary");
    assert_eq!(workspace.people.len(), 1);
}

#[test]
fn the_suppressed_are_ignored_under_all_their_names() {
    let mut workspace = Workspace::default();
    identify(&mut workspace, NOW, "1", json!({"email": "a@x.com"}));
    send(&mut workspace, NOW, "POST", "customers/1/suppress", json!(null));
    identify(&mut workspace, NOW, "a%40x.com", json!({"plan": "p"}));
    assert_eq!(last_kind(&workspace), "ignored_suppressed");
    identify(&mut workspace, NOW, "7", json!({"email": "a@x.com"}));
    send(&mut workspace, NOW, "POST", "customers/1/events", json!({"name": "e"}));
    assert_eq!(workspace.people.len(), 0);
    assert!(workspace.events.records.get(1).is_none());

    send(&mut workspace, NOW, "POST", "customers/1/unsuppress", json!(null));
    identify(&mut workspace, NOW, "a%40x.com", json!({"plan": "p"}));
    assert_eq!(workspace.people.len(), 1);
}

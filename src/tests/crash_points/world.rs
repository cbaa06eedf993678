//! The state once a process has ended in order, at Customer.io and in the store, and the part of it
//! that must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use percent_encoding::percent_decode_str;
use rusqlite::Connection;
use serde_json::Value;

use super::files::assert_sound;
use super::{Scenario, Stand};
use crate::store::Stats;
use crate::store::sqlite::tests::counted::{counted, kept};

pub(super) struct World {
    pub(super) end: End,
    /// Each person's calls that took effect, with their bodies, in order.
    lanes: BTreeMap<String, Vec<(String, Value)>>,
    /// The number of events that took effect.
    events: usize,
    /// The ids of these events.
    ids: BTreeSet<String>,
    /// The remarks of Customer.io.
    remarks: BTreeSet<String>,
    counted: Stats,
}

/// The part that is the same whenever who died.
#[derive(PartialEq, Debug)]
pub(super) struct End {
    /// The data of each event by `event person`, without the relay's time of receipt.
    arrived: BTreeMap<String, Value>,
    /// By address, the attributes.
    people: BTreeMap<String, Value>,
    /// The numbers of webhooks and effects that the store holds.
    kept: [i64; 2],
    stats: Stats,
}

impl World {
    /// Returns the content of the sandbox and of the store at `path`. A store must be sound.
    pub(super) fn seen(stand: &Stand, path: &Path) -> Self {
        let mut connection = Connection::open(path).unwrap();
        assert_sound(&connection);
        let rows = |table: &str| {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        let events = stand.read("events");
        let people = stand.read("people");
        let end = End {
            arrived: events.iter().map(arrival).collect(),
            people: people
                .iter()
                .map(|it| (text(&it["email"]), it["attributes"].clone()))
                .collect(),
            kept: ["inbox", "effects"].map(rows),
            stats: kept(&mut connection),
        };
        let mut lanes = BTreeMap::<_, Vec<_>>::new();
        let requests = stand.read("requests");
        for request in requests.iter().filter(|request| request["applied"] == true) {
            for (person, call, body) in calls(request) {
                lanes.entry(person).or_default().push((call, body));
            }
        }
        Self {
            end,
            lanes,
            events: events.len(),
            ids: events.iter().map(|event| text(&event["id"])).collect(),
            remarks: stand.read("activity").iter().map(|it| text(&it["kind"])).collect(),
            counted: counted(&connection),
        }
    }

    /// Asserts that everything acknowledged is there, the rest whole or not at all, and that nothing waits.
    pub(super) fn check_acknowledged(&self, scenario: &Scenario, acknowledged: usize, what: &str) {
        let mut bodies = BTreeMap::new();
        for (number, webhook) in scenario.webhooks().enumerate() {
            *bodies.entry(&webhook.body).or_insert(false) |= number < acknowledged;
        }
        for webhook in scenario.webhooks() {
            let there = |effect: &&String| self.end.arrived.contains_key(*effect);
            let there = webhook.effects.iter().filter(there).count();
            let whole = there == webhook.effects.len();
            assert!(whole || (there == 0 && !bodies[&webhook.body]), "{what}: {webhook:?}");
        }
        self.check_store(what);
    }

    /// Asserts that all effects of the scenario arrived: once, under one id, in order.
    pub(super) fn check(&self, scenario: &Scenario, what: &str) {
        for webhook in scenario.webhooks() {
            for effect in &webhook.effects {
                assert!(self.end.arrived.contains_key(effect), "{what}: {effect}");
            }
        }
        assert_eq!((self.events, self.ids.len()), (self.end.arrived.len(), self.end.arrived.len()));
        assert_eq!(self.lanes.len(), scenario.lanes.len(), "{what}: {:?}", self.lanes);
        for (person, ways) in &scenario.lanes {
            let lane = in_order(&self.lanes[*person]);
            let lane = lane.map(|calls| calls.join(" "));
            let arrived = || format!("{what}: {person}: {:?}", self.lanes[*person]);
            assert!(lane.is_some_and(|lane| ways.contains(&&*lane)), "{}", arrived());
        }
        for remark in ["event_id_reused", "dropped_older_update"] {
            assert!(!self.remarks.contains(remark), "{what}: {:?}", self.remarks);
        }
        let dead = self.end.stats.dead;
        assert_eq!(dead, 0, "{what}");
        self.check_store(what);
    }

    /// Asserts that nothing waits or is leased, and that the counters are true.
    fn check_store(&self, what: &str) {
        let stats = self.end.stats;
        assert_eq!(stats, self.counted, "{what}");
        // A lane with nothing pending is neither due nor leased, as the counting has shown.
        assert_eq!((stats.pending, stats.parked), (0, 0), "{what}");
    }
}

/// Returns the calls, each where it came first. A lease's calls may all come again, but then the
/// rest follows in order as well; `None` if it doesn't.
fn in_order(lane: &[(String, Value)]) -> Option<Vec<&str>> {
    let mut first: Vec<&(String, Value)> = Vec::new();
    let mut next = 0;
    for call in lane {
        let place = first.iter().position(|it| *it == call).unwrap_or(first.len());
        if place > next {
            return None;
        }
        if place == first.len() {
            first.push(call);
        }
        next = place + 1;
    }
    (next == first.len()).then(|| first.into_iter().map(|(call, _)| &**call).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn arrival(event: &Value) -> (String, Value) {
    let name = format!("{} {}", text(&event["name"]), text(&event["identifier"]));
    let mut data = event["data"].clone();
    data.as_object_mut().unwrap().remove("tracked_at");
    (name, serde_json::json!([event["id"], event["timestamp"], data]))
}

/// Returns the calls of a request: whose, which, and the body.
fn calls(request: &Value) -> Vec<(String, String, Value)> {
    let (path, body) = (request["path"].as_str().unwrap(), &request["body"]);
    if let Some(operations) = body["batch"].as_array() {
        let call = |operation: &Value| {
            let person = text(&operation["identifiers"]["email"]);
            let name = operation.get("name").unwrap_or(&operation["action"]);
            let id = operation.get("id").cloned();
            (person, text(name), id.unwrap_or_else(|| profile(&operation["attributes"])))
        };
        return operations.iter().map(call).collect();
    }
    let rest = path.strip_prefix("/api/v1/customers/").unwrap();
    let person = rest.strip_suffix("/events").unwrap_or(rest);
    let person = percent_decode_str(person).decode_utf8().unwrap().into_owned();
    let (name, id) = match body.get("name") {
        Some(name) if person.len() < rest.len() && rest.ends_with("/events") => {
            (text(name), body["id"].clone())
        }
        _ => ("identify".to_owned(), profile(body)),
    };
    vec![(person, name, id)]
}

/// Returns the attributes, without the address.
fn profile(attributes: &Value) -> Value {
    let mut attributes = attributes.clone();
    attributes.as_object_mut().unwrap().remove("email");
    attributes
}

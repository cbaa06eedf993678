//! The stand-in Customer.io as a process of its own, and what it shows.

use std::process::Command;

use serde_json::{Value, json};

use super::calls::{Call, calls, edit};
use super::http::{self, Answer};
use super::process::{self, Process};
use super::relay::{API_KEY, SITE_ID};

/// A sandbox at work. It outlives every relay of its test.
pub struct Sandbox {
    _process: Process,
    address: String,
}

/// Faults for calls and not for the question about the workspace.
pub fn on_calls(fault: Value) -> [Value; 2] {
    ["/customers/", "/v2/batch"].map(|path| {
        let mut rule = fault.clone();
        rule["match"] = json!({"path": path});
        rule
    })
}

/// An event that took effect.
#[derive(Clone, Debug)]
pub struct Event {
    /// Everything the sandbox shows of it.
    pub shown: Value,
}

impl Event {
    pub fn name(&self) -> &str {
        self.shown["name"].as_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.shown["id"].as_str().unwrap()
    }

    /// Returns the person with an address.
    pub fn person(&self) -> &str {
        self.shown["identifier"].as_str().unwrap()
    }

    pub fn timestamp(&self) -> i64 {
        self.shown["timestamp"].as_i64().unwrap()
    }

    pub fn data(&self) -> &Value {
        &self.shown["data"]
    }
}

impl Sandbox {
    /// Starts one on a free port.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    /// Starts one at this address.
    #[track_caller]
    pub fn start_at(address: &str) -> Self {
        let mut command: Command = process::binary();
        command.args(["sandbox", "--listen", address]);
        let process = Process::spawn(command);
        let address = process.wait_for("the sandbox's address", |line| {
            Some(line.split_once("listens on http://")?.1.trim().to_owned())
        });
        Self { _process: process, address }
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address with the port.
    pub fn address(&self) -> &str {
        &self.address
    }

    #[track_caller]
    fn list(&self, name: &str) -> Vec<Value> {
        let mut document = http::get(format!("{}/sandbox/{name}", self.url())).json();
        assert!(document["forgotten"].as_u64().unwrap_or(0) == 0, "the sandbox forgot {name}");
        serde_json::from_value(document[name].take()).unwrap()
    }

    /// Returns all people, without their events.
    pub fn people(&self) -> Vec<Value> {
        self.list("people")
    }

    /// Returns the person with an address.
    pub fn person(&self, email: &str) -> Option<Value> {
        let answer = http::get(format!("{}/sandbox/people/{email}", self.url()));
        (answer.status == 200).then(|| answer.json())
    }

    /// Returns the attributes of a person that must exist.
    #[track_caller]
    pub fn attributes(&self, email: &str) -> Value {
        let person = self.person(email);
        person.unwrap_or_else(|| panic!("nobody is {email}"))["attributes"].clone()
    }

    /// Returns all events that took effect, in order of arrival.
    pub fn events(&self) -> Vec<Event> {
        self.list("events").into_iter().map(|shown| Event { shown }).collect()
    }

    /// Returns the events of one name.
    pub fn events_named(&self, name: &str) -> Vec<Event> {
        self.events().into_iter().filter(|event| event.name() == name).collect()
    }

    /// Returns the only event of a name.
    #[track_caller]
    pub fn event(&self, name: &str) -> Event {
        let mut events = self.events_named(name);
        assert_eq!(events.len(), 1, "{name}: {events:?}");
        events.remove(0)
    }

    /// Returns `name person` of every event, sorted, to compare as a whole.
    pub fn event_lines(&self) -> Vec<String> {
        let shown = |event: &Event| format!("{} {}", event.name(), event.person());
        let mut reported: Vec<String> = self.events().iter().map(shown).collect();
        reported.sort();
        reported
    }

    /// Returns all requests that came, whatever they were answered.
    pub fn requests(&self) -> Vec<Value> {
        self.list("requests")
    }

    /// Returns all identifies and tracks that came, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.requests().iter().flat_map(calls).collect()
    }

    /// Returns the identifies that came for a person, in order.
    pub fn identifies(&self, person: &str) -> Vec<Call> {
        let calls = self.calls().into_iter();
        calls.filter(|call| call.is_identify() && call.person() == person).collect()
    }

    /// Returns the activity of this kind, which a 200 hides.
    pub fn activity(&self, kind: &str) -> Vec<Value> {
        self.list("activity").into_iter().filter(|entry| entry["kind"] == kind).collect()
    }

    /// Scripts faults: the sandbox's own rules.
    #[track_caller]
    pub fn faults(&self, rules: Value) {
        let request = http::client().put(format!("{}/sandbox/faults", self.url()));
        let answer = http::send(request.json(&json!({"rules": rules})));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Returns the number of times that the rule of this number was used.
    pub fn uses(&self, rule: usize) -> u64 {
        let document = http::get(format!("{}/sandbox/faults", self.url())).json();
        document["rules"][rule]["used"].as_u64().unwrap()
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.faults(json!([]));
    }

    /// Sets an attribute as another writer does, whose clock is an hour ahead.
    #[track_caller]
    pub fn edited_by_others(&self, email: &str) {
        let operation = json!({
            "type": "person", "action": "identify", "identifiers": {"email": email},
            "timestamp": super::now_seconds() + 3_600, "attributes": edit()
        });
        let url = format!("{}/api/v2/batch", self.url());
        let request = http::client().post(url).basic_auth(SITE_ID, Some(API_KEY));
        let answer = http::send(request.json(&json!({"batch": [operation]})));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Tracks an event as another writer than the relay, for example the shop.
    #[track_caller]
    pub fn track_by_others(&self, person: &str, name: &str, timestamp: i64) {
        let url = format!("{}/api/v1/customers/{person}/events", self.url());
        let body = json!({"name": name, "timestamp": timestamp});
        let request = http::client().post(url).basic_auth(SITE_ID, Some(API_KEY)).json(&body);
        let answer: Answer = http::send(request);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

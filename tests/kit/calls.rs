//! Calls that arrived at Customer.io: v1 requests and the operations of v2 batches alike.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// One identify or track, as it was sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// The number of the request it came in; those of one batch share it.
    pub request: u64,
    /// Time at which the request came, Unix milliseconds.
    pub received_at: i64,
    /// The status of the request's answer, if it was answered.
    pub status: Option<u64>,
    /// True if the request had an effect.
    pub applied: bool,
    /// True if it came over v1.
    pub alone: bool,
    /// The kind of identifier and its value, for example `{"email":"fay@example.com"}`.
    pub identifiers: Value,
    /// `identify`, or the event's name.
    pub name: String,
    /// The event's id; null for an identify.
    pub id: Value,
    /// Unix seconds; an identify and a merge have none, which is 0.
    pub timestamp: i64,
    /// Attributes, or the event's data.
    pub data: Value,
}

impl Call {
    /// Returns the identifier, whatever its kind.
    pub fn person(&self) -> &str {
        let mut values = self.identifiers.as_object().unwrap().values();
        values.next().unwrap().as_str().unwrap()
    }

    /// Returns true if it is an identify.
    pub fn is_identify(&self) -> bool {
        self.name == "identify"
    }
}

/// Returns an update of another writer than the relay.
pub fn edit() -> Value {
    json!({"plan": "pro"})
}

/// Returns the calls of a request in the sandbox's log; none of a request of another kind.
pub fn calls(request: &Value) -> Vec<Call> {
    let path = request["path"].as_str().unwrap();
    let body = &request["body"];
    if path == "/api/v2/batch" {
        let operations = body["batch"].as_array().unwrap();
        return operations.iter().map(|operation| of_operation(request, operation)).collect();
    }
    let Some(rest) = path.strip_prefix("/api/v1/customers/") else { return Vec::new() };
    let (person, is_event) = match rest.strip_suffix("/events") {
        Some(person) => (person, true),
        None => (rest, false),
    };
    let person = percent_decode_str(person).decode_utf8().unwrap().into_owned();
    let kind = if person.contains('@') { "email" } else { "id" };
    let call = if is_event {
        let (name, data) = (body["name"].as_str().unwrap(), &body["data"]);
        call(request, true, json!({kind: person}), name, &body["timestamp"], data)
    } else {
        call(request, true, json!({kind: person}), "identify", &body["_timestamp"], body)
    };
    vec![Call { id: body["id"].clone(), ..call }]
}

fn of_operation(request: &Value, operation: &Value) -> Call {
    let name = match operation["action"].as_str().unwrap() {
        "event" => operation["name"].as_str().unwrap(),
        action => action,
    };
    let identifiers = operation["identifiers"].clone();
    let (timestamp, data) = (&operation["timestamp"], &operation["attributes"]);
    let call = call(request, false, identifiers, name, timestamp, data);
    Call { id: operation["id"].clone(), ..call }
}

fn call(
    request: &Value,
    alone: bool,
    identifiers: Value,
    name: &str,
    timestamp: &Value,
    data: &Value,
) -> Call {
    // Customer.io may drop an update with a time, as other writers' do.
    assert!(name != "identify" || timestamp.is_null() || *data == edit(), "{request}");
    Call {
        request: request["seq"].as_u64().unwrap(),
        received_at: request["received_at"].as_i64().unwrap(),
        status: request["status"].as_u64(),
        applied: request["applied"].as_bool().unwrap(),
        alone,
        identifiers,
        name: name.to_owned(),
        id: Value::Null,
        timestamp: timestamp.as_i64().unwrap_or_default(),
        data: data.clone(),
    }
}

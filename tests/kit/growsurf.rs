//! The stand-in GrowSurf in the sandbox's process: its program, changes to it, and what it shows.

use std::collections::BTreeSet;

use ::http::Method;
use serde_json::{Value, json};

use super::http::{self, Answer};
use super::now_millis;
use super::relay::{Relay, Setup};
use super::sandbox::Sandbox;

/// The campaign of the stand-in's program, unless a test says otherwise.
pub const CAMPAIGN: &str = "demo01";

/// The hour and the day in milliseconds.
pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;

/// A way to the stand-in GrowSurf of a sandbox.
#[derive(Clone)]
pub struct Growsurf {
    url: String,
}

impl Growsurf {
    /// Returns the stand-in beside this Customer.io, at no limit that a test would wait for.
    pub fn of(sandbox: &Sandbox) -> Self {
        let growsurf = Self { url: sandbox.url() };
        growsurf.limits(100_000, 1_000_000, 10_000_000);
        growsurf
    }

    /// Settings that ask it.
    pub fn asked_by(&self, setup: Setup) -> Setup {
        setup
            .set("growsurf.api_key", "sandbox")
            .set("growsurf.base_url", format!("{}/growsurf/v2", self.url))
    }

    fn control(&self, method: Method, path: &str, body: &Value) -> Answer {
        let url = format!("{}/sandbox/growsurf/{path}", self.url);
        let answer = http::send(http::client().request(method, url).json(body));
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        answer
    }

    /// Makes a program whose participants joined evenly between `from_days` and `to_days` ago.
    pub fn program(&self, participants: usize, from_days: i64, to_days: i64) {
        let now = now_millis();
        let program = json!({
            "participants": participants,
            "started_at": now - from_days * DAY,
            "ended_at": now - to_days * DAY,
        });
        self.control(Method::PUT, "program", &program);
    }

    /// Makes a program from these fields.
    pub fn program_with(&self, program: &Value) {
        self.control(Method::PUT, "program", program);
    }

    /// Changes what it has, some milliseconds ago; gives the ids of those who joined.
    pub fn change(&self, ago: i64, changes: &Value) -> Vec<String> {
        let at = now_millis() - ago;
        let body = json!({ "at": at, "changes": changes });
        let answer = self.control(Method::POST, "changes", &body).json();
        serde_json::from_value(answer["ids"].clone()).unwrap()
    }

    /// Changes fields of a participant, now.
    pub fn update(&self, participant: &str, fields: &Value) {
        let update = json!({ "participant": participant, "fields": fields });
        self.change(0, &json!([{ "update": update }]));
    }

    /// Changes a campaign's, now.
    pub fn change_in(&self, campaign: &str, changes: &Value) {
        let body = json!({ "campaign": campaign, "changes": changes });
        self.control(Method::POST, "changes", &body);
    }

    /// Sets the limits of five seconds, a minute and an hour.
    pub fn limits(&self, second: u32, minute: u32, hour: u32) {
        self.control(Method::PUT, "limits", &json!([second, minute, hour]));
    }

    /// Replaces the scopes of the only API key.
    pub fn scopes(&self, scopes: &[&str]) {
        self.control(Method::PUT, "keys", &json!({ "sandbox": scopes }));
    }

    /// Scripts faults of its API.
    pub fn faults(&self, rules: &Value) {
        self.control(Method::PUT, "faults", &json!({ "rules": rules }));
    }

    /// Returns the bodies of the webhooks of the last `ago` milliseconds.
    pub fn webhooks(&self, ago: i64) -> Vec<String> {
        let since = now_millis() - ago;
        let answer = http::get(format!("{}/sandbox/growsurf/webhooks?since={since}", self.url));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body.lines().map(str::to_owned).collect()
    }

    /// Sends those webhooks to a relay, and waits until everything is delivered.
    #[track_caller]
    pub fn play(&self, relay: &Relay, ago: i64) {
        for body in self.webhooks(ago) {
            let answer = relay.try_send_body(body).unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        relay.drained();
    }

    /// Returns `total`, `refused`, `most_in_flight` and the last requests.
    pub fn requests(&self) -> Value {
        http::get(format!("{}/sandbox/growsurf/requests", self.url)).json()
    }

    /// Deletes the recorded requests; the counts continue.
    pub fn forget_requests(&self) {
        self.control(Method::DELETE, "requests", &Value::Null);
    }

    /// Returns an answer of its API.
    pub fn ask(&self, path: &str) -> Value {
        let request = http::client().get(format!("{}/growsurf/v2/{path}", self.url));
        http::send(request.bearer_auth("sandbox")).json()
    }

    /// Returns all participants, as its API shows them.
    pub fn participants(&self) -> Vec<Value> {
        self.pages("participants", "")
    }

    fn pages(&self, list: &str, query: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut next = String::new();
        loop {
            let path = format!("campaign/{CAMPAIGN}/{list}?limit=100{query}{next}");
            let page = self.ask(&path);
            rows.extend(page[list].as_array().unwrap_or_else(|| panic!("{path}: {page}")).clone());
            match page["nextId"].as_str() {
                Some(id) => next = format!("&nextId={id}"),
                None => return rows,
            }
        }
    }

    /// Returns the effects that the program should have: `name address`, for events of the last `recent`
    /// milliseconds, and for older ones.
    pub fn effects(&self, recent: i64) -> (BTreeSet<String>, BTreeSet<String>) {
        let since = now_millis() - recent;
        let (mut young, mut old) = (BTreeSet::new(), BTreeSet::new());
        let mut add = |at: i64, text: String| {
            if at >= since {
                young.insert(text)
            } else {
                old.insert(text)
            };
        };
        for row in self.participants() {
            let (email, id) = (row["email"].as_str().unwrap(), row["id"].as_str().unwrap());
            let at = row["createdAt"].as_i64().unwrap();
            add(at, format!("referral_program_joined {email}"));
            if let Some(referrer) = row["referrer"]["email"].as_str() {
                add(at, format!("referral_friend_signed_up {referrer} {id}"));
            }
            for reward in row["rewards"].as_array().into_iter().flatten() {
                // Without approval it is no event yet.
                let Some(at) = reward["approvedAt"].as_i64() else { continue };
                let id = reward["id"].as_str().unwrap();
                add(at, format!("referral_reward_claimed {email} {id}"));
            }
        }
        for row in self.pages("referrals", "&referralStatus=CREDIT_AWARDED") {
            let email = row["email"].as_str().unwrap();
            add(row["updatedAt"].as_i64().unwrap(), format!("referral_converted {email}"));
        }
        (young, old)
    }
}

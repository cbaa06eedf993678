//! Both stand-ins with a relay between them, which no webhook has reached.

use serde_json::{Value, json};

use super::growsurf::{CAMPAIGN, DAY, Growsurf};
use super::http::Answer;
use super::now_seconds;
use super::relay::{Relay, Setup};
use super::sandbox::Sandbox;
use super::webhooks::email;

/// The key that Customer.io signs actions and reports with.
pub const KEY: &str = "signing-key";

/// Both services and a relay between them.
pub struct Stage {
    pub sandbox: Sandbox,
    pub growsurf: Growsurf,
    pub relay: Relay,
}

impl Stage {
    /// Returns an empty program, and a relay that may ask for it.
    pub fn set(adapt: impl FnOnce(Setup) -> Setup) -> Self {
        let sandbox = Sandbox::start();
        let growsurf = Growsurf::of(&sandbox);
        growsurf.program(0, 2, 1);
        let setup = Setup::new(&sandbox).set("customerio.action_keys", KEY);
        let relay = growsurf.asked_by(adapt(setup)).start();
        Self { sandbox, growsurf, relay }
    }

    /// Adds a participant to GrowSurf alone, with more fields; returns their id.
    pub fn adds(&self, name: &str, more: &Value) -> String {
        let mut join = json!({ "email": email(name), "firstName": name });
        join.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.growsurf.change(0, &json!([{ "join": join }])).remove(0)
    }

    /// Sends all of GrowSurf's webhooks.
    #[track_caller]
    pub fn play(&self) {
        self.growsurf.play(&self.relay, 3 * DAY);
    }

    /// Posts what Customer.io sends.
    #[track_caller]
    pub fn customerio_posts(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.relay.customerio_posts(path, KEY, now_seconds(), body.as_bytes())
    }

    /// Returns a participant as GrowSurf has them.
    pub fn row(&self, who: &str) -> Value {
        self.growsurf.ask(&format!("campaign/{CAMPAIGN}/participant/{who}"))
    }
}

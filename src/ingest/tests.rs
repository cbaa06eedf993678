//! Bodies of every source: a replay reads a stored body as its sender's, as at receipt.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Ingest, PageRules, WebhookAuth, reading};
use crate::clock::{SystemClock, SystemRandom};
use crate::domain::{
    Attributes, Class, Clock, Draft, Notification, Person, Planner, ReadKey, ReadSet,
    ReceivedWebhook, SendFilter, Source, Time, WebhookId,
};
use crate::sources::growsurf::signature::{Owner, sign};
use crate::sources::growsurf_api::Campaign;
use crate::sources::growsurf_api::{Kind, Origin, Row};
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{InboxPage, Store};

/// A planner that notes what it is given, and has it parked.
#[derive(Default)]
struct Recorder(Mutex<Vec<(Notification, Time)>>);

impl Recorder {
    fn taken(&self) -> Vec<(Notification, Time)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Planner for Recorder {
    fn resolve(&self, _notification: &Notification, _read: &ReadSet) -> Vec<ReadKey> {
        Vec::new()
    }

    fn link(&self, _: &Notification, _received_at: Time, _read: &ReadSet) -> Vec<ReadKey> {
        Vec::new()
    }

    fn draft<'a>(
        &'a self,
        notification: &'a Notification,
        received_at: Time,
        _read: &'a ReadSet,
    ) -> Result<Box<dyn Draft + 'a>, String> {
        self.0.lock().unwrap().push((notification.clone(), received_at));
        Err("it is noted".to_owned())
    }

    fn profile(&self, _person: &Person) -> Attributes {
        Attributes::new()
    }
}

/// By which way a body comes.
#[derive(Clone, Copy, Debug)]
enum Entrance {
    Unsigned,
    Signed(&'static str),
    Report,
    Action,
    Server,
    Row(Kind),
}

const WAYS: [Entrance; 10] = [
    Entrance::Unsigned,
    Entrance::Signed("global"),
    Entrance::Signed("a"),
    Entrance::Signed("b"),
    Entrance::Report,
    Entrance::Action,
    Entrance::Server,
    Entrance::Row(Kind::Participant),
    Entrance::Row(Kind::Referral),
    Entrance::Row(Kind::Payout),
];

/// Returns a body as each source writes it, and as earlier forms of the store wrote it.
fn bodies() -> Vec<Value> {
    let participant = json!({
        "id": "p1", "email": "ann@example.com", "createdAt": 1_780_000_000_000_i64,
        "campaign": {"id": "b"}, "referralStatus": "CREDIT_AWARDED", "referredBy": "p2",
    });
    let row =
        json!({ "at": 1_780_000_000_000_i64, "filter": "all", "shares": true, "row": participant });
    let joined = |data: &Value| json!({ "event": "NEW_PARTICIPANT_ADDED", "createdAt": 1_780_000_000_000_i64, "data": data });
    let mut nameless = participant.clone();
    nameless.as_object_mut().unwrap().remove("campaign");
    let report = json!({
        "event_id": "01R", "object_type": "email", "metric": "clicked", "timestamp": 1_780_000_000,
        "data": {"identifiers": {"email": "ann@example.com"}, "href": "https://x.org/?grsf=p1"},
    });
    let action = json!({
        "type": "trigger_referral", "campaign": "b", "dedupe_key": "k", "email": "ann@example.com",
    });
    let purchase = json!({
        "event": "purchase", "campaign": "b", "id": "o1", "email": "ann@example.com", "value": 1,
    });
    let click = json!({
        "key": "pk_of_b1", "grsf": "p1", "anonymous_id": "abcdefgh", "click_id": "ijklmnop",
        "campaign": "b", "participant": "p1",
    });
    let fetched = json!({
        "fetched": "participant", "at": 1_780_000_000_000_i64, "campaign": {"id": "b"},
        "filter": "all", "row": participant,
    });
    let guide = json!({ "event": "PARTICIPANT_CREATED", "participant": participant });
    let wrapped =
        json!({ "event": "CIO_email_clicked", "from": "customerio_reporting", "body": report });
    vec![
        joined(&participant),
        joined(&nameless),
        guide,
        row,
        fetched,
        participant,
        report,
        action,
        purchase,
        click,
        wrapped,
    ]
}

/// Bytes that look like a body of some source, whole or spoiled.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let merged = (select(bodies()), select(bodies())).prop_map(|(mut one, other)| {
        one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        one
    });
    let value = prop_oneof![select(bodies()), merged];
    let spoil = |(value, how, at): (Value, u8, usize)| {
        let mut bytes = value.to_string().into_bytes();
        match how {
            0 => bytes.truncate(at % bytes.len()),
            1 => drop(bytes.splice(0..0, *b"\xef\xbb\xbf")),
            2 => bytes = bytes.iter().flat_map(|byte| [*byte, 0]).collect(),
            3 => bytes.insert(at % bytes.len(), 0xff),
            4 => bytes = [b"[".repeat(126), b"]".repeat(126)].concat(),
            5 => bytes = [b"{\"data\":", &*bytes, b",\"n\":1e400}"].concat(),
            6 => bytes = [b"[", &*bytes, b"]"].concat(),
            _ => {}
        }
        bytes
    };
    prop_oneof![
        8 => (value, 0..16_u8, any::<usize>()).prop_map(spoil),
        1 => vec(any::<u8>(), 0..64),
    ]
}

fn auth(unsigned: bool) -> WebhookAuth {
    let secret = |name: &str| SecretString::from(format!("the secret {name} of the tests"));
    let owned = |id: &str| (Owner::Campaign(id.to_owned()), secret(id));
    let secrets = vec![(Owner::Global, secret("global")), owned("a"), owned("b")];
    WebhookAuth {
        secrets: if unsigned { Vec::new() } else { secrets },
        max_age: Duration::from_secs(600),
        reporting_keys: vec![secret("reports")],
        action_keys: vec![secret("actions")],
        report_max_age: Duration::from_secs(600),
        pages: vec![PageRules { campaign: "b".into(), key: "pk_of_b1".into(), shares: true }],
        page_origins: Vec::new(),
        campaigns: Vec::new(),
    }
}

fn keyed(key: &str, at: i64, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let key = format!("the secret {key} of the tests");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// A store, and all ways into it.
struct World {
    _folder: TempDir,
    store: Arc<Store>,
    recorder: Arc<Recorder>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Arc::new(Recorder::default());
        let options = Options::new([1; 32], SystemClock.now());
        let file = folder.path().join("relay.db");
        let planner = Arc::clone(&recorder);
        let store = Arc::new(SqliteStore::open(&file, planner, options).await.unwrap());
        Self { _folder: folder, store, recorder }
    }

    fn ingest(&self, unsigned: bool) -> Ingest {
        let store: Arc<Store> = Arc::clone(&self.store);
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        Ingest::new(store, clock, random, auth(unsigned), Duration::from_secs(60), Arc::default())
    }

    /// Sends a body; `true` if it was taken.
    async fn send(&self, way: Entrance, body: Vec<u8>) -> bool {
        let now = SystemClock.now();
        match way {
            Entrance::Unsigned => {
                self.ingest(true).receive(Source::Growsurf, |_| None, body, ()).await.is_ok()
            }
            Entrance::Signed(owner) => {
                let secret = format!("the secret {owner} of the tests");
                let header = sign(secret.as_bytes(), now, &body);
                let header = |_: &'static str| Some(&*header);
                self.ingest(false).receive(Source::Growsurf, header, body, ()).await.is_ok()
            }
            Entrance::Report | Entrance::Action => {
                let key = if matches!(way, Entrance::Report) { "reports" } else { "actions" };
                let at = now.seconds();
                let (at, proof) = (at.to_string(), keyed(key, at, &body));
                let header = |name: &'static str| match name {
                    "x-cio-timestamp" => Some(&*at),
                    "x-cio-signature" => Some(&*proof),
                    _ => None,
                };
                let source = match way {
                    Entrance::Report => Source::CustomerioReport,
                    _ => Source::CustomerioAction,
                };
                self.ingest(false).receive(source, header, body, ()).await.is_ok()
            }
            Entrance::Server => {
                self.ingest(false).receive(Source::Server, |_| None, body, ()).await.is_ok()
            }
            Entrance::Row(kind) => {
                let Ok(value) = serde_json::from_slice(&body) else { return false };
                let (id, name) = ("a".to_owned(), Some("Spring".to_owned()));
                let campaign = Campaign { id, name, ..Campaign::default() };
                let origin = Origin { campaign, at: now, filter: SendFilter::All, shares: true };
                let row = Row::new(kind, value, &origin);
                let webhook = row.to_webhook(WebhookId::new(now, rand(&body)), now);
                let arrival =
                    ReceivedWebhook { webhook, decoded: row.notification(), class: Class::History };
                self.store.accept(arrival, now).await.is_ok()
            }
        }
    }
}

const PARKED: InboxPage = InboxPage { after: None, since: None, parked: true, limit: 1_000 };

fn rand(body: &[u8]) -> u64 {
    body.iter().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_reads_whatever_was_sent_as_it_was_read_first(
        sent in vec((select(&WAYS[..]), body()), 1..40)
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let (world, mut seen) = (World::new().await, BTreeSet::new());
            for (way, body) in sent {
                let before = world.store.stats().await.unwrap().parked;
                let is_taken = world.send(way, body.clone()).await;
                let first = world.recorder.taken();
                let after = world.store.stats().await.unwrap().parked;
                assert!(is_taken || after == before, "what is refused isn't kept");
                if let Entrance::Signed(owner @ ("a" | "b")) = way {
                    for (notification, _) in &first {
                        assert_eq!(notification.campaign.id.as_deref(), Some(owner), "it vouches for no other");
                    }
                }
                if after == before {
                    continue;
                }
                let webhooks = world.store.inbox(PARKED).await.unwrap();
                let kept = webhooks.iter().find(|it| seen.insert(it.id)).unwrap();
                assert!(matches!(way, Entrance::Row(_)) || kept.body == body, "as it came");
                let (again, now) = (reading::decode_stored(kept), SystemClock.now());
                world.store.replay(kept.id, again, now, false).await.unwrap();
                let second = world.recorder.taken();
                assert_eq!(first, second, "{way:?} {}", String::from_utf8_lossy(&body));
            }
        });
    }
}

#[test]
fn the_bodies_of_each_source_are_read_by_its_own_way() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let world = World::new().await;
        let mut read = 0;
        for way in WAYS {
            for body in bodies() {
                world.send(way, body.to_string().into_bytes()).await;
                read += world.recorder.taken().len();
            }
        }
        // Else the property above shows nothing.
        assert!(read >= 15, "only {read} could be read");
    });
}

//! The library's own store, filled and emptied without HTTP.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use referral_relay::app::rules;
use referral_relay::config::sources::Sources;
use referral_relay::config::{Required, Settings};
use referral_relay::domain::{
    Class, Destination, Leased, ReceivedWebhook, Source, Time, Webhook, WebhookId,
};
use referral_relay::mapping::Mapper;
use referral_relay::sources::growsurf;
use referral_relay::store::sqlite::{Options, SqliteStore};
use referral_relay::store::{AvailabilityClock, ClaimRequest, Settle, Settlement, Store, Verdict};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::machine;
use super::webhooks::{write_body, write_friend};

/// Number of calls that are claimed at once.
const CLAIM: usize = 1_000;

/// A store that is open, and what works on it.
pub struct Keeper {
    runtime: Runtime,
    store: Arc<Store>,
    now: Time,
}

impl Keeper {
    /// Opens the store, or makes it.
    pub fn open(file: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let now = Time::from_millis(machine::now_millis());
        let built_in = Sources::new(None, Vec::new()).in_directory("/nonexistent");
        let settings = Settings::load(&built_in, Required::Nothing).unwrap();
        let planner = Arc::new(Mapper::new(rules(&settings)));
        let options = Options::new([7; 32], now);
        let store = runtime.block_on(SqliteStore::open(file, planner, options)).unwrap();
        Self { runtime, store: Arc::new(store), now }
    }

    /// Returns the number of transactions that it has committed.
    pub fn commits(&self) -> u64 {
        self.store.commits()
    }

    /// Accepts a webhook of each of these people, as from `connections` connections.
    pub fn accept(&self, people: Range<u64>, connections: usize) {
        self.accept_each(people, connections, write_body);
    }

    /// Accepts a webhook of each of these people, whom another person referred.
    pub fn accept_friends(&self, referrer: u64, people: Range<u64>, connections: usize) {
        self.accept_each(people, connections, move |n, body| write_friend(n, referrer, body));
    }

    fn accept_each(
        &self,
        people: Range<u64>,
        connections: usize,
        write: impl Fn(u64, &mut Vec<u8>) + Copy + Send + 'static,
    ) {
        let next = Arc::new(AtomicU64::new(people.start));
        self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..connections {
                let (store, next, now, end) =
                    (self.store.clone(), next.clone(), self.now, people.end);
                tasks.spawn(async move {
                    let mut body = Vec::new();
                    loop {
                        let person = next.fetch_add(1, Ordering::Relaxed);
                        if person >= end {
                            return;
                        }
                        write(person, &mut body);
                        store.accept(arrival(&body, now), now).await.unwrap();
                    }
                });
            }
            while let Some(done) = tasks.join_next().await {
                done.unwrap();
            }
        });
    }

    /// Delivers all pending calls to nowhere; returns their number.
    pub fn deliver(&self) -> u64 {
        self.runtime.block_on(async {
            let accepting =
                AvailabilityClock { destination: Destination::CustomerIo, reading: Duration::ZERO };
            let mut calls = 0;
            loop {
                let claim = ClaimRequest {
                    destination: Destination::CustomerIo,
                    now: self.now.plus(Duration::from_secs(1)),
                    until: self.now.plus(Duration::from_secs(60)),
                    calls: CLAIM,
                    page: 0,
                    in_turn: 8,
                    old_before: self.now.minus(Duration::from_secs(72 * 60 * 60)),
                    lane: None,
                };
                let leases = self.store.claim(claim).await.unwrap();
                if leases.is_empty() {
                    return calls;
                }
                let settlements: Vec<Settlement> = leases.into_iter().map(delivered).collect();
                calls += settlements.iter().map(|it| it.results.len() as u64).sum::<u64>();
                self.store.settle(settlements, accepting, self.now).await.unwrap();
            }
        })
    }

    /// Empties the log and closes the file.
    pub fn close(self) {
        self.runtime.block_on(self.store.close()).unwrap();
    }
}

fn arrival(body: &[u8], now: Time) -> ReceivedWebhook {
    let decoded = growsurf::decode(body, now).unwrap();
    let id = WebhookId::new(now, fastrand::u64(..));
    let (source, owner, event, body) = (Source::Growsurf, None, decoded.event, body.to_vec());
    let webhook = Webhook { id, received_at: now, source, owner, event, body };
    ReceivedWebhook { webhook, decoded: decoded.reading, class: Class::Live }
}

fn delivered(lease: Leased) -> Settlement {
    let Leased { lane, token, deliveries, superseded, .. } = lease;
    let ids = deliveries.into_iter().map(|delivery| delivery.id).chain(superseded);
    let result = |delivery| Settle { delivery, verdict: Verdict::Delivered, attempt: None };
    Settlement { lane, token, results: ids.map(result).collect() }
}

//! A relay of the real parts, wired as `app` does, by a clock that ticks when it is looked at.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::customerio::client::{Client, ClientConfig};
use crate::delivery::{
    CircuitBreaker, CustomerIoTransport, Dispatcher, DispatcherRules, GuardedDestination,
    Heartbeat, ReplicaCount, RetryRules, Sender,
};
use crate::domain::{Clock, Destination, Random, Receipt, Source, Time};
use crate::ingest::{Ingest, WebhookAuth};
use crate::mapping::{Mapper, Rules};
use crate::store::sqlite::tests::watch::Watch;
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{DeadLetters, Stats, Store};
use crate::telemetry::Metrics;

/// When the first process starts.
pub(super) const START: Time = Time::from_seconds(1_790_000_000);

/// The length of a lease; the sandbox answers at once.
const LEASE: Duration = Duration::from_secs(60);

/// Each look is a tick later than the one before, so that what is to wait has waited at the next.
pub(super) struct Ticking {
    since: AtomicI64,
    began: Instant,
}

const TICK: Duration = Duration::from_millis(1);

impl Ticking {
    pub(super) fn new() -> Self {
        Self { since: AtomicI64::new(0), began: Instant::now() }
    }

    /// Lets time pass at once.
    pub(super) fn skip(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.since.fetch_add(micros, Ordering::Relaxed);
    }

    fn since(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.since.load(Ordering::Relaxed)).unwrap())
    }
}

impl Clock for Ticking {
    fn now(&self) -> Time {
        self.skip(TICK);
        START.plus(self.since())
    }

    fn steady(&self) -> Instant {
        self.began + self.since()
    }
}

struct NoJitter;

impl Random for NoJitter {
    fn next(&self) -> u64 {
        0
    }
}

/// A relay at work, without HTTP of its own.
pub(super) struct Relay {
    store: Arc<Store>,
    ingest: Ingest,
    dispatcher: Option<Dispatcher>,
    dispatching: Option<JoinHandle<()>>,
    stop: CancellationToken,
    notify: Arc<Notify>,
}

impl Relay {
    /// Starts on the store at `path`; nothing is delivered yet.
    pub(super) async fn start(
        path: &Path,
        customerio: Url,
        clock: Arc<Ticking>,
        notify: Arc<Notify>,
        watch: Watch,
    ) -> Self {
        let clock: Arc<dyn Clock> = clock;
        let options = Options { watch: Some(watch), ..Options::new([7; 32], clock.now()) };
        let planner = Arc::new(Mapper::new(Rules::standard()));
        let store = Arc::new(SqliteStore::open(path, planner, options).await.unwrap());
        store.take_over(clock.now()).await.unwrap();
        let accepting = store.destination().await.unwrap().accepting;
        let config = ClientConfig {
            base_url: customerio,
            site_id: "site".to_owned(),
            api_key: "key".into(),
            timeout: Duration::from_secs(10),
            connections: 2,
        };
        let rules = RetryRules {
            breaker_failures: 9,
            backoff_base: TICK,
            backoff_cap: TICK,
            probe_every: TICK,
            give_up_after: Duration::from_secs(1_000_000),
            max_wait: TICK,
        };
        let gate = CircuitBreaker::new(rules, accepting, clock.now());
        let metrics = Arc::new(Metrics::new());
        let transport = CustomerIoTransport {
            client: Client::new(config).unwrap(),
            clock: Arc::clone(&clock),
            batch_calls: 10,
            timeout: Duration::from_secs(10),
            metrics: Arc::clone(&metrics),
        };
        let sender = Sender {
            transport: Arc::new(transport),
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            random: Arc::new(NoJitter),
            destination: GuardedDestination::new(
                Destination::CustomerIo,
                gate,
                Arc::clone(&notify),
            ),
            metrics,
            rules,
        };
        let rules = DispatcherRules {
            in_flight: 2,
            batch_calls: 10,
            calls_per_second: 1_000_000.0,
            page_share: 0.25,
            lease: LEASE,
        };
        let pulse = Heartbeat::new("the dispatcher", clock.steady());
        let dispatcher =
            Some(Dispatcher::new(Arc::new(sender), rules, ReplicaCount::default(), pulse));
        let unsigned = WebhookAuth {
            secrets: Vec::new(),
            max_age: Duration::MAX,
            reporting_keys: Vec::new(),
            action_keys: Vec::new(),
            report_max_age: Duration::MAX,
            pages: Vec::new(),
            page_origins: Vec::new(),
            campaigns: Vec::new(),
        };
        let ingest = Ingest::new(
            Arc::clone(&store),
            clock,
            Arc::new(NoJitter),
            unsigned,
            Duration::from_secs(60),
            Arc::clone(&notify),
        );
        let stop = CancellationToken::new();
        Self { store, ingest, dispatcher, dispatching: None, stop, notify }
    }

    /// Accepts a webhook.
    pub(super) async fn take(&self, body: &str) -> Receipt {
        let body = body.as_bytes().to_vec();
        self.ingest.receive(Source::Growsurf, |_| None, body, ()).await.unwrap()
    }

    /// Delivers from now on, and returns when nothing is pending.
    pub(super) async fn deliver(&mut self) {
        if let Some(dispatcher) = self.dispatcher.take() {
            let run = dispatcher.run(self.stop.clone(), Duration::from_secs(60));
            self.dispatching = Some(tokio::spawn(run));
        }
        for _ in 0..20_000 {
            if self.stats().await.pending == 0 {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
        panic!("something stays pending: {:?}", self.stats().await);
    }

    /// Puts all dead letters back.
    pub(super) async fn redeliver(&self) {
        self.store.redeliver(DeadLetters::All, START).await.unwrap();
        self.notify.notify_one();
    }

    pub(super) async fn stats(&self) -> Stats {
        self.store.stats().await.unwrap()
    }

    /// Stops in order.
    pub(super) async fn end(self) {
        self.stop.cancel();
        if let Some(dispatching) = self.dispatching {
            dispatching.await.unwrap();
        }
        self.store.close().await.unwrap();
    }
}

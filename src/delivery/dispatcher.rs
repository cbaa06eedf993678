//! The dispatcher: claims due calls, as far as breaker and pace allow, and hands them to senders.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::breaker::Admission;
use super::clock_jump::ClockJumpDetector;
use super::cluster::ReplicaCount;
use super::heartbeat::Heartbeat;
use super::pace::Pace;
use super::sender::Sender;
use crate::domain::{Class, Destination, LaneId, Leased, Time};
use crate::store::{ClaimRequest, Settlement, StoreError};
use crate::telemetry::ErrorChain;

/// The longest interval between two claims. Calls that other processes queue are promised to go within a
/// second.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// The age from which tracks trigger nothing at Customer.io: 72 hours
/// (<https://docs.customer.io/journeys/events/>), and an hour for clocks that differ.
const OLD: Duration = Duration::from_secs(73 * 60 * 60);

/// The most calls of one lane that are sent in turn under one lease. A claim and a settlement cost more than
/// a call.
const IN_TURN: usize = 8;

/// The bounds of a dispatcher.
#[derive(Clone, Copy, Debug)]
pub struct DispatcherRules {
    /// Concurrent requests.
    pub in_flight: usize,
    /// Calls in a claim.
    pub batch_calls: usize,
    pub calls_per_second: f64,
    /// The part of both for calls of the class page: above 0, at most 1.
    pub page_share: f64,
    /// The length of a lease.
    pub lease: Duration,
}

/// The leased lanes of this process, with their tokens.
type Held = Arc<Mutex<HashMap<LaneId, i64>>>;

/// A loop that claims and sends.
pub struct Dispatcher {
    sender: Arc<Sender>,
    rules: DispatcherRules,
    heartbeat: Heartbeat,
    pace: Pace,
    /// The pace of calls of the class page.
    page_pace: Pace,
    /// Permits for requests of the class page.
    page_requests: Arc<Semaphore>,
    replicas: ReplicaCount,
    held: Held,
    clock: ClockJumpDetector,
    /// The time by which the clock was set back, while due times aren't moved yet.
    clock_shift: Duration,
}

/// The result of one claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Calls were handed to a sender; there may be more.
    Claimed,
    /// Nothing can be sent for this time, unless something changes.
    Idle(Duration),
}

impl Dispatcher {
    /// Returns a dispatcher that hands claims to `sender`.
    /// Its pace is a part of what relays that share the destination may send together.
    pub fn new(
        sender: Arc<Sender>,
        rules: DispatcherRules,
        replicas: ReplicaCount,
        heartbeat: Heartbeat,
    ) -> Self {
        let now = sender.clock.now();
        let pace = Pace::new(rules.calls_per_second, now);
        let page_pace = Pace::new(rules.calls_per_second * rules.page_share, now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part of at most 1,024 requests"
        )]
        let page_requests = (rules.in_flight as f64 * rules.page_share) as usize;
        let page_requests = Arc::new(Semaphore::new(page_requests.max(1)));
        let clock = ClockJumpDetector::new(now, sender.clock.steady());
        let (held, clock_shift) = (Held::default(), Duration::ZERO);
        Self {
            sender,
            rules,
            heartbeat,
            pace,
            page_pace,
            page_requests,
            replicas,
            held,
            clock,
            clock_shift,
        }
    }

    /// Runs until `shutdown`, waits up to `grace` for open requests, and releases all other leases.
    pub async fn run(mut self, shutdown: CancellationToken, grace: Duration) {
        let _reports_panics = self.heartbeat.guard();
        let mut sends = JoinSet::new();
        while !shutdown.is_cancelled() {
            self.follow_clock().await;
            self.beat();
            let step = if sends.len() < self.rules.in_flight {
                self.step(&mut sends).await
            } else {
                Step::Idle(POLL_EVERY)
            };
            let Step::Idle(wait) = step else { continue };
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(ended) = sends.join_next() => report(ended),
                () = self.sender.destination.notified() => {}
                () = tokio::time::sleep(wait.min(self.poll_interval())) => {}
            }
        }
        self.heartbeat.suspend();
        let drained = tokio::time::timeout(grace, async {
            while let Some(ended) = sends.join_next().await {
                report(ended);
            }
        });
        if drained.await.is_err() {
            tracing::warn!(requests = sends.len(), "requests are still under way; giving them up");
            sends.shutdown().await;
        }
        self.release_leases().await;
    }

    /// Returns the time until the next claim, so that relays don't claim in step.
    fn poll_interval(&self) -> Duration {
        let half = POLL_EVERY / 2;
        half + half.mul_f64(self.sender.random.next() as f64 / u64::MAX as f64)
    }

    /// Claims once, as much as may be sent.
    async fn step(&mut self, sends: &mut JoinSet<()>) -> Step {
        let now = self.sender.clock.now();
        let destination = &self.sender.destination;
        let DispatcherRules { calls_per_second, page_share, .. } = self.rules;
        self.pace.shared_by(self.replicas.count(), calls_per_second);
        self.page_pace.shared_by(self.replicas.count(), calls_per_second * page_share);
        let admission = destination.breaker().admit(now);
        let (calls, lane, is_probe) = match admission {
            Admission::Wait(until) => return Step::Idle(until.since(now)),
            Admission::Probe(lane) => (1, lane, true),
            Admission::Open => (self.pace.available(now).min(self.rules.batch_calls), None, false),
        };
        if calls == 0 {
            return Step::Idle(self.pace.wait(now));
        }
        let request = Arc::clone(&self.page_requests).try_acquire_owned().ok();
        let page = match &request {
            Some(_) if is_probe => calls,
            Some(_) => self.page_pace.available(now).min(calls),
            None => 0,
        };
        let until = now.plus(self.rules.lease);
        let kind = destination.kind();
        // Writes to GrowSurf keep their order, however old they are.
        let old_before = match kind {
            Destination::CustomerIo => now.minus(OLD),
            Destination::GrowSurf => Time::default(),
        };
        let claim = ClaimRequest {
            destination: kind,
            now,
            until,
            calls,
            page,
            in_turn: IN_TURN,
            old_before,
            lane,
        };
        let claimed = self.writing(self.sender.store.claim(claim)).await;
        let leases = match claimed {
            Ok(leases) if !leases.is_empty() => leases,
            Ok(_) => {
                if is_probe {
                    destination.breaker().nothing_to_probe(now);
                }
                let next = self.next_due(page > 0, now).await;
                let paced = request.filter(|_| page == 0).map(|_| self.page_pace.wait(now));
                return Step::Idle(paced.map_or(next, |paced| next.min(paced)));
            }
            Err(error) => {
                if is_probe {
                    destination.breaker().nothing_to_probe(now);
                }
                return store_failed(&error);
            }
        };
        let sent = leases.iter().map(|lease| lease.deliveries.len()).sum();
        self.pace.take(sent);
        let is_page = leases.iter().any(|lease| lease.class == Class::Page);
        if is_page {
            self.page_pace.take(sent);
        }
        let request = request.filter(|_| is_page);
        let delivering = deliver(Arc::clone(&self.sender), Arc::clone(&self.held), leases, until);
        sends.spawn(async move {
            delivering.await;
            drop(request);
        });
        Step::Claimed
    }

    /// Moves due times if the clock was set back. Otherwise nothing would be due until the clock has caught
    /// up.
    async fn follow_clock(&mut self) {
        let now = self.sender.clock.now();
        let by = self.clock.jumped_back_by(now, self.sender.clock.steady());
        if !by.is_zero() {
            tracing::warn!(
                seconds = by.as_secs(),
                "the clock was set back; calls don't wait for it"
            );
            self.sender.destination.breaker().clock_jumped_back(by);
            self.clock_shift = self.clock_shift.saturating_add(by);
        }
        if self.clock_shift.is_zero() {
            return;
        }
        match self
            .writing(self.sender.store.shift_due_times(
                self.sender.destination.kind(),
                self.clock_shift,
                now,
            ))
            .await
        {
            Ok(()) => self.clock_shift = Duration::ZERO,
            // The next round tries again.
            Err(error) => {
                store_failed(&error);
            }
        }
    }

    /// Waits for a write, without a heartbeat: a write may wait long behind another process, and the store
    /// has a watch of its own.
    async fn writing<T>(&self, write: impl Future<Output = T>) -> T {
        self.heartbeat.suspend();
        let written = write.await;
        self.beat();
        written
    }

    fn beat(&self) {
        self.heartbeat.beat(self.sender.clock.steady());
    }

    async fn next_due(&self, page: bool, now: Time) -> Duration {
        match self.sender.store.next_due(self.sender.destination.kind(), page, now).await {
            // Due work that can't be claimed is polled for.
            Ok(Some(due)) if due > now => due.since(now),
            Ok(_) => POLL_EVERY,
            Err(error) => {
                store_failed(&error);
                POLL_EVERY
            }
        }
    }

    async fn release_leases(&self) {
        let held: Vec<(LaneId, i64)> = self.held().drain().collect();
        if held.is_empty() {
            return;
        }
        let not_attempted = |(lane, token)| Settlement { lane, token, results: Vec::new() };
        let settlements = held.into_iter().map(not_attempted).collect();
        let now = self.sender.clock.now();
        let availability = self.sender.availability_clock();
        if let Err(error) = self.sender.store.settle(settlements, availability, now).await {
            store_failed(&error);
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<LaneId, i64>> {
        self.held.lock().expect("nothing panics while it holds the list")
    }
}

async fn deliver(sender: Arc<Sender>, held: Held, leases: Vec<Leased>, until: Time) {
    let names: Vec<(LaneId, i64)> = leases.iter().map(|lease| (lease.lane, lease.token)).collect();
    held.lock().expect("nothing panics while it holds the list").extend(names.iter().copied());
    sender.deliver(leases, until).await;
    let mut held = held.lock().expect("nothing panics while it holds the list");
    for (lane, token) in names {
        // The lane may be leased again already, under a newer token.
        if held.get(&lane) == Some(&token) {
            held.remove(&lane);
        }
    }
}

fn store_failed(error: &StoreError) -> Step {
    tracing::error!(error = %ErrorChain(error), "the dispatcher can't reach the store; trying again");
    Step::Idle(POLL_EVERY)
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        // Its leases end by themselves.
        tracing::error!(%error, "a sender ended unexpectedly");
    }
}

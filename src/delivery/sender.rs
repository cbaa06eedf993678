//! Sends what was claimed and settles what came of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::backoff::delay;
use super::destination::GuardedDestination;
use super::join_guard;
use super::merge_guard;
use super::transport::{Item, Transport};
use crate::domain::{
    Attempt, Call, Clock, Delivery, DeliveryId, Destination, DestinationState, Identifier,
    Labelled, LaneId, Leased, Outcome, Random, TRIGGERS_FOR, Time,
};
use crate::options::whole;
use crate::store::{AvailabilityClock, Settle, Settlement, Store, Verdict};
use crate::telemetry::{ErrorChain, Metrics};

/// The rules of trying again: a call, and a destination that failed.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct RetryRules {
    /// The number of failures in a row, with no success between, that open the breaker.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub breaker_failures: u32,
    /// The span of a call's first wait, and the breaker's first wait before a probe; both double.
    pub backoff_base: Duration,
    /// The longest span of a call's wait.
    pub backoff_cap: Duration,
    /// The longest wait before a probe, and the wait of a halt's probe.
    pub probe_every: Duration,
    /// How long a call may fail, by the accepting clock.
    pub give_up_after: Duration,
    /// The longest wait that an answer can ask for. A pause that was to be longer ends with a probe.
    pub max_wait: Duration,
}

/// What came of the calls of a claim.
struct SendResult {
    /// An attempt for each delivery of each lease, or `None` for one that wasn't tried.
    attempts: Vec<Vec<Option<Attempt>>>,
    /// Those that weren't, because they wait for others.
    waiting: HashSet<DeliveryId>,
}

/// The wait between two tries of a settlement.
const SETTLE_REST: Duration = Duration::from_millis(500);

/// Sends claims and settles them; many at once.
pub struct Sender {
    /// Which way it sends.
    pub way: Destination,
    /// How calls get there.
    pub transport: Arc<dyn Transport>,
    /// The store.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub random: Arc<dyn Random>,
    /// The destination's state.
    pub destination: GuardedDestination,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// When to try again.
    pub rules: RetryRules,
}

impl Sender {
    /// Sends all calls of a claim whose leases end at `until`, and ends the leases.
    pub async fn deliver(&self, leases: Vec<Leased>, until: Time) {
        let SendResult { attempts, waiting } = self.send(&leases, until).await;
        let now = self.clock.now();
        let settlements = leases.iter().zip(attempts);
        let settlements = settlements
            .map(|(lease, attempts)| self.settlement(lease, attempts, &waiting, now))
            .collect();
        self.settle(settlements, until).await;
        // What was behind the delivered calls is due now.
        self.destination.wake();
    }

    /// Without what mustn't go now: merges that mustn't go any more, which get their attempt here, and
    /// joins that wait. What the store can't tell of isn't tried.
    async fn without_blocked(
        &self,
        leases: &[Leased],
        places: Vec<(usize, usize)>,
        sent: &mut SendResult,
    ) -> Vec<(usize, usize)> {
        let mut left = Vec::with_capacity(places.len());
        for (lease, delivery) in places {
            let (leased, now) = (&leases[lease], self.clock.now());
            let call = &leased.deliveries[delivery];
            match join_guard::is_blocked(&self.store, call, leased.class).await {
                Ok(false) => {}
                Ok(true) => {
                    sent.waiting.insert(call.id);
                    continue;
                }
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "can't tell whether a call must wait");
                    continue;
                }
            }
            match merge_guard::blocked(&self.store, leased, call, now).await {
                Ok(None) => left.push((lease, delivery)),
                Ok(withheld) => sent.attempts[lease][delivery] = withheld,
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "can't tell whose an address is now");
                }
            }
        }
        left
    }

    /// Sends turn by turn: first what may go at once, then what waited for it to be delivered.
    async fn send(&self, leases: &[Leased], until: Time) -> SendResult {
        let attempts = leases.iter().map(|lease| vec![None; lease.deliveries.len()]).collect();
        let mut sent = SendResult { attempts, waiting: HashSet::new() };
        for turn in 0.. {
            let places = places(leases, &sent.attempts, turn);
            let places = self.without_blocked(leases, places, &mut sent).await;
            let goes_on = turn == 0 || {
                let state = self.destination.breaker().state(self.clock.now());
                state == DestinationState::Running
            };
            if places.is_empty() || !goes_on {
                break;
            }
            let items = places.iter().map(|&(lease, delivery)| {
                let Leased { identifier, deliveries, .. } = &leases[lease];
                Item { identifier, delivery: &deliveries[delivery] }
            });
            let came = self.transport.send(&items.collect::<Vec<_>>(), until).await;
            let now = self.clock.now();
            for ((lease, delivery), attempt) in places.into_iter().zip(came) {
                match &attempt {
                    Some(attempt) if was_sent(attempt) => {
                        self.destination.observe(leases[lease].lane, &attempt.outcome, now);
                    }
                    _ => self.destination.breaker().nothing_to_probe(now),
                }
                sent.attempts[lease][delivery] = attempt;
            }
        }
        if sent.attempts.iter().flatten().all(Option::is_none) {
            // Was it to be a probe, another may go.
            self.destination.breaker().nothing_to_probe(self.clock.now());
        }
        sent
    }

    fn settlement(
        &self,
        lease: &Leased,
        attempts: Vec<Option<Attempt>>,
        waiting: &HashSet<DeliveryId>,
        now: Time,
    ) -> Settlement {
        let Leased { lane, token, identifier, deliveries, superseded, .. } = lease;
        let mut results = Vec::with_capacity(deliveries.len() + superseded.len());
        for (delivery, attempt) in deliveries.iter().zip(attempts) {
            let verdict = match &attempt {
                Some(attempt) => {
                    let verdict = self.verdict(delivery, &attempt.outcome, now);
                    self.log_attempt(delivery, *lane, identifier, attempt, &verdict);
                    verdict
                }
                None if waiting.contains(&delivery.id) => {
                    Verdict::Defer { at: now.plus(join_guard::WAIT) }
                }
                None => Verdict::NotAttempted,
            };
            let went = matches!(verdict, Verdict::Delivered);
            results.push(Settle { delivery: delivery.id, verdict, attempt });
            if went {
                let superfluous = superseded.iter().map(|delivery| Settle {
                    delivery: *delivery,
                    verdict: Verdict::Delivered,
                    attempt: None,
                });
                results.extend(superfluous);
            }
        }
        Settlement { lane: *lane, token: *token, results }
    }

    fn verdict(&self, delivery: &Delivery, outcome: &Outcome, now: Time) -> Verdict {
        match outcome {
            Outcome::Delivered => Verdict::Delivered,
            Outcome::Rejected { reason, field } => {
                Verdict::Dead { reason: reason.clone(), field: field.clone() }
            }
            Outcome::Halt { .. } => Verdict::NotAttempted,
            Outcome::Retry { reason, wait } => {
                let accepting = self.destination.breaker().available_for();
                let failing_since = delivery.failing_since.unwrap_or(accepting);
                let RetryRules { backoff_base, backoff_cap, give_up_after, max_wait, .. } =
                    self.rules;
                if accepting.saturating_sub(failing_since) >= give_up_after {
                    let reason = format!(
                        "gave up after {} attempts, while other calls were accepted; the last: {reason}",
                        delivery.attempts.saturating_add(1)
                    );
                    return Verdict::Dead { reason, field: None };
                }
                let attempts = delivery.attempts.saturating_add(1);
                let backoff = delay(attempts, backoff_base, backoff_cap, self.random.next());
                let at =
                    now.plus(wait.map_or(backoff, |wait| backoff.max(wait.time.min(max_wait))));
                Verdict::Retry { at, failing_since }
            }
        }
    }

    /// The accepting clock of the destination, as the store keeps it.
    pub(super) fn availability_clock(&self) -> AvailabilityClock {
        AvailabilityClock { way: self.way, reading: self.destination.breaker().available_for() }
    }

    /// One line an attempt.
    fn log_attempt(
        &self,
        delivery: &Delivery,
        lane: LaneId,
        identifier: &Identifier,
        attempt: &Attempt,
        verdict: &Verdict,
    ) {
        let outcome = attempt.outcome.label();
        let kind = delivery.call.kind();
        let webhook = delivery.webhook.map(tracing::field::display);
        self.metrics.attempt(outcome);
        match verdict {
            Verdict::Delivered => {
                self.metrics.call(kind, "delivered");
                if let Call::Track { at, .. } = delivery.call
                    && attempt.at.since(at) > TRIGGERS_FOR
                    && delivery.planned_at.since(at) <= TRIGGERS_FOR
                {
                    self.metrics.late();
                }
            }
            Verdict::Dead { reason, field } => {
                self.metrics.call(kind, "dead");
                tracing::warn!(
                    webhook.id = webhook,
                    delivery.id = delivery.id.0,
                    person = identifier.masked(),
                    call = kind,
                    reason,
                    field,
                    "a call is a dead letter: the destination refuses it for good"
                );
            }
            Verdict::Retry { .. } | Verdict::NotAttempted | Verdict::Defer { .. } => {}
        }
        tracing::info!(
            webhook.id = webhook,
            delivery.id = delivery.id.0,
            lane.id = lane.0,
            person = identifier.masked(),
            call = kind,
            attempt.number = delivery.attempts + 1,
            attempt.outcome = outcome,
            attempt.duration_ms = attempt.took.as_millis(),
            http.status = attempt.http_status,
            reason = attempt.outcome.reason(),
            dead = matches!(verdict, Verdict::Dead { .. }),
            "attempted a delivery"
        );
    }

    /// Settles, however long the store refuses; the leases' end at `until` then takes care.
    async fn settle(&self, settlements: Vec<Settlement>, until: Time) {
        loop {
            let now = self.clock.now();
            let accepting = self.availability_clock();
            match self.store.settle(settlements.clone(), accepting, now).await {
                Ok(settled) => {
                    if settled.fenced > 0 {
                        self.metrics.fenced(settled.fenced);
                        tracing::warn!(lanes = settled.fenced, "results came after their lease");
                    }
                    return;
                }
                Err(error) => {
                    tracing::error!(error = %ErrorChain(&error), "can't settle; trying again until the leases end");
                }
            }
            if now >= until {
                return;
            }
            tokio::time::sleep(SETTLE_REST).await;
        }
    }
}

/// Which deliveries go at this turn, as places of leases and of deliveries in them.
fn places(
    leases: &[Leased],
    attempts: &[Vec<Option<Attempt>>],
    turn: usize,
) -> Vec<(usize, usize)> {
    let delivered = |lease: usize, delivery: usize| {
        attempts[lease][delivery].as_ref().is_some_and(|it| it.outcome == Outcome::Delivered)
    };
    let of = |(number, lease): (usize, &Leased)| {
        let places = match (lease.in_turn, turn) {
            (true, 0) => 0..1.min(lease.deliveries.len()),
            (true, turn) if turn < lease.deliveries.len() && delivered(number, turn - 1) => {
                turn..turn + 1
            }
            (false, 0) => 0..lease.deliveries.len(),
            _ => 0..0,
        };
        places.map(move |delivery| (number, delivery))
    };
    leases.iter().enumerate().flat_map(of).collect()
}

/// Whether the destination had a part in the outcome; what is over a limit never left.
fn was_sent(attempt: &Attempt) -> bool {
    attempt.http_status.is_some() || !matches!(attempt.outcome, Outcome::Rejected { .. })
}

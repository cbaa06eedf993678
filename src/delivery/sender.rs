//! Sends claims and settles the results.

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
    Attempt, Call, Clock, Delivery, DeliveryId, DestinationState, Labelled, LaneId, LaneKey,
    Leased, Outcome, Random, TRIGGERS_FOR, Time, is_field_name, mask_quotations,
};
use crate::options::whole;
use crate::store::{AvailabilityClock, Settle, Settlement, Store, Verdict};
use crate::telemetry::{ErrorChain, Metrics};

/// The rules of retries, of a call and of a destination.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct RetryRules {
    /// Failures in a row that open the breaker.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub breaker_failures: u32,
    /// The span of a call's first wait, and the breaker's first wait; both double.
    pub backoff_base: Duration,
    /// The longest span of a call's wait.
    pub backoff_cap: Duration,
    /// The longest wait before a probe, and the interval of a halt's probes.
    pub probe_every: Duration,
    /// The longest time for which a call may fail, by the availability clock.
    pub give_up_after: Duration,
    /// The longest wait that an answer can ask for. A longer pause ends with a probe.
    pub max_wait: Duration,
}

/// The result of sending a claim.
struct SendResult {
    /// The attempt of each delivery of each lease; `None` for one that wasn't tried.
    attempts: Vec<Vec<Option<Attempt>>>,
    /// Deliveries that wait for others.
    waiting: HashSet<DeliveryId>,
}

/// The wait before another try of a settlement.
const SETTLE_RETRY: Duration = Duration::from_millis(500);

/// A sender of claims, for many at once.
pub struct Sender {
    /// The way to the destination.
    pub transport: Arc<dyn Transport>,
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    /// The source of jitter.
    pub random: Arc<dyn Random>,
    /// The destination's state.
    pub destination: GuardedDestination,
    pub metrics: Arc<Metrics>,
    pub rules: RetryRules,
}

impl Sender {
    /// Sends all calls of a claim whose leases end at `until`, and settles them.
    pub async fn deliver(&self, leases: Vec<Leased>, until: Time) {
        let SendResult { attempts, waiting } = self.send(&leases, until).await;
        let now = self.clock.now();
        let settlements = leases.iter().zip(attempts);
        let settlements = settlements
            .map(|(lease, attempts)| self.settlement(lease, attempts, &waiting, now))
            .collect();
        self.settle(settlements, until).await;
        // The next calls of these lanes are due now.
        self.destination.wake();
    }

    /// Returns the places of calls that may be sent. A merge that may not gets its attempt here; a join may
    /// have to wait.
    /// If the store fails, the call isn't tried.
    async fn unblocked(
        &self,
        leases: &[Leased],
        places: Vec<(usize, usize)>,
        result: &mut SendResult,
    ) -> Vec<(usize, usize)> {
        let mut left = Vec::with_capacity(places.len());
        for (lease, delivery) in places {
            let (leased, now) = (&leases[lease], self.clock.now());
            let call = &leased.deliveries[delivery];
            match join_guard::is_blocked(&self.store, call, leased.class).await {
                Ok(false) => {}
                Ok(true) => {
                    result.waiting.insert(call.id);
                    continue;
                }
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "can't check if a call must wait");
                    continue;
                }
            }
            match merge_guard::blocked(&self.store, leased, call, now).await {
                Ok(None) => left.push((lease, delivery)),
                Ok(attempt) => result.attempts[lease][delivery] = attempt,
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "can't check whose address it is now");
                }
            }
        }
        left
    }

    /// Sends in turns: first all heads, then each call whose predecessor was delivered.
    async fn send(&self, leases: &[Leased], until: Time) -> SendResult {
        let attempts = leases.iter().map(|lease| vec![None; lease.deliveries.len()]).collect();
        let mut result = SendResult { attempts, waiting: HashSet::new() };
        for turn in 0.. {
            let places = turn_places(leases, &result.attempts, turn);
            let places = self.unblocked(leases, places, &mut result).await;
            let may_continue = turn == 0 || {
                let state = self.destination.breaker().state(self.clock.now());
                state == DestinationState::Running
            };
            if places.is_empty() || !may_continue {
                break;
            }
            let items = places.iter().map(|&(lease, delivery)| {
                let Leased { key, deliveries, .. } = &leases[lease];
                Item { key, delivery: &deliveries[delivery] }
            });
            let attempts = self.transport.send(&items.collect::<Vec<_>>(), until).await;
            let now = self.clock.now();
            for ((lease, delivery), attempt) in places.into_iter().zip(attempts) {
                match &attempt {
                    Some(attempt) if was_sent(attempt) => {
                        self.destination.observe(leases[lease].lane, &attempt.outcome, now);
                    }
                    _ => self.destination.breaker().nothing_to_probe(now),
                }
                result.attempts[lease][delivery] = attempt;
            }
        }
        if result.attempts.iter().flatten().all(Option::is_none) {
            // If it was a probe, another may be sent.
            self.destination.breaker().nothing_to_probe(self.clock.now());
        }
        result
    }

    fn settlement(
        &self,
        lease: &Leased,
        attempts: Vec<Option<Attempt>>,
        waiting: &HashSet<DeliveryId>,
        now: Time,
    ) -> Settlement {
        let Leased { lane, token, key, deliveries, superseded, .. } = lease;
        let mut results = Vec::with_capacity(deliveries.len() + superseded.len());
        for (delivery, attempt) in deliveries.iter().zip(attempts) {
            let verdict = match &attempt {
                Some(attempt) => {
                    let verdict = self.verdict(delivery, &attempt.outcome, now);
                    self.log_attempt(delivery, *lane, key, attempt, &verdict);
                    verdict
                }
                None if waiting.contains(&delivery.id) => {
                    Verdict::Defer { at: now.plus(join_guard::WAIT) }
                }
                None => Verdict::NotAttempted,
            };
            let is_delivered = matches!(verdict, Verdict::Delivered);
            results.push(Settle { delivery: delivery.id, verdict, attempt });
            if is_delivered {
                let replaced = superseded.iter().map(|delivery| Settle {
                    delivery: *delivery,
                    verdict: Verdict::Delivered,
                    attempt: None,
                });
                results.extend(replaced);
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
                let availability = self.destination.breaker().available_for();
                let failing_since = delivery.failing_since.unwrap_or(availability);
                let RetryRules { backoff_base, backoff_cap, give_up_after, max_wait, .. } =
                    self.rules;
                if availability.saturating_sub(failing_since) >= give_up_after {
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

    /// Returns the destination's availability clock for the store.
    pub(super) fn availability_clock(&self) -> AvailabilityClock {
        AvailabilityClock {
            destination: self.destination.kind(),
            reading: self.destination.breaker().available_for(),
        }
    }

    /// Logs and counts an attempt.
    fn log_attempt(
        &self,
        delivery: &Delivery,
        lane: LaneId,
        key: &LaneKey,
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
                let reason = mask_quotations(reason);
                let field = field.as_deref().filter(|field| is_field_name(field));
                tracing::warn!(
                    webhook.id = webhook,
                    delivery.id = delivery.id.0,
                    person = key.masked(),
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
            person = key.masked(),
            call = kind,
            attempt.number = delivery.attempts + 1,
            attempt.outcome = outcome,
            attempt.duration_ms = attempt.took.as_millis(),
            http.status = attempt.http_status,
            reason = attempt.outcome.masked_reason(),
            dead = matches!(verdict, Verdict::Dead { .. }),
            "attempted a delivery"
        );
    }

    /// Settles, and repeats it until the leases end at `until`.
    async fn settle(&self, settlements: Vec<Settlement>, until: Time) {
        loop {
            let now = self.clock.now();
            let availability = self.availability_clock();
            match self.store.settle(settlements.clone(), availability, now).await {
                Ok(settled) => {
                    if settled > 0 {
                        self.metrics.fenced(settled);
                        tracing::warn!(
                            lanes = settled,
                            "results came after their lease and were dropped"
                        );
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
            tokio::time::sleep(SETTLE_RETRY).await;
        }
    }
}

/// Returns the deliveries of a turn, as indexes of leases and of deliveries in them.
fn turn_places(
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

/// True if the destination took part in the outcome. A call over a limit was never sent.
fn was_sent(attempt: &Attempt) -> bool {
    attempt.http_status.is_some() || !matches!(attempt.outcome, Outcome::Rejected { .. })
}

//! The transport to Customer.io: one call over v1, several over v2.
//!
//! What belongs here: the requests of a claim, and the outcome of each call. What doesn't: what follows from
//! an outcome (`sender`).

use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;

use super::transport::{Item, Transport};
use crate::customerio::client::Client;
use crate::customerio::limits::{self, Fitted};
use crate::customerio::request::{self, Operation, Request};
use crate::customerio::response::{self, BatchOutcome};
use crate::domain::{Attempt, Clock, Delivery, HiddenIds, Outcome, Time, mask_quotations};
use crate::telemetry::Metrics;

/// A call within the limits, and the index of its item.
struct Ready<'a> {
    index: usize,
    retry: u32,
    fitted: Fitted<'a>,
}

pub struct CustomerIoTransport {
    pub client: Client,
    pub clock: Arc<dyn Clock>,
    /// The most calls of a batch.
    pub batch_calls: usize,
    /// The longest request.
    pub timeout: Duration,
    pub metrics: Arc<Metrics>,
}

#[async_trait]
impl Transport for CustomerIoTransport {
    /// Sends all items: one over v1, several over v2, unless v2 can't carry them. Once the destination fails
    /// or halts, the rest isn't tried.
    ///
    /// Outcomes show no ids of any item.
    async fn send(&self, items: &[Item<'_>], until: Time) -> Vec<Option<Attempt>> {
        let ids = LazyLock::new(|| {
            HiddenIds::of(items.iter().map(|item| (item.key, &item.delivery.call)))
        });
        let hide = |text: &str| ids.hide(text);
        // No request begins later: the lease must outlive every answer.
        let attempts = self.send_openly(items, until.minus(self.timeout), &hide).await;
        let hiding = |attempt: Attempt| match attempt.outcome.reason() {
            Some(_) => Attempt { outcome: attempt.outcome.hiding(&ids), ..attempt },
            None => attempt,
        };
        attempts.into_iter().map(|attempt| attempt.map(hiding)).collect()
    }
}

impl CustomerIoTransport {
    /// Sends all items; outcomes show what the destination said.
    async fn send_openly(
        &self,
        items: &[Item<'_>],
        until: Time,
        hide: &(dyn Fn(&str) -> String + Sync),
    ) -> Vec<Option<Attempt>> {
        let mut attempts: Vec<Option<Attempt>> = items.iter().map(|_| None).collect();
        let mut together: Vec<(Ready<'_>, Operation)> = Vec::new();
        let mut alone = Vec::new();
        for (index, Item { key, delivery }) in items.iter().enumerate() {
            let fitted = match limits::fit(key, &delivery.call) {
                Ok(fitted) => fitted,
                Err(over) => {
                    attempts[index] = Some(Attempt::unsent(self.clock.now(), over.into()));
                    continue;
                }
            };
            warn(&fitted, delivery);
            let operation = (items.len() > 1).then(|| request::operation(&fitted)).flatten();
            let ready = Ready { index, retry: delivery.attempts, fitted };
            match operation {
                Some(operation) => together.push((ready, operation)),
                None => alone.push(ready),
            }
        }
        // The calls are parallel to the operations, which the batches are cut from.
        let (ready, operations): (Vec<Ready<'_>>, Vec<Operation>) = together.into_iter().unzip();
        let mut goes_on = self.send_together(&ready, &operations, &mut attempts, until, hide).await;
        for ready in &alone {
            if goes_on {
                goes_on = self.send_alone(ready, &mut attempts, until).await;
            }
        }
        attempts
    }

    /// Sends operations in batches. A batch that is refused as a whole is halved until the faulty call is
    /// alone.
    /// False if the destination accepts no more calls.
    async fn send_together(
        &self,
        ready: &[Ready<'_>],
        operations: &[Operation],
        attempts: &mut [Option<Attempt>],
        until: Time,
        hide: &(dyn Fn(&str) -> String + Sync),
    ) -> bool {
        let whole = request::batches(operations, self.batch_calls);
        let mut ranges: Vec<Range<usize>> =
            whole.into_iter().map(|batch| batch.operations).rev().collect();
        while let Some(range) = ranges.pop() {
            if range.len() == 1 {
                if !self.send_alone(&ready[range.start], attempts, until).await {
                    return false;
                }
                continue;
            }
            let Some(batch) = request::batches(&operations[range.clone()], range.len()).pop()
            else {
                continue;
            };
            let Some((at, took, sent)) = self.exchange(&batch.request, until).await else {
                return false;
            };
            let http_status = sent.as_ref().ok().map(|answer| answer.status);
            let attempt = |outcome| Some(Attempt { at, took, http_status, outcome });
            match response::batch(&sent, range.len(), self.clock.now()) {
                BatchOutcome::Each(outcomes) => {
                    for (call, outcome) in ready[range].iter().zip(outcomes) {
                        attempts[call.index] = attempt(outcome);
                    }
                }
                BatchOutcome::Stopped(outcome) => {
                    for call in &ready[range] {
                        attempts[call.index] = attempt(outcome.clone());
                    }
                    return false;
                }
                BatchOutcome::Malformed { reason } => {
                    let reason = mask_quotations(&hide(&reason));
                    tracing::warn!(reason, calls = range.len(), "a batch was refused; halving it");
                    let middle = range.start + range.len() / 2;
                    ranges.push(middle..range.end);
                    ranges.push(range.start..middle);
                }
            }
        }
        true
    }

    /// Sends one call alone. False if the destination accepts no more calls.
    async fn send_alone(
        &self,
        ready: &Ready<'_>,
        attempts: &mut [Option<Attempt>],
        until: Time,
    ) -> bool {
        let request = match request::alone(&ready.fitted) {
            Ok(request) => Request { retry: ready.retry, ..request },
            Err(over) => {
                attempts[ready.index] = Some(Attempt::unsent(self.clock.now(), over.into()));
                return true;
            }
        };
        let Some((at, took, sent)) = self.exchange(&request, until).await else { return false };
        let http_status = sent.as_ref().ok().map(|answer| answer.status);
        let outcome = response::single(&sent, self.clock.now());
        let goes_on = matches!(outcome, Outcome::Delivered | Outcome::Rejected { .. });
        attempts[ready.index] = Some(Attempt { at, took, http_status, outcome });
        goes_on
    }

    /// Sends one request; `None` if the lease might end before the answer.
    async fn exchange(
        &self,
        request: &Request,
        until: Time,
    ) -> Option<(Time, Duration, AnswerOrError)> {
        let at = self.clock.now();
        if at >= until {
            return None;
        }
        let sent = self.client.send(request).await;
        let took = self.clock.now().since(at);
        self.metrics.attempted_in(took);
        Some((at, took, sent))
    }
}

type AnswerOrError =
    Result<crate::customerio::answer::Answer, crate::customerio::answer::SendError>;

/// Logs the changes that the limits made, at the first attempt.
fn warn(fitted: &Fitted<'_>, delivery: &Delivery) {
    if delivery.attempts > 0 {
        return;
    }
    for change in fitted.warnings() {
        tracing::warn!(delivery.id = delivery.id.0, %change, "made a call fit Customer.io's limits");
    }
}

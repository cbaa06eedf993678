//! Refusals in the log: a few lines of each reason a minute, and one sum of the others.
//!
//! Anybody can cause refusals, so they must cost the log no more than a bounded number of lines.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The interval in which refusals are summed.
const MINUTE: Duration = Duration::from_secs(60);

/// The refusals of this minute, by reason.
#[derive(Debug)]
pub struct Refusals {
    lines: u64,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Refusals {
    /// Allows a number of `lines` of each reason a minute.
    pub fn new(lines: u64) -> Self {
        Self { lines, counts: Mutex::default() }
    }

    /// Counts a refusal; returns true if it gets a line of its own.
    pub fn is_logged(&self, reason: &'static str) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(reason).or_default();
        *count = count.saturating_add(1);
        *count <= self.lines
    }

    /// Sums refusals every minute, and a last time at `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let _either = tokio::time::timeout(MINUTE, shutdown.cancelled()).await;
            if let Some(refused) = self.end_minute() {
                tracing::warn!(refused, "refused more than is logged one by one");
            }
        }
    }

    /// Begins a new minute. Returns the refusals that got no line, such as `signature 74679, body 3`.
    fn end_minute(&self) -> Option<String> {
        let counts =
            std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let silent = counts.into_iter().filter(|(_, count)| *count > self.lines);
        let silent = silent.map(|(reason, count)| format!("{reason} {}", count - self.lines));
        let silent: Vec<String> = silent.collect();
        (!silent.is_empty()).then(|| silent.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_reason_costs_a_few_lines_and_a_sum() {
        let refusals = Refusals::new(10);
        let logged = |reason, times| (0..times).filter(|_| refusals.is_logged(reason)).count();
        assert_eq!(logged("signature", 74_689), 10);
        assert_eq!(logged("body", 13), 10, "no reason silences another");
        assert_eq!(logged("token", 10), 10);
        assert_eq!(refusals.end_minute().as_deref(), Some("body 3, signature 74679"));
        assert_eq!(refusals.end_minute(), None);
        assert_eq!(logged("signature", 3), 3, "the next minute");
    }
}

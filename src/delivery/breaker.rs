//! The circuit breaker of a destination: a pure state machine that decides what may be sent.
//!
//! It holds four things:
//! - the breaker: a run of failures stops everything but a probe,
//! - the halt: wrong credentials or region stop everything but a probe of the call that met them,
//! - the pause that the destination asked for,
//! - the availability clock, which measures giving up.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::sender::RetryRules;
use crate::domain::{DestinationState, LaneId, Outcome, Time, mask_quotations};
use crate::store::{Outage, PeerStatus};

/// The calls that may be sent now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Everything that is due.
    Open,
    /// One call, to test the destination. A halt's probe is a call of this lane.
    Probe(Option<LaneId>),
    /// Nothing before this time.
    Wait(Time),
}

#[derive(Clone, PartialEq, Debug)]
enum State {
    Running,
    Down(Down),
    /// The workspace isn't the effects' own: no probe may go there either.
    Blocked {
        reason: String,
    },
}

/// An open breaker, or a halt.
#[derive(Clone, PartialEq, Debug)]
struct Down {
    halt: Option<Halt>,
    probe_at: Time,
    /// The wait before the next probe.
    wait: Duration,
    probing: bool,
}

#[derive(Clone, PartialEq, Debug)]
struct Halt {
    /// The lane of the call that met the halt, until that call is gone.
    lane: Option<LaneId>,
    reason: String,
}

#[derive(Debug)]
pub struct CircuitBreaker {
    rules: RetryRules,
    state: State,
    failures: u32,
    paused_until: Time,
    available_for: Duration,
    /// The time from which the next accepted call counts as availability.
    counts_from: Time,
    /// The number of outages that this relay found.
    outages: i64,
    /// True if the present outage is another relay's finding.
    is_from_peer: bool,
    /// The number of its own outages that this relay saw end.
    recoveries: i64,
    /// The last statuses of other relays.
    peers: Vec<PeerStatus>,
}

impl CircuitBreaker {
    /// Returns a closed breaker at `now`, with this reading of the availability clock.
    pub fn new(rules: RetryRules, available_for: Duration, now: Time) -> Self {
        Self {
            rules,
            state: State::Running,
            failures: 0,
            paused_until: Time::default(),
            available_for,
            counts_from: now,
            outages: 0,
            is_from_peer: false,
            recoveries: 0,
            peers: Vec::new(),
        }
    }

    /// Returns the calls that may be sent at `now`. A probe must be answered by [`CircuitBreaker::observe`]
    /// or [`CircuitBreaker::nothing_to_probe`]; until then no other is admitted.
    pub fn admit(&mut self, now: Time) -> Admission {
        if now < self.paused_until {
            return Admission::Wait(self.paused_until);
        }
        match &mut self.state {
            State::Running => Admission::Open,
            State::Down(Down { probing: false, probe_at, .. }) if now < *probe_at => {
                Admission::Wait(*probe_at)
            }
            State::Down(Down { probing: probing @ false, halt, .. }) => {
                *probing = true;
                Admission::Probe(halt.as_ref().and_then(|halt| halt.lane))
            }
            State::Down(_) | State::Blocked { .. } => {
                Admission::Wait(now.plus(self.rules.probe_every))
            }
        }
    }

    /// Notes that there was no call to probe with.
    pub fn nothing_to_probe(&mut self, now: Time) {
        let State::Down(down) = &mut self.state else { return };
        down.probing = false;
        // The head that halted is gone, for example discarded: any other call will do.
        if let Some(halt) = &mut down.halt
            && halt.lane.take().is_none()
        {
            down.probe_at = now.plus(self.rules.probe_every);
        }
    }

    /// Notes the outcome of an attempt.
    pub fn observe(&mut self, lane: LaneId, outcome: &Outcome, now: Time) {
        match outcome {
            // A refused call shows that the destination works.
            Outcome::Delivered | Outcome::Rejected { .. } => self.answered(now),
            Outcome::Retry { wait, .. } => {
                // The wait of one call says nothing about the others.
                let pause = wait.filter(|wait| wait.everybody).map(|wait| wait.time);
                self.failed(pause, now);
            }
            Outcome::Halt { reason } => self.halt(lane, mask_quotations(reason), now),
        }
    }

    /// Returns this relay's outage for other relays. A blocked workspace and others' findings aren't
    /// reported.
    pub fn outage(&self, now: Time) -> Option<Outage> {
        let kind = self.state(now);
        let is_others = self.is_from_peer || matches!(self.state, State::Blocked { .. });
        (!is_others && kind != DestinationState::Running).then(|| Outage {
            kind,
            number: self.outages,
            remaining: self.paused_until.since(now),
            reason: self.halted_by().unwrap_or_default().to_owned(),
        })
    }

    /// Returns the number of its own outages that this relay saw end.
    pub fn recoveries(&self) -> i64 {
        self.recoveries
    }

    /// Applies the statuses of other relays:
    /// - An end that one relay sees is an end for all.
    /// - A pause is kept as this relay's own.
    /// - An open breaker or a halt is tested by one call, once for each report: the fault may be the other
    ///   relay's own.
    pub fn apply_peers(&mut self, others: &[PeerStatus], now: Time) {
        for status in others {
            let before = self.peers.iter().find(|peers| peers.relay == status.relay);
            let is_over = before.is_some_and(|before| before.recoveries < status.recoveries);
            if is_over && matches!(self.state, State::Down(_)) {
                // If it isn't over here, the next call shows it.
                self.state = State::Running;
                self.failures = 0;
                self.is_from_peer = false;
                self.counts_from = now.max(self.paused_until);
            }
            let Some(outage) = &status.outage else { continue };
            let number = |status: &PeerStatus| status.outage.as_ref().map(|it| it.number);
            let is_new = before.is_none_or(|before| number(before) != Some(outage.number));
            self.paused_until = self.paused_until.max(now.plus(outage.remaining));
            self.counts_from = self.counts_from.max(self.paused_until);
            if !is_new || self.state != State::Running {
                continue;
            }
            let halt = match outage.kind {
                DestinationState::Running | DestinationState::Paused => continue,
                DestinationState::Broken => None,
                DestinationState::Halted => {
                    Some(Halt { lane: None, reason: outage.reason.clone() })
                }
            };
            self.go_down(halt, now);
            self.is_from_peer = true;
        }
        let is_out = |status: &PeerStatus| {
            status.outage.as_ref().is_some_and(|it| it.kind != DestinationState::Paused)
        };
        if self.is_from_peer && !others.iter().any(is_out) {
            // No relay reports it any more, and there was no call to test it.
            self.state = State::Running;
            self.is_from_peer = false;
        }
        self.peers = others.to_vec();
    }

    /// Moves all waits, because the clock was set back by `by`.
    pub fn clock_jumped_back(&mut self, by: Duration) {
        self.paused_until = self.paused_until.minus(by);
        self.counts_from = self.counts_from.minus(by);
        if let State::Down(down) = &mut self.state {
            down.probe_at = down.probe_at.minus(by);
        }
    }

    /// Stops everything, probes included: the workspace isn't the effects' own.
    pub fn block(&mut self, reason: String) {
        self.state = State::Blocked { reason };
    }

    /// Returns the reading of the availability clock: the time for which the destination has accepted calls.
    ///
    /// It advances with each accepted call, by the time since the one before, without pauses and outages. It
    /// stands still while nothing is accepted: then a faulty call can't be status from a faulty destination.
    pub fn available_for(&self) -> Duration {
        self.available_for
    }

    /// Returns the state, for operators.
    pub fn state(&self, now: Time) -> DestinationState {
        match self.state {
            State::Running if now < self.paused_until => DestinationState::Paused,
            State::Running => DestinationState::Running,
            State::Down(Down { halt: None, .. }) => DestinationState::Broken,
            State::Down(_) | State::Blocked { .. } => DestinationState::Halted,
        }
    }

    /// Returns the reason of a halt.
    pub fn halted_by(&self) -> Option<&str> {
        match &self.state {
            State::Down(Down { halt: Some(Halt { reason, .. }), .. })
            | State::Blocked { reason } => Some(reason),
            State::Running | State::Down(_) => None,
        }
    }

    fn answered(&mut self, now: Time) {
        self.failures = 0;
        match &self.state {
            // The answer to a call sent before the halt says nothing about it.
            State::Down(Down { halt: Some(_), probing: false, .. }) => return,
            State::Blocked { .. } => {}
            State::Running => self.available_for += now.since(self.counts_from),
            State::Down(_) => {
                self.recoveries += i64::from(!self.is_from_peer);
                self.state = State::Running;
            }
        }
        self.is_from_peer = false;
        if self.state == State::Running {
            self.counts_from = now.max(self.paused_until);
        }
    }

    fn failed(&mut self, pause: Option<Duration>, now: Time) {
        self.failures = self.failures.saturating_add(1);
        self.note_own_failure(false);
        let RetryRules { breaker_failures, backoff_base, probe_every, max_wait, .. } = self.rules;
        if let Some(pause) = pause {
            self.paused_until = self.paused_until.max(now.plus(pause.min(max_wait)));
            self.counts_from = self.counts_from.max(self.paused_until);
        }
        match &mut self.state {
            // A longer pause than allowed: a probe tests if it is over.
            State::Running if pause.is_some_and(|pause| pause > max_wait) => {
                self.go_down(None, self.paused_until);
            }
            State::Running if self.failures >= breaker_failures => {
                self.go_down(None, now.plus(backoff_base.min(probe_every)));
            }
            State::Down(down) if down.probing => {
                down.probing = false;
                down.wait = down.wait.saturating_mul(2).min(probe_every);
                down.probe_at = now.plus(down.wait);
            }
            _ => {}
        }
    }

    fn halt(&mut self, lane: LaneId, reason: String, now: Time) {
        self.note_own_failure(true);
        let next = now.plus(self.rules.probe_every);
        match &mut self.state {
            State::Down(Down { halt: Some(_), probing, probe_at, .. }) if *probing => {
                *probing = false;
                *probe_at = next;
            }
            State::Blocked { .. } | State::Down(Down { halt: Some(_), .. }) => {}
            State::Running | State::Down(_) => {
                self.go_down(Some(Halt { lane: Some(lane), reason }), next);
            }
        }
    }

    /// Admits only probes, the first at `probe_at`. A halt's probes keep their pace.
    fn go_down(&mut self, halt: Option<Halt>, probe_at: Time) {
        let RetryRules { backoff_base, probe_every, .. } = self.rules;
        let wait = if halt.is_some() { probe_every } else { backoff_base.min(probe_every) };
        self.state = State::Down(Down { halt, probe_at, wait, probing: false });
    }

    /// Counts an outage that this relay found itself, or confirms another relay's.
    fn note_own_failure(&mut self, is_halt: bool) {
        let begins = self.is_from_peer
            || match &self.state {
                State::Running => true,
                State::Down(down) => is_halt && down.halt.is_none(),
                State::Blocked { .. } => false,
            };
        self.outages += i64::from(begins);
        self.is_from_peer = false;
    }
}

//! The gate, step by step.

use std::time::Duration;

use super::{Admission, CircuitBreaker};
use crate::delivery::RetryRules;
use crate::domain::{DestinationState, LaneId, Outcome, Time, Wait};
use crate::store::{Outage, PeerStatus};

const LANE: LaneId = LaneId(7);
const RULES: RetryRules = RetryRules {
    breaker_failures: 3,
    backoff_base: Duration::from_secs(1),
    backoff_cap: Duration::from_secs(60),
    probe_every: Duration::from_secs(15),
    give_up_after: Duration::from_secs(60),
    max_wait: Duration::from_secs(3_600),
};

fn at(seconds: i64) -> Time {
    Time::from_seconds(seconds)
}

fn retry(wait: Option<u64>) -> Outcome {
    let wait = wait.map(|seconds| Wait { time: Duration::from_secs(seconds), everybody: true });
    Outcome::Retry { reason: "500".to_owned(), wait }
}

fn halt() -> Outcome {
    Outcome::Halt { reason: "401".to_owned() }
}

#[test]
fn a_run_of_failures_opens_the_breaker_and_probes_go_ever_more_slowly() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    for _ in 0..3 {
        assert_eq!(gate.admit(at(0)), Admission::Open);
        gate.observe(LANE, &retry(None), at(0));
    }
    let mut now = 0;
    for wait in [1, 2, 4, 8, 15, 15] {
        assert_eq!(gate.admit(at(now)), Admission::Wait(at(now + wait)));
        now += wait;
        assert_eq!(gate.admit(at(now)), Admission::Probe(None));
        assert_ne!(gate.admit(at(now)), Admission::Probe(None), "one probe at a time");
        gate.observe(LANE, &retry(None), at(now));
    }
    now += 15;
    assert_eq!(gate.admit(at(now)), Admission::Probe(None));
    gate.observe(LANE, &Outcome::Delivered, at(now));
    assert_eq!(gate.admit(at(now)), Admission::Open);
}

#[test]
fn a_pause_beyond_the_longest_ends_with_one_probe() {
    let longest = 3_600_i64;
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    gate.observe(LANE, &retry(Some(31_536_000)), at(0));
    assert_eq!(gate.admit(at(0)), Admission::Wait(at(longest)));
    assert_eq!(gate.admit(at(longest)), Admission::Probe(None));
    gate.observe(LANE, &retry(Some(u64::MAX)), at(longest));
    assert_eq!(gate.admit(at(2 * longest - 1)), Admission::Wait(at(2 * longest)));
    assert_eq!(gate.admit(at(2 * longest)), Admission::Probe(None), "and again");
    gate.observe(LANE, &Outcome::Delivered, at(2 * longest));
    assert_eq!(gate.admit(at(2 * longest)), Admission::Open);
    // One that is no longer than allowed is kept to, and everything goes on behind it.
    gate.observe(LANE, &retry(Some(3_600)), at(2 * longest));
    assert_eq!(gate.admit(at(3 * longest)), Admission::Open);
}

#[test]
fn a_success_between_failures_keeps_the_breaker_shut() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    for _ in 0..10 {
        gate.observe(LANE, &retry(None), at(0));
        gate.observe(LANE, &retry(None), at(0));
        gate.observe(LaneId(8), &Outcome::Delivered, at(0));
    }
    assert_eq!(gate.admit(at(0)), Admission::Open);
}

#[test]
fn a_halt_is_probed_with_the_head_that_met_it_until_it_is_delivered() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    gate.observe(LANE, &halt(), at(0));
    gate.observe(LaneId(8), &halt(), at(1));
    gate.observe(LaneId(9), &Outcome::Delivered, at(1));
    assert_eq!(gate.state(at(1)), DestinationState::Halted);
    assert_eq!(gate.admit(at(1)), Admission::Wait(at(15)));
    assert_eq!(gate.admit(at(15)), Admission::Probe(Some(LANE)));
    gate.observe(LANE, &halt(), at(16));
    assert_eq!(gate.admit(at(16)), Admission::Wait(at(31)));
    assert_eq!(gate.admit(at(31)), Admission::Probe(Some(LANE)));
    gate.observe(LANE, &Outcome::Delivered, at(31));
    assert_eq!(gate.admit(at(31)), Admission::Open);
    assert_eq!(gate.halted_by(), None);
}

#[test]
fn a_halt_whose_head_is_gone_is_probed_with_any_call() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    gate.observe(LANE, &halt(), at(0));
    assert_eq!(gate.admit(at(15)), Admission::Probe(Some(LANE)));
    gate.nothing_to_probe(at(15));
    assert_eq!(gate.admit(at(15)), Admission::Probe(None));
    gate.nothing_to_probe(at(15));
    assert_eq!(gate.admit(at(15)), Admission::Wait(at(30)));
}

#[test]
fn a_pause_that_was_asked_for_is_kept_in_full() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    gate.observe(LANE, &retry(Some(3_600)), at(0));
    gate.observe(LANE, &retry(Some(5)), at(1));
    gate.observe(LANE, &Outcome::Delivered, at(2));
    assert_eq!(gate.admit(at(3_599)), Admission::Wait(at(3_600)));
    assert_eq!(gate.state(at(3_599)), DestinationState::Paused);
    assert_eq!(gate.admit(at(3_600)), Admission::Open);
}

#[test]
fn the_wait_of_one_call_delays_no_other() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    let wait = Some(Wait { time: Duration::from_secs(3_600), everybody: false });
    gate.observe(LANE, &Outcome::Retry { reason: "500".to_owned(), wait }, at(0));
    assert_eq!(gate.admit(at(0)), Admission::Open);
}

#[test]
fn the_availability_clock_counts_only_time_in_which_calls_were_accepted() {
    let other = LaneId(8);
    let mut gate = CircuitBreaker::new(RULES, Duration::from_secs(100), at(0));
    gate.observe(other, &Outcome::Delivered, at(10));
    assert_eq!(gate.available_for(), Duration::from_secs(110));
    // One call fails again and again, and nothing shows whose fault it is.
    gate.observe(LANE, &retry(None), at(1_000));
    assert_eq!(gate.available_for(), Duration::from_secs(110));
    gate.observe(other, &Outcome::Delivered, at(1_010));
    assert_eq!(gate.available_for(), Duration::from_secs(1_110));
    // A pause that was asked for isn't counted.
    gate.observe(LANE, &retry(Some(3_600)), at(1_020));
    gate.observe(other, &Outcome::Delivered, at(4_630));
    assert_eq!(gate.available_for(), Duration::from_secs(1_120));
    // Nor is a halt.
    gate.observe(LANE, &halt(), at(5_000));
    assert_eq!(gate.admit(at(900_000)), Admission::Probe(Some(LANE)));
    gate.observe(LANE, &Outcome::Delivered, at(900_000));
    assert_eq!(gate.available_for(), Duration::from_secs(1_120));
    gate.observe(other, &Outcome::Delivered, at(900_005));
    assert_eq!(gate.available_for(), Duration::from_secs(1_125));
}

#[test]
fn a_wrong_workspace_gets_no_probe() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    gate.block("another workspace".to_owned());
    gate.observe(LANE, &Outcome::Delivered, at(1));
    assert_eq!(gate.admit(at(100)), Admission::Wait(at(115)));
    assert_eq!(gate.halted_by(), Some("another workspace"));
}

#[test]
fn a_clock_set_back_holds_up_neither_pause_nor_probe() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(5_000));
    gate.observe(LANE, &retry(Some(60)), at(5_000));
    gate.clock_jumped_back(HOUR);
    assert_eq!(gate.admit(at(5_059 - 3_600)), Admission::Wait(at(5_060 - 3_600)));
    assert_eq!(gate.admit(at(5_060 - 3_600)), Admission::Open);
    gate.observe(LANE, &Outcome::Delivered, at(5_070 - 3_600));
    assert_eq!(gate.available_for(), Duration::from_secs(10), "the pause doesn't count");
    gate.observe(LANE, &halt(), at(5_070 - 3_600));
    gate.clock_jumped_back(HOUR);
    assert_eq!(gate.admit(at(5_085 - 7_200)), Admission::Probe(Some(LANE)));
}

fn reported(number: i64, kind: DestinationState, remaining: u64) -> Vec<PeerStatus> {
    let reason = "401".to_owned();
    let rest = Outage { kind, number, remaining: Duration::from_secs(remaining), reason };
    vec![PeerStatus { relay: uuid::Uuid::from_u128(1), recoveries: number - 1, outage: Some(rest) }]
}

#[test]
fn another_relays_outage_is_probed_with_one_call_once() {
    for (kind, outcome) in
        [(DestinationState::Halted, halt()), (DestinationState::Broken, retry(None))]
    {
        let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
        gate.apply_peers(&reported(1, kind, 0), at(0));
        assert_eq!(gate.outage(at(0)), None, "a peer's report isn't passed on");
        assert_eq!(gate.admit(at(0)), Admission::Probe(None));
        gate.observe(LANE, &Outcome::Delivered, at(0));
        assert_eq!(gate.admit(at(1)), Admission::Open, "it is the other's own trouble");
        gate.apply_peers(&reported(1, kind, 0), at(2));
        assert_eq!(gate.admit(at(2)), Admission::Open);
        gate.apply_peers(&reported(2, kind, 0), at(3));
        assert_eq!(gate.admit(at(3)), Admission::Probe(None));
        gate.observe(LANE, &outcome, at(3));
        assert_eq!(gate.outage(at(3)).unwrap().kind, kind, "now it is known");
        assert!(matches!(gate.admit(at(3)), Admission::Wait(_)));
    }
}

#[test]
fn what_another_relay_sees_the_end_of_is_over() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    gate.observe(LANE, &halt(), at(0));
    gate.apply_peers(&reported(1, DestinationState::Halted, 0), at(1));
    assert_eq!(gate.state(at(1)), DestinationState::Halted);
    let well = PeerStatus {
        outage: None,
        recoveries: 1,
        ..reported(1, DestinationState::Halted, 0).remove(0)
    };
    gate.apply_peers(std::slice::from_ref(&well), at(2));
    assert_eq!(gate.state(at(2)), DestinationState::Running);
    assert_eq!(gate.recoveries(), 0, "it isn't passed on");
    gate.observe(LANE, &halt(), at(3));
    gate.apply_peers(&[well], at(4));
    assert_eq!(gate.state(at(4)), DestinationState::Halted, "once for each time");
}

#[test]
fn a_pause_that_another_relay_was_asked_for_is_kept() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    gate.apply_peers(&reported(1, DestinationState::Paused, 30), at(0));
    assert_eq!(gate.admit(at(29)), Admission::Wait(at(30)));
    assert_eq!(gate.admit(at(30)), Admission::Open);
}

#[test]
fn each_outage_of_its_own_has_another_number() {
    let mut gate = CircuitBreaker::new(RULES, Duration::ZERO, at(0));
    let mut numbers = Vec::new();
    for _ in 0..2 {
        gate.observe(LANE, &halt(), at(0));
        numbers.push(gate.outage(at(0)).unwrap().number);
        assert_eq!(gate.admit(at(15)), Admission::Probe(Some(LANE)));
        gate.observe(LANE, &halt(), at(15));
        assert_eq!(gate.outage(at(15)).unwrap().number, *numbers.last().unwrap());
        assert_eq!(gate.admit(at(30)), Admission::Probe(Some(LANE)));
        gate.observe(LANE, &Outcome::Delivered, at(30));
        assert_eq!(gate.outage(at(30)), None);
    }
    assert_ne!(numbers[0], numbers[1]);
}

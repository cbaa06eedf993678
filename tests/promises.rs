//! The README's promises, which hold after everything that can happen.

use std::collections::BTreeMap;

use crate::kit::calls::Call;
use crate::kit::relay::Relay;
use crate::kit::sandbox::Sandbox;

/// Asserts that everything acknowledged has arrived, once and in order, and nothing else; no call
/// is dead, and no lane is leased or waits.
///
/// `expected` is all that must have arrived, as `event person`, sorted.
#[track_caller]
pub fn assert_kept(relay: &Relay, sandbox: &Sandbox, expected: &[&str]) {
    relay.drained();
    assert_eq!(sandbox.event_lines(), expected);
    assert_eq!(relay.dead_letters(), 0);
    assert_no_lane_waits(relay);
    assert_lanes_in_order(sandbox);
}

/// Asserts that no lane is leased or has anything to do.
#[track_caller]
pub fn assert_no_lane_waits(relay: &Relay) {
    // One that is leased is due when its lease ends.
    let waiting = relay.setup().number("SELECT COUNT(*) FROM lanes WHERE due_at IS NOT NULL");
    assert_eq!(waiting, 0, "lanes are held, or wait for nothing");
}

/// Asserts that in each lane every track came right behind an identify or its own repetition, and
/// that Customer.io dropped nothing in silence.
#[track_caller]
pub fn assert_lanes_in_order(sandbox: &Sandbox) {
    let mut lanes = BTreeMap::<String, Vec<Call>>::new();
    for call in sandbox.calls().into_iter().filter(|call| call.applied) {
        lanes.entry(call.person().to_owned()).or_default().push(call);
    }
    for (person, calls) in &lanes {
        assert!(calls[0].is_identify(), "{person}: {:?} before any identify", calls[0]);
        for pair in calls.windows(2) {
            assert!(pair[0].request < pair[1].request, "{person} twice in a request: {pair:?}");
            let is_behind_identify = pair[0].is_identify() || pair[0].id == pair[1].id;
            assert!(pair[1].is_identify() || is_behind_identify, "{person}: {pair:?}");
        }
    }
    assert!(sandbox.activity("dropped_older_update").is_empty());
    assert!(sandbox.activity("batch_order_unspecified").is_empty());
    assert!(sandbox.activity("event_id_reused").is_empty());
}

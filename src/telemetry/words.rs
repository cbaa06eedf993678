//! The fixed words of labels, so that each series is there from the start, and no other.

/// The kinds of calls.
pub(super) const CALLS: [&str; 8] = [
    "identify",
    "track",
    "merge",
    "unsubscribe",
    "join",
    "update_participant",
    "trigger_referral",
    "add_participant",
];

/// What a comparison with GrowSurf can find, as a label.
pub(super) const HEALED: [&str; 10] = [
    "joined",
    "friend_signed_up",
    "converted",
    "reward",
    "shared",
    "commission",
    "payout",
    "merge",
    "unsubscribe",
    "deleted",
];

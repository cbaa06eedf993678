//! The fixed words of labels, so that each series is there from the start, and no other.

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

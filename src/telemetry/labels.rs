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

/// What can become of a webhook.
pub(super) const WEBHOOKS: [&str; 8] = [
    "accepted",
    "duplicate",
    "parked",
    "unauthorized",
    "invalid",
    "too_large",
    "timeout",
    "unavailable",
];

/// How a call can end.
pub(super) const ENDS: [&str; 2] = ["delivered", "dead"];

/// What pages can post.
pub(super) const POSTS: [&str; 2] = ["click", "share"];

/// What can become of a post.
pub(super) const POSTED: [&str; 13] = [
    "accepted",
    "nothing",
    "malformed",
    "key",
    "origin",
    "rate",
    "total",
    "budget",
    "shares_off",
    "unknown",
    "too_large",
    "broken",
    "unavailable",
];

/// The settings that hold tokens.
pub(super) const TOKENS: [&str; 2] = ["admin.token", "api.token"];

/// Why a token is refused.
pub(super) const TOKEN_REFUSALS: [&str; 2] = ["missing", "wrong"];

/// Why the relay closes a connection, or can't accept one.
pub(super) const CLOSED: [&str; 4] = ["client", "all", "write_timeout", "descriptors"];

/// Why a body is refused.
pub(super) const REFUSED: [&str; 8] =
    ["memory", "client", "reserve", "slow", "timeout", "too_large", "broken", "coded"];

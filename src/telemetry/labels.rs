//! The fixed values of labels: each of their series exists from the start, and no other does.

/// Kinds of findings of a comparison with GrowSurf.
pub(super) const RECOVERED: [&str; 10] = [
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

/// Outcomes of a webhook.
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

/// Outcomes of a call that ended.
pub(super) const ENDS: [&str; 2] = ["delivered", "dead"];

/// Kinds of posts of pages.
pub(super) const POSTS: [&str; 2] = ["click", "share"];

/// Outcomes of a post.
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

/// Reasons for which a token is refused.
pub(super) const TOKEN_REFUSALS: [&str; 2] = ["missing", "wrong"];

/// Reasons for which the relay closes a connection or can't accept one.
pub(super) const CLOSED: [&str; 4] = ["client", "all", "write_timeout", "descriptors"];

/// Reasons for which a body is refused.
pub(super) const REFUSED: [&str; 8] =
    ["memory", "client", "reserve", "slow", "timeout", "too_large", "broken", "coded"];

//! Parts: what there is to copy, and the form its rows have between two stores.
//!
//! What belongs here: the parts in an order in which rows refer only to what is there already, and
//! their columns. What doesn't: how a backend reads and writes one.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cell, Row};

/// A kind of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Webhooks as received.
    Webhooks,
    /// One a Customer.io profile.
    People,
    /// Which person a participant is.
    Participants,
    /// Whose a referral link is.
    Links,
    /// What was ever planned.
    Effects,
    /// Whose turn it is.
    Lanes,
    /// Calls, pending and done.
    Deliveries,
    /// Why some of them died.
    DeadLetters,
    /// Attempts that didn't deliver.
    Attempts,
    /// What happened to messages that effects led to.
    Messages,
    /// Who is named in which webhook.
    Mentions,
    /// Who was forgotten.
    Tombstones,
    /// How far comparing with GrowSurf came.
    Notes,
    /// Kept numbers.
    Counters,
    /// Single values.
    Meta,
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Kind {
    /// A whole number of 64 bits.
    Number,
    /// One of 32 bits.
    Whole,
    /// One of 16 bits.
    Short,
    /// 1 or 0.
    Flag,
    Text,
    Bytes,
    /// The 16 bytes of an id.
    Id,
    /// Those of a webhook's, however the backend refers to it.
    Webhook,
}

/// A column by its name, which is the same in every backend.
pub(in crate::store) type Column = (&'static str, Kind);

impl Part {
    /// All of them, in the order they are copied.
    pub(in crate::store) const ALL: [Self; 15] = [
        Self::Webhooks,
        Self::People,
        Self::Participants,
        Self::Links,
        Self::Effects,
        Self::Lanes,
        Self::Deliveries,
        Self::DeadLetters,
        Self::Attempts,
        Self::Messages,
        Self::Mentions,
        Self::Tombstones,
        Self::Notes,
        Self::Counters,
        Self::Meta,
    ];

    /// The table that holds them.
    pub(in crate::store) fn table(self) -> &'static str {
        match self {
            Self::Webhooks => "inbox",
            Self::People => "people",
            Self::Participants => "participants",
            Self::Links => "links",
            Self::Effects => "effects",
            Self::Lanes => "lanes",
            Self::Deliveries => "deliveries",
            Self::DeadLetters => "dead_letters",
            Self::Attempts => "attempts",
            Self::Messages => "messages",
            Self::Mentions => "mentions",
            Self::Tombstones => "tombstones",
            Self::Notes => "notes",
            Self::Counters => "counters",
            Self::Meta => "meta",
        }
    }

    /// The columns that are copied, those of the key first. A lease isn't: whoever had it is gone,
    /// and its lane is due when it ends.
    pub(in crate::store) fn columns(self) -> &'static [Column] {
        use Kind::{Bytes, Flag, Id, Number, Short, Text, Webhook, Whole};
        match self {
            Self::Webhooks => &[
                ("id", Id),
                ("sha256", Bytes),
                ("received_at", Number),
                ("source", Text),
                ("owner", Text),
                ("campaign", Text),
                ("event", Text),
                ("parked", Text),
                ("body", Bytes),
            ],
            Self::People => &[("id", Number), ("identifier", Text), ("state", Text)],
            Self::Participants => &[("campaign", Text), ("growsurf_id", Text), ("person", Number)],
            Self::Links => &[("campaign", Text), ("code", Text), ("person", Number)],
            Self::Effects => &[("id", Id), ("webhook", Id)],
            Self::Lanes => &[
                ("id", Number),
                ("class", Short),
                ("due_at", Number),
                ("next_seq", Number),
                ("token", Number),
            ],
            Self::Deliveries => &[
                ("id", Number),
                ("lane", Number),
                ("seq", Number),
                ("webhook", Webhook),
                ("state", Short),
                ("planned_at", Number),
                ("event_at", Number),
                ("attempts", Whole),
                ("failing_since", Number),
                ("delivered_at", Number),
                ("call", Text),
                ("class", Short),
                ("identify", Text),
                ("identify_dead", Flag),
            ],
            Self::DeadLetters => &[
                ("delivery", Number),
                ("died_at", Number),
                ("reason", Text),
                ("field", Text),
                ("attempts", Whole),
            ],
            Self::Attempts => &[
                ("id", Number),
                ("delivery", Number),
                ("at", Number),
                ("took", Number),
                ("http_status", Whole),
                ("outcome", Text),
                ("reason", Text),
            ],
            Self::Messages => &[
                ("event", Id),
                ("delivery", Text),
                ("metric", Text),
                ("channel", Text),
                ("sender", Text),
                ("sender_id", Text),
                ("at", Number),
            ],
            Self::Mentions => &[("person", Number), ("webhook", Webhook)],
            Self::Tombstones => &[("hash", Bytes), ("forgotten_at", Number)],
            Self::Notes => &[("name", Text), ("value", Text)],
            Self::Counters => &[("name", Text), ("value", Number)],
            Self::Meta => &[("key", Text), ("value", Text)],
        }
    }

    /// How many columns are its key.
    pub(in crate::store) fn key_length(self) -> usize {
        match self {
            Self::Messages => 3,
            Self::Participants | Self::Links | Self::Mentions => 2,
            _ => 1,
        }
    }

    /// The key of a row.
    pub(in crate::store) fn key(self, Row(cells): &Row) -> &[Cell] {
        &cells[..self.key_length()]
    }

    /// How many rows a page has, so that a page of the largest fits into memory.
    pub(in crate::store) fn page(self) -> usize {
        match self {
            Self::Webhooks => 250,
            Self::Deliveries => 1_000,
            _ => 4_000,
        }
    }

    /// Whether a store that was only opened has none of them.
    pub(super) fn is_empty_at_first(self) -> bool {
        !matches!(self, Self::Notes | Self::Counters | Self::Meta)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Webhooks => "webhooks",
            Self::People => "people",
            Self::Participants => "participants",
            Self::Links => "links",
            Self::Effects => "effects",
            Self::Lanes => "lanes",
            Self::Deliveries => "deliveries",
            Self::DeadLetters => "dead letters",
            Self::Attempts => "attempts",
            Self::Messages => "messages",
            Self::Mentions => "mentions",
            Self::Tombstones => "tombstones",
            Self::Notes => "notes",
            Self::Counters => "counters",
            Self::Meta => "single values",
        })
    }
}

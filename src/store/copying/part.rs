//! Parts: what there is to copy, and the form its rows have between two stores.
//!
//! What belongs here: the parts in an order in which rows refer only to what is there already, their
//! columns, and the statements that are the same in every backend. What doesn't: how a backend makes
//! the common form of a column.

use std::fmt;

/// A row in the common form, its columns in the order of [`Part::columns`]: numbers as decimal digits,
/// bytes as hexadecimal ones.
pub(crate) type Row = Vec<Option<String>>;

/// The kind of a column's values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Number,
    Flag,
    Text,
    Bytes,
    /// The 16 bytes of an id.
    Id,
}

/// A column by its name, which is the same in every backend.
pub(crate) type Column = (&'static str, Kind);

/// A kind of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    name: &'static str,
    /// The table that holds them.
    pub(crate) table: &'static str,
    pub(crate) key: &'static [Column],
    /// The columns that are copied, those of the key first.
    pub(crate) columns: &'static [Column],
}

macro_rules! parts {
    ($($name:literal: $table:ident ($($key:ident $of:ident),+; $($column:ident $kind:ident),*))+) => {
        [$(Part {
            name: $name,
            table: stringify!($table),
            key: &[$((stringify!($key), Kind::$of)),+],
            columns: &[
                $((stringify!($key), Kind::$of),)+
                $((stringify!($column), Kind::$kind)),*
            ],
        }),+]
    };
}

impl Part {
    /// All of them, in the order of copying. A lease isn't copied: its holder is gone, and the lane is due
    /// when it ends.
    pub(crate) const ALL: [Self; 16] = parts! {
        "webhooks": inbox (sha256 Bytes; id Id, received_at Number, source Text, owner Text,
            campaign Text, event Text, parked Text, mapped Flag, body Bytes)
        "people": people (id Number; identifier Text, state Text)
        "participants": participants (campaign Text, growsurf_id Text; person Number)
        "links": links (campaign Text, code Text; person Number)
        "effects": effects (id Id; webhook Id)
        "lanes": lanes (id Number; class Number, due_at Number, next_seq Number, token Number)
        "deliveries": deliveries (id Number; lane Number, seq Number, webhook Id, state Number,
            planned_at Number, event_at Number, attempts Number, failing_since Number,
            delivered_at Number, call Text, class Number, identify Text, identify_dead Flag)
        "dead letters": dead_letters (delivery Number; died_at Number, reason Text, field Text,
            attempts Number, http_status Number)
        "attempts": attempts (id Number; delivery Number, at Number, took Number,
            http_status Number, outcome Text, reason Text)
        "messages": messages (event Id, delivery Text, metric Text; channel Text, sender Text,
            sender_id Text, at Number)
        "mentions": mentions (person Number, webhook Id;)
        "tombstones": tombstones (hash Bytes; forgotten_at Number)
        "audit": audit (id Number; at Number, name Text, role Text, origin Text, act Text,
            subject Text, outcome Text)
        "traffic": traffic (hour Number, what Text; n Number)
        "counters": counters (name Text; value Number)
        "single values": meta (key Text; value Text)
    };

    /// True if a store that was only opened has none of them.
    pub(crate) fn is_empty_at_first(&self) -> bool {
        !matches!(self.table, "counters" | "meta")
    }
}

/// Returns a list in SQL of what there is for each column; they are counted from 1.
pub(crate) fn list(columns: &[Column], one: impl Fn(usize, Column) -> String) -> String {
    let all: Vec<String> = (1..).zip(columns).map(|(number, it)| one(number, *it)).collect();
    all.join(", ")
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name)
    }
}

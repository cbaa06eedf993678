//! Rows: the tables' rows as values, the same for every backend, and what a transaction changes.
//!
//! What belongs here: one struct a table, as far as use cases read it, and [`Changes`]. What doesn't: SQL and
//! column types, which each backend chooses, and rules (`work`).
//!
//! Times are microseconds since the epoch. Those of lanes go by the clock of lanes, see
//! [`UnitBase::clock_skew`](super::unit::UnitBase::clock_skew).

mod lanes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::{
    AuditEntry, Class, DeliveryId, EventId, LaneId, Link, Message, ParticipantKey, PersonId, Time,
    WebhookId,
};

use super::unit::Hash;
use super::{AvailabilityClock, PastAttempt};

pub use lanes::{
    DEAD, DELIVERED, DeliveryRow, Half, LaneAppend, LaneRaise, LaneRow, LetterRow, NewRow, PENDING,
    RowState, Waiting, delivery, half,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersonRow {
    /// Their number.
    pub id: i64,
    /// The identifier's column, see [`record::column`](super::record::column).
    pub identifier: String,
    /// The document of everything else, see [`record::state`](super::record::state).
    pub state: String,
}

/// A webhook in the inbox, without its body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredWebhook {
    pub id: WebhookId,
    /// The hash of source, owner and body, see [`Webhook::fingerprint`](crate::domain::Webhook::fingerprint).
    pub fingerprint: [u8; 32],
    pub received_at: Time,
    /// The class of the calls that it leads to when it is planned again.
    pub class: Class,
    /// The campaign that it was planned in, if it names none.
    pub campaign: Option<String>,
    /// True if it is parked, wholly or in part.
    pub is_parked: bool,
    /// True if at least a part of it was ever planned.
    pub is_mapped: bool,
}

/// A webhook that is new to the inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewWebhook {
    pub id: WebhookId,
    pub fingerprint: [u8; 32],
    pub received_at: i64,
    /// The source's label.
    pub source: &'static str,
    pub owner: Option<String>,
    pub campaign: Option<String>,
    pub event: Option<String>,
    pub parked: Option<String>,
    /// True if at least a part of it is planned.
    pub is_mapped: bool,
    pub body: Option<Vec<u8>>,
}

/// A webhook of the inbox that was planned again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplannedWebhook {
    pub id: WebhookId,
    /// The reason why it is parked now.
    pub parked: Option<String>,
    /// The campaign that it was planned in first, if it names none.
    pub campaign: Option<String>,
    /// True if at least a part of it was ever planned.
    pub is_mapped: bool,
}

/// The key of a row of messages: the effect, Customer.io's id of the message, and the metric.
pub type MessageKey = (EventId, String, String);

/// The changes of a transaction. Empty lists cost nothing.
///
/// Most rows are absolute: a use case held the row and writes it anew. These changes are relative, and each
/// backend merges them with the row: counters, `appended`, `raised`, `messages`, `tombstones`, `traffic` and `accepting`.
/// Many transactions change such a row at once, and none reads it. On Postgres a use case would first have to
/// lock the row, which costs a round trip and makes the others wait. Their meaning in Rust is the model in
/// `contract::memory`, which both backends are compared with.
#[derive(Default)]
pub struct Changes {
    /// Changes of the kept numbers.
    pub counters: Counters,
    /// Single values by key, with their new texts; `None` forgets one.
    pub values: Vec<(String, Option<String>)>,
    pub webhooks: Vec<NewWebhook>,
    /// Webhooks that were planned again.
    pub replanned: Vec<ReplannedWebhook>,
    /// Stored webhooks whose bodies go. None of them is parked any more.
    pub dropped: Vec<WebhookId>,
    /// People with a reserved number, who are new.
    pub new_people: Vec<PersonRow>,
    /// People as they are from now on.
    pub people: Vec<PersonRow>,
    /// Reserved numbers that no new person has taken.
    pub released: Vec<i64>,
    /// Participants that are new, and their person's number.
    pub new_participants: BTreeMap<ParticipantKey, i64>,
    /// Participants that became another person's.
    pub moved_participants: BTreeMap<ParticipantKey, i64>,
    /// Links, and the number of their present person.
    pub links: BTreeMap<Link, i64>,
    /// Effects that are new to the ledger, and the webhook that led to each.
    pub effects: BTreeMap<EventId, WebhookId>,
    /// People that webhooks name.
    pub mentions: BTreeSet<(i64, WebhookId)>,
    /// Reported metrics of messages. The earliest time of each stays.
    pub messages: Vec<Message>,
    /// Metrics of messages that go.
    pub removed_messages: Vec<MessageKey>,
    /// Rows of deliveries that go, with their attempts.
    pub removed_deliveries: Vec<i64>,
    /// Calls that changed: the row, its own call, which is empty if it goes, and the identify before it.
    pub calls: Vec<(i64, String, Option<String>)>,
    /// People who go, with their lanes and mentions.
    pub removed_people: Vec<PersonId>,
    /// Participants who go with their person, and so do the person's links.
    pub removed_participants: Vec<(ParticipantKey, i64)>,
    /// Mentions that go.
    pub removed_mentions: BTreeSet<(i64, WebhookId)>,
    /// Tombstones and their times. The latest time of each stays.
    pub tombstones: Vec<(Hash, i64)>,
    /// True if a file's pages that are freed are overwritten.
    pub is_erasing: bool,
    /// Records of acts of operators.
    pub audit: Vec<AuditEntry>,
    /// Records that go, by number.
    pub removed_audit: Vec<i64>,
    /// Sums that grow, by the hour since the epoch.
    pub traffic: BTreeMap<(i64, String), i64>,
    /// The hour before which sums go.
    pub traffic_since: Option<i64>,
    /// The reading of an availability clock. Of several relays' readings the greatest is kept.
    pub accepting: Option<AvailabilityClock>,
    /// Lanes as they are from now on.
    pub lanes: Vec<LaneRow>,
    /// Rows of deliveries as they are from now on.
    pub deliveries: Vec<RowState>,
    /// New dead letters.
    pub letters: Vec<LetterRow>,
    /// Dead letters that go, with their attempts.
    pub taken: Vec<DeliveryId>,
    /// Attempts that didn't deliver. Of one delivery the latest [`ATTEMPTS`] are kept.
    pub attempts: Vec<(DeliveryId, PastAttempt)>,
    /// Rows at the ends of lanes.
    pub appended: BTreeMap<LaneId, LaneAppend>,
    /// Visitors whose lanes become more urgent.
    pub raised: Vec<LaneRaise>,
}

/// Attempts kept of one delivery, the latest; the head that probes a halted destination for weeks would else have
/// tens of thousands.
pub const ATTEMPTS: i64 = 100;

/// Changes of the numbers that operators watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Deliveries that wait or are leased.
    pub pending: i64,
    /// Dead letters.
    pub dead: i64,
    /// Webhooks that are parked.
    pub parked: i64,
    /// Webhooks that were ever stored.
    pub received: i64,
    /// Those of which at least a part was planned.
    pub mapped: i64,
    /// Those of which nothing was planned.
    pub unmapped: i64,
    /// Deliveries that were ever planned.
    pub planned: i64,
    /// Those that the destination accepted.
    pub delivered: i64,
    /// Identifies that a newer one replaced.
    pub replaced: i64,
    /// Dead letters that an operator discarded.
    pub discarded: i64,
    /// Those that went with an erased person.
    pub erased: i64,
}

impl Counters {
    /// The names of the rows, in the order of their values.
    pub const NAMES: [&'static str; 11] = [
        "dead",
        "delivered",
        "discarded",
        "erased",
        "mapped",
        "parked",
        "pending",
        "planned",
        "received",
        "replaced",
        "unmapped",
    ];

    /// Returns the values in the order of their names.
    pub fn values(self) -> [i64; 11] {
        let Self { pending, dead, parked, received, mapped, unmapped, .. } = self;
        let Self { planned, delivered, replaced, discarded, erased, .. } = self;
        [
            dead, delivered, discarded, erased, mapped, parked, pending, planned, received,
            replaced, unmapped,
        ]
    }

    /// Returns the numbers of these rows.
    pub fn of(rows: Vec<(String, i64)>) -> Self {
        let mut counters = Self::default();
        rows.into_iter().for_each(|(name, value)| counters.add(&name, value));
        counters
    }

    /// Adds to the number of a name, if it is one of these.
    pub fn add(&mut self, name: &str, more: i64) {
        let number = match name {
            "dead" => &mut self.dead,
            "delivered" => &mut self.delivered,
            "discarded" => &mut self.discarded,
            "erased" => &mut self.erased,
            "mapped" => &mut self.mapped,
            "parked" => &mut self.parked,
            "pending" => &mut self.pending,
            "planned" => &mut self.planned,
            "received" => &mut self.received,
            "replaced" => &mut self.replaced,
            "unmapped" => &mut self.unmapped,
            _ => return,
        };
        *number += more;
    }
}

/// Returns a duration as a column holds it, in microseconds.
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Returns a duration as a column held it.
pub fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Returns a count as a column holds it.
pub fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

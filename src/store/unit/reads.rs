//! Reads: bulk reads by key, a trait for each group of tables.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use crate::domain::{
    AuditEntry, DeliveryId, EventId, LaneId, Link, Message, ParticipantKey, PersonId, Webhook,
    WebhookId,
};
use crate::store::inbox::Prunable;
use crate::store::rows::{
    Counters, DeliveryRow, LaneRow, LetterRow, MessageKey, PersonRow, RowState, StoredWebhook,
};
use crate::store::{InboxEntry, LaneStatus, PastAttempt};

use super::UnitBase;

/// The hash that a tombstone is kept as.
pub type Hash = [u8; 32];

/// Keys of the records that plans depend on.
#[derive(Clone, Debug, Default)]
pub struct PlanKeys {
    /// Identifiers as their columns.
    pub identifiers: BTreeSet<String>,
    pub participants: BTreeSet<ParticipantKey>,
    pub links: BTreeSet<Link>,
    pub effects: BTreeSet<EventId>,
    pub tombstones: BTreeSet<Hash>,
}

/// The records that keys lead to.
#[derive(Debug, Default)]
pub struct FoundRecords {
    /// Everyone found, each once.
    pub people: Vec<PersonRow>,
    /// The number of the person of each participant that was asked for.
    pub participants: Vec<(ParticipantKey, Option<i64>)>,
    /// The number of the person of each link that was asked for.
    pub links: Vec<(Link, Option<i64>)>,
    /// Numbers reserved for the identifiers that nobody has. Only a read that holds reserves them.
    pub reserved: Vec<(String, i64)>,
    /// The effects that the ledger has.
    pub effects: HashSet<EventId>,
    /// The times of the tombstones that there are.
    pub tombstones: HashMap<Hash, i64>,
    /// The check of the key that tombstones are made with; `None` if there was no tombstone after the
    /// people were held.
    pub tombstone_check: Option<String>,
}

/// A lane and some of its rows of deliveries, held.
pub struct HeldLane {
    pub lane: LaneRow,
    /// The rows that were asked for, as far as they are there.
    pub rows: Vec<RowState>,
    /// The most urgent class of the lane's other pending rows; one as urgent as the lane ends the search.
    pub rest: Option<i16>,
}

/// A choice of webhooks whose bodies are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    All,
    Parked,
    /// Those that are parked or of other senders than GrowSurf. Mentions lead to the others.
    Unmentioned,
}

/// A choice of webhooks whose bodies are kept, shown without them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entries {
    All,
    Parked,
    /// Those that name a person.
    Of(PersonId),
}

/// The lock of rows that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    No,
    /// Waits for other transactions that hold them.
    Wait,
    /// Passes over those that other transactions hold.
    Skip,
}

/// A choice of rows of deliveries.
#[derive(Clone, Copy, Debug)]
pub enum Deliveries<'a> {
    Rows(&'a [i64]),
    /// Those that webhooks led to, of each the first ones; only those of some lanes, unless none is named.
    Of {
        webhooks: &'a [WebhookId],
        lanes: &'a [LaneId],
        each: i64,
    },
    /// The first ones of a lane in which something is pending or dead.
    Unsettled {
        lane: LaneId,
        limit: i64,
    },
    /// The pending ones that were planned first, behind a time of planning and a number.
    Waiting {
        after: (i64, i64),
        limit: i64,
    },
}

/// A choice of dead letters.
#[derive(Clone, Copy, Debug)]
pub enum Letters<'a> {
    /// Those of rows of deliveries.
    Of(&'a [i64]),
    /// The newest before one, the newest first.
    Before(DeliveryId, usize),
    /// The oldest after one, the oldest first.
    After(DeliveryId, usize),
}

/// Reads of the tables `inbox` and `mentions`.
#[trait_variant::make(Send)]
pub trait InboxRows: UnitBase {
    /// Returns the first webhooks with greater ids than this one, received at a time or later.
    async fn webhooks(
        &mut self,
        which: Kept,
        after: Uuid,
        since: i64,
        limit: i64,
    ) -> Result<Vec<Webhook>, Self::Fault>;

    /// Returns the newest webhooks with lesser ids than this one.
    async fn entries(
        &mut self,
        which: Entries,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Self::Fault>;

    /// Returns the oldest webhooks received before a time, with lesser ids than this one, whose bodies are
    /// kept and whose calls are neither pending nor dead.
    async fn prunable(
        &mut self,
        which: Prunable,
        before: i64,
        below: Uuid,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Self::Fault>;

    /// Returns the webhooks with these fingerprints, and those with these ids whose bodies are kept. Holds
    /// the ones that are parked, and those found by id.
    ///
    /// # Errors
    /// A conflict if another transaction removed one or its body meanwhile.
    async fn hold_webhooks(
        &mut self,
        fingerprints: &[Hash],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Self::Fault>;

    /// Returns the webhooks that mention any of these people.
    async fn mentioning(&mut self, people: &[i64]) -> Result<Vec<WebhookId>, Self::Fault>;
}

/// Reads of the tables `people`, `participants`, `links`, `effects` and `tombstones`.
#[trait_variant::make(Send)]
pub trait PeopleRows: UnitBase {
    /// True if every read holds, so that people may be held in any order.
    const READS_HOLD: bool;

    /// Returns the records that keys lead to, as they are at this moment.
    async fn records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Self::Fault>;

    /// Returns the records that keys lead to and holds the people, and the identifiers that nobody has.
    ///
    /// Postgres makes an empty row for each of those, sorted by identifier, and then locks all rows, sorted
    /// by number. So two transactions that meet wait for each other in one direction.
    ///
    /// # Errors
    /// A conflict if another transaction was in the way.
    async fn hold_records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Self::Fault>;

    /// Returns people by number.
    async fn people(&mut self, ids: &[i64], hold: Hold) -> Result<Vec<PersonRow>, Self::Fault>;

    /// Returns the first people with greater numbers than this one.
    async fn people_after(&mut self, after: i64, limit: i64)
    -> Result<Vec<PersonRow>, Self::Fault>;

    /// Returns those of some people of whom no lease, no call and no webhook with a body is left.
    async fn people_without_traces(&mut self, ids: &[i64]) -> Result<Vec<PersonId>, Self::Fault>;

    /// Returns GrowSurf's ids of the participants of a campaign between two texts, in their order.
    async fn participants_between(
        &mut self,
        campaign: &str,
        after: &str,
        before: &str,
        limit: i64,
    ) -> Result<Vec<String>, Self::Fault>;

    /// Returns the campaigns of participants and links, in their order. Looks once into each index for each
    /// of them.
    async fn campaigns(&mut self) -> Result<Vec<String>, Self::Fault>;
}

/// Reads of the table `lanes`, and of the deliveries that go out.
#[trait_variant::make(Send)]
pub trait LaneRows: UnitBase {
    /// Lanes whose deliveries are best read at once.
    const LANES: usize;

    /// Rows that are best read of a lane at first. Few lanes hold more, and of most only the first go.
    const FEW: usize;

    /// Returns lanes of some classes that are due, with the identifiers of their people: class by class, the
    /// longest due first. Holds them, and passes over those that others hold.
    async fn due_lanes(
        &mut self,
        classes: &'static [i16],
        now: i64,
        limit: usize,
    ) -> Result<Vec<(LaneRow, String)>, Self::Fault>;

    /// Returns a lane and the identifier of its person, and holds it; nothing if another holds it.
    async fn free_lane(&mut self, lane: LaneId) -> Result<Option<(LaneRow, String)>, Self::Fault>;

    /// Returns the first pending rows of each lane, up to its number, in their order. The lanes' holder holds
    /// them.
    async fn pending_rows(
        &mut self,
        lanes: &[LaneId],
        each: usize,
    ) -> Result<Vec<DeliveryRow>, Self::Fault>;

    /// Returns lanes with some of their rows of deliveries, and holds both.
    async fn hold_lanes(
        &mut self,
        lanes: &[(LaneId, Vec<i64>)],
    ) -> Result<Vec<HeldLane>, Self::Fault>;

    /// Returns the lanes of some classes in which something is pending, those that are leased or the others,
    /// and holds them.
    async fn hold_all_lanes(
        &mut self,
        classes: &'static [i16],
        leased: bool,
    ) -> Result<Vec<LaneRow>, Self::Fault>;

    /// Returns when the first lane of some classes is due.
    async fn next_due(&mut self, classes: &'static [i16]) -> Result<Option<i64>, Self::Fault>;

    /// Returns the states of lanes. Their pending calls are counted up to a limit.
    async fn lane_states(
        &mut self,
        lanes: &[LaneId],
        count_to: i64,
    ) -> Result<Vec<LaneStatus>, Self::Fault>;
}

/// Reads of the tables `deliveries`, `dead_letters`, `attempts`, `effects` and `messages`, for everything but
/// claims and settlements.
#[trait_variant::make(Send)]
pub trait CallRows: UnitBase {
    /// Returns rows of deliveries, by number.
    async fn deliveries(&mut self, which: Deliveries<'_>) -> Result<Vec<DeliveryRow>, Self::Fault>;

    /// Returns dead letters.
    async fn letters(&mut self, which: Letters<'_>) -> Result<Vec<LetterRow>, Self::Fault>;

    /// Returns the kinds of calls of the newest dead letters, the newest first.
    async fn letter_kinds(
        &mut self,
        limit: usize,
    ) -> Result<Vec<(DeliveryId, String)>, Self::Fault>;

    /// Returns the attempts of deliveries, of each the oldest first.
    async fn attempts(
        &mut self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, PastAttempt)>, Self::Fault>;

    /// Returns the webhook that led to an effect; `None` if it isn't in the ledger.
    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Self::Fault>;

    /// Returns the metrics of the messages that effects led to.
    async fn effect_messages(&mut self, effects: &[EventId]) -> Result<Vec<Message>, Self::Fault>;

    /// Returns the oldest metrics of messages before a time, and holds them, but for those that another
    /// transaction holds.
    async fn hold_messages(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<MessageKey>, Self::Fault>;
}

/// Reads of the tables `meta` and `counters`.
#[trait_variant::make(Send)]
pub trait MetaRows: UnitBase {
    /// Returns single values in the order of their keys.
    async fn values(&mut self, keys: &[String]) -> Result<Vec<Option<String>>, Self::Fault>;

    /// Returns a single value and holds it, also if there is none yet.
    async fn hold_value(&mut self, key: &str) -> Result<Option<String>, Self::Fault>;

    /// Returns the kept numbers, and when the oldest pending delivery was planned, all of one moment.
    async fn numbers(&mut self) -> Result<(Counters, Option<i64>), Self::Fault>;

    /// Returns all kept numbers, of one moment.
    async fn counters(&mut self) -> Result<Counters, Self::Fault>;

    /// Returns the size of the store in bytes.
    async fn bytes(&mut self) -> Result<i64, Self::Fault>;
}

/// Reads of the tables `audit` and `traffic`.
#[trait_variant::make(Send)]
pub trait AuditRows: UnitBase {
    /// Returns the newest records of acts with their numbers, of those with lesser ones.
    async fn audit_before(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<(i64, AuditEntry)>, Self::Fault>;

    /// Returns the numbers of the oldest records, and when each act was.
    async fn oldest_audit(&mut self, limit: i64) -> Result<Vec<(i64, i64)>, Self::Fault>;

    /// Returns the sums of the hours since one, in their order.
    async fn traffic_since(&mut self, hour: i64) -> Result<Vec<(i64, String, i64)>, Self::Fault>;
}

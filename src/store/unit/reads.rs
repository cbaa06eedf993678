//! Reads: bulk reads by key, a trait for each group of tables.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use crate::domain::{
    AuditEntry, DeliveryId, EventId, LaneId, Link, Message, ParticipantKey, Person, PersonId,
    Webhook, WebhookId,
};
use crate::store::inbox::Prunable;
use crate::store::meta::Meta;
use crate::store::rows::{
    CallRow, Counters, DeliveryRow, FinishedWebhook, LaneRow, LetterRow, MessageKey, PersonLetters,
    PersonRow, RowState, StoredWebhook, VisitorTraces, WebhookCall,
};
use crate::store::{InboxEntry, LaneStatus, PastAttempt};

use super::UnitBase;

/// The hash that a tombstone is kept as.
pub(in crate::store) type Hash = [u8; 32];

/// Keys of the records that plans depend on.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct PlanKeys {
    /// Identifiers as their columns.
    pub(in crate::store) identifiers: BTreeSet<String>,
    pub(in crate::store) participants: BTreeSet<ParticipantKey>,
    pub(in crate::store) links: BTreeSet<Link>,
    pub(in crate::store) effects: BTreeSet<EventId>,
    pub(in crate::store) tombstones: BTreeSet<Hash>,
}

/// The records that keys lead to.
#[derive(Debug, Default)]
pub(in crate::store) struct FoundRecords {
    /// Everyone found, each once.
    pub(in crate::store) people: Vec<PersonRow>,
    /// The number of the person of each participant that was asked for.
    pub(in crate::store) participants: Vec<(ParticipantKey, Option<i64>)>,
    /// The number of the person of each link that was asked for.
    pub(in crate::store) links: Vec<(Link, Option<i64>)>,
    /// Numbers reserved for the identifiers that nobody has. Only a read that holds reserves them.
    pub(in crate::store) reserved: Vec<(String, i64)>,
    /// The effects that the ledger has.
    pub(in crate::store) effects: HashSet<EventId>,
    /// The times of the tombstones that there are.
    pub(in crate::store) tombstones: HashMap<Hash, i64>,
    /// The check of the key that tombstones are made with; `None` if there was no tombstone after the
    /// people were held.
    pub(in crate::store) tombstone_check: Option<String>,
}

/// A lane and some of its rows of deliveries, held.
pub(in crate::store) struct HeldLane {
    pub(in crate::store) lane: LaneRow,
    /// The rows that were asked for, as far as they are there.
    pub(in crate::store) rows: Vec<RowState>,
    /// The most urgent class of the lane's other pending rows; one as urgent as the lane ends the search.
    pub(in crate::store) rest: Option<i16>,
}

/// Reads of the tables `inbox` and `mentions`, and of the deliveries that webhooks led to.
#[trait_variant::make(Send)]
pub(in crate::store) trait InboxRows: UnitBase {
    /// Returns the first webhooks with greater ids than this one, received at a time or later, whose bodies
    /// are kept; with `parked` only those that are parked.
    async fn inbox_page(
        &mut self,
        after: Uuid,
        since: i64,
        parked: bool,
        limit: i64,
    ) -> Result<Vec<Webhook>, Self::Fault>;

    /// Returns the oldest webhooks received before a time, with lesser ids than this one, whose bodies are
    /// kept and of which nothing is pending or dead.
    async fn prunable(
        &mut self,
        which: Prunable,
        before: i64,
        below: Uuid,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Self::Fault>;

    /// Returns the webhooks of these ids whose bodies are kept, with the deliveries that they led to, and
    /// holds them.
    async fn hold_finished(
        &mut self,
        ids: &[WebhookId],
    ) -> Result<Vec<FinishedWebhook>, Self::Fault>;

    /// Returns the webhooks with these fingerprints, and those with these ids whose bodies are kept. Holds
    /// the ones that are parked, and those found by id.
    ///
    /// # Errors
    /// A conflict if another transaction removed one meanwhile.
    async fn hold_webhooks(
        &mut self,
        fingerprints: &[[u8; 32]],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Self::Fault>;

    /// Returns a webhook with its body, if that is kept.
    async fn webhook(&mut self, id: WebhookId) -> Result<Option<Webhook>, Self::Fault>;
}

/// Reads of the tables `people`, `participants`, `links`, `effects` and `tombstones`, and of the rows that are left
/// of visitors.
#[trait_variant::make(Send)]
pub(in crate::store) trait PeopleRows: UnitBase {
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

    /// Returns GrowSurf's ids of the participants of a campaign between two texts, in their order.
    async fn participants_between(
        &mut self,
        campaign: &str,
        after: &str,
        before: &str,
        limit: i64,
    ) -> Result<Vec<String>, Self::Fault>;

    /// Returns those of some people who have the identifier of a visitor, and holds them, but for those that
    /// another transaction holds.
    async fn hold_visitors(
        &mut self,
        people: &BTreeSet<PersonId>,
    ) -> Result<Vec<Person>, Self::Fault>;

    /// Returns the rows that are left of each of some people.
    async fn visitor_traces(
        &mut self,
        people: &[PersonId],
    ) -> Result<Vec<VisitorTraces>, Self::Fault>;
}

/// Reads of the tables `effects` and `messages`, and of the deliveries of a webhook.
#[trait_variant::make(Send)]
pub(in crate::store) trait EffectRows: UnitBase {
    /// Returns the webhook that led to an effect; `None` if it isn't in the ledger.
    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Self::Fault>;

    /// Returns rows of deliveries that webhooks led to, of each webhook the first ones; only those of some
    /// lanes, unless none is named.
    async fn webhook_calls(
        &mut self,
        webhooks: &[WebhookId],
        lanes: &[LaneId],
        each: i64,
    ) -> Result<Vec<WebhookCall>, Self::Fault>;

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

/// Reads of the tables `lanes` and `deliveries`.
#[trait_variant::make(Send)]
pub(in crate::store) trait LaneRows: UnitBase {
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

    /// Returns the first pending rows of lanes, so many of each, in their order. The lanes' holder holds them.
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
}

/// Reads of the tables `dead_letters` and `attempts`.
#[trait_variant::make(Send)]
pub(in crate::store) trait LetterRows: UnitBase {
    /// Returns dead letters before one, the newest first.
    async fn letters(
        &mut self,
        before: DeliveryId,
        limit: usize,
    ) -> Result<Vec<LetterRow>, Self::Fault>;

    /// Returns the attempts of deliveries, of each the oldest first.
    async fn attempts(
        &mut self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, PastAttempt)>, Self::Fault>;

    /// Returns which dead letters there are after one, the oldest first.
    async fn letters_after(
        &mut self,
        last: DeliveryId,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, Self::Fault>;

    /// Returns rows of deliveries that have dead letters, by number. Holds their lanes, then the rows.
    async fn hold_letters(&mut self, rows: &[i64]) -> Result<Vec<PersonLetters>, Self::Fault>;
}

/// Reads of the tables `meta`, `counters` and `notes`.
#[trait_variant::make(Send)]
pub(in crate::store) trait MetaRows: UnitBase {
    /// Returns single values in the order in which they are asked for.
    async fn metas(&mut self, which: &[Meta]) -> Result<Vec<Option<String>>, Self::Fault>;

    /// Returns a single value and holds it, also if there is none yet.
    async fn hold_meta(&mut self, which: Meta) -> Result<Option<String>, Self::Fault>;

    /// Returns the kept numbers, and when the oldest pending delivery was planned, all of one moment.
    async fn numbers(&mut self) -> Result<(Counters, Option<i64>), Self::Fault>;

    async fn note(&mut self, name: &str) -> Result<Option<String>, Self::Fault>;

    /// Returns the note of this name and holds it, also if there is none yet.
    async fn hold_note(&mut self, name: &str) -> Result<Option<String>, Self::Fault>;
}

/// Reads of the tables `audit` and `traffic`.
#[trait_variant::make(Send)]
pub(in crate::store) trait AuditRows: UnitBase {
    /// Returns the newest records, of those with lesser numbers.
    async fn audit_before(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<(i64, AuditEntry)>, Self::Fault>;

    /// Returns the numbers and the times of the first records.
    async fn oldest_audit(&mut self, limit: i64) -> Result<Vec<(i64, i64)>, Self::Fault>;

    /// Returns the sums of an hour and those after it, in their order.
    async fn traffic_since(&mut self, hour: i64) -> Result<Vec<(i64, String, i64)>, Self::Fault>;
}

/// Reads that only operators make, of many tables.
#[trait_variant::make(Send)]
pub(in crate::store) trait FindingRows: UnitBase {
    /// Returns the campaigns of participants and links, in their order. Looks once into each index for each
    /// of them.
    async fn campaigns(&mut self) -> Result<Vec<String>, Self::Fault>;

    /// Returns a webhook whose body is kept.
    async fn entry(&mut self, id: WebhookId) -> Result<Option<InboxEntry>, Self::Fault>;

    /// Returns the newest webhooks that name a person and whose bodies are kept, of those with lesser ids.
    async fn mentioned_in(
        &mut self,
        person: PersonId,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Self::Fault>;

    /// Returns the newest webhooks that are parked, of those with lesser ids.
    async fn parked_before(
        &mut self,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Self::Fault>;

    /// Returns the newest webhooks whose bodies are kept, of those with lesser ids.
    async fn entries_before(
        &mut self,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Self::Fault>;

    /// Returns pending rows of deliveries behind one, by the time of planning and then by number, with the
    /// identifiers of their people.
    async fn waiting_after(
        &mut self,
        planned_at: i64,
        row: i64,
        limit: i64,
    ) -> Result<Vec<(DeliveryRow, String)>, Self::Fault>;

    /// Returns the size of the store in bytes.
    async fn bytes(&mut self) -> Result<i64, Self::Fault>;

    /// Returns the states of lanes. Their pending calls are counted up to a limit.
    async fn lane_states(
        &mut self,
        lanes: &[LaneId],
        count_to: i64,
    ) -> Result<Vec<LaneStatus>, Self::Fault>;
}

/// Reads that only erasing makes, of many tables.
#[trait_variant::make(Send)]
pub(in crate::store) trait ErasureRows: UnitBase {
    /// Returns the first people with greater numbers than this one.
    async fn people_after(&mut self, after: i64, limit: i64)
    -> Result<Vec<PersonRow>, Self::Fault>;

    /// Returns people by number, and holds them.
    async fn hold_people(&mut self, ids: &[i64]) -> Result<Vec<PersonRow>, Self::Fault>;

    /// Returns the webhooks that mention any of these people.
    async fn mentioning(&mut self, people: &[i64]) -> Result<Vec<WebhookId>, Self::Fault>;

    /// Returns the first webhooks with greater ids than this one whose bodies are kept, and that are parked
    /// or of other senders than GrowSurf.
    async fn searched_bodies(
        &mut self,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<Webhook>, Self::Fault>;

    /// Returns the rows of deliveries that webhooks led to, and holds them.
    async fn calls_of(&mut self, webhooks: &[WebhookId]) -> Result<Vec<CallRow>, Self::Fault>;

    /// Returns rows of a lane in which something is pending or dead. Whoever holds the lane holds them.
    async fn unsettled_calls(
        &mut self,
        lane: LaneId,
        limit: i64,
    ) -> Result<Vec<CallRow>, Self::Fault>;
}

//! Accept and replay: webhooks, their effects and their deliveries, in one transaction.
//!
//! What belongs here: duplicates, parking, and planning webhook by webhook. What doesn't: the reads between
//! the phases (`batch`), one webhook's plan on top of another's (`store::overlay`), the rows of a plan
//! (`planned`), and the choice of webhooks that share a transaction (`store::batcher`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::{
    Class, Dropped, Notification, Plan, Planned, ReadKey, Receipt, ReceivedWebhook, Status, Time,
    Webhook, WebhookId,
};
use crate::store::StoreError;
use crate::store::overlay::{LaneCalls, NotApplied};
use crate::store::planning::{Planning, Subject, dropped};
use crate::store::rows::StoredWebhook;
use crate::store::unit::{Unit, Work};

use super::batch::{Batch, Candidate, Drafted, Wanted, draft};
use super::planned;

/// A webhook that is to be planned.
#[derive(Clone)]
pub struct Item {
    pub origin: Origin,
    /// The notification, or the reason why it leads to nothing known.
    pub decoded: Result<Notification, String>,
    /// The class of the calls that a new one leads to.
    pub class: Class,
    /// The present time.
    pub now: Time,
}

/// The origin of a webhook that is to be planned.
#[derive(Clone)]
pub enum Origin {
    /// It was received, and has this fingerprint.
    Received(Box<Webhook>, [u8; 32]),
    /// It is in the inbox.
    Stored(WebhookId),
}

impl Item {
    pub fn received(received: ReceivedWebhook, now: Time) -> Self {
        let ReceivedWebhook { webhook, decoded, class } = received;
        let fingerprint = webhook.fingerprint();
        Self { origin: Origin::Received(Box::new(webhook), fingerprint), decoded, class, now }
    }

    /// Returns the item of a stored webhook.
    pub fn stored(id: WebhookId, decoded: Result<Notification, String>, now: Time) -> Self {
        Self { origin: Origin::Stored(id), decoded, class: Class::Live, now }
    }
}

/// Accepts received webhooks and replays stored ones. See [`Store::accept`](crate::store::Store::accept)
/// and [`Store::replay`](crate::store::Store::replay).
pub struct Accept {
    planning: Arc<Planning>,
    /// No two have the same bytes.
    items: Arc<[Item]>,
    is_dry_run: bool,
    wanted: Wanted,
}

/// A webhook on its way through a batch.
pub struct Entry<'a> {
    pub id: WebhookId,
    /// The webhook and its fingerprint, if it is new to the inbox.
    pub new: Option<(&'a Webhook, [u8; 32])>,
    pub was_parked: bool,
    /// True if a part of it was planned before.
    pub was_mapped: bool,
    /// The campaign that a stored webhook was planned in first, if it names none.
    pub campaign: Option<String>,
    pub class: Class,
    pub now: Time,
    pub outcome: Outcome,
}

/// The outcome of accepting or replaying a webhook.
pub enum Outcome {
    /// The same bytes are in the inbox.
    Duplicate,
    /// Nothing of it is mapped, for this reason.
    Parked(String),
    /// It is a page's post that leads to nothing.
    Dropped(Dropped),
    Planned(Box<Plan>, Vec<LaneCalls>),
}

impl Accept {
    /// Returns the use case for webhooks with different bytes.
    pub fn new(planning: Arc<Planning>, items: Arc<[Item]>) -> Self {
        Self { planning, items, is_dry_run: false, wanted: Wanted::default() }
    }

    /// Returns the use case of planning a stored webhook again. A dry run changes nothing.
    pub fn replay(planning: Arc<Planning>, item: Item, is_dry_run: bool) -> Self {
        Self { is_dry_run, ..Self::new(planning, [item].into()) }
    }

    /// Returns the webhooks.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns the row of each webhook that is in the inbox, held if it may change.
    async fn stored<U: Unit>(&self, unit: &mut U) -> Result<Vec<Option<StoredWebhook>>, U::Fault> {
        let (mut fingerprints, mut ids) = (Vec::new(), Vec::new());
        for item in &*self.items {
            match &item.origin {
                Origin::Received(_, fingerprint) => fingerprints.push(*fingerprint),
                Origin::Stored(id) => ids.push(*id),
            }
        }
        let rows = unit.hold_webhooks(&fingerprints, &ids).await?;
        let by_fingerprint: HashMap<[u8; 32], &StoredWebhook> =
            rows.iter().map(|row| (row.fingerprint, row)).collect();
        let of_item = |item: &Item| match &item.origin {
            Origin::Received(_, fingerprint) => {
                Ok(by_fingerprint.get(fingerprint).map(|row| (*row).clone()))
            }
            Origin::Stored(id) => {
                let row = rows.iter().find(|row| row.id == *id);
                row.cloned().map(Some).ok_or(StoreError::NoSuchWebhook(*id))
            }
        };
        Ok(self.items.iter().map(of_item).collect::<Result<_, _>>()?)
    }

    /// Returns the candidate of an item: the reason, if nothing of it can be mapped.
    fn candidate<'a>(&'a self, item: &'a Item, row: Option<&'a StoredWebhook>) -> Candidate<'a> {
        let received_at = match (&item.origin, row) {
            (_, Some(row)) => row.received_at,
            (Origin::Received(webhook, _), None) => webhook.received_at,
            (Origin::Stored(_), None) => item.now,
        };
        let campaign = row.and_then(|row| row.campaign.as_deref());
        let subject = self.planning.subject(&item.decoded, campaign, received_at)?;
        Ok((subject, item.now))
    }
}

impl Work for Accept {
    type Output = Vec<Receipt>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<Receipt>, U::Fault> {
        let rows = self.stored(unit).await?;
        let candidates: Vec<Candidate<'_>> = self
            .items
            .iter()
            .zip(&rows)
            .map(|(item, row)| match is_duplicate(item, row.as_ref()) {
                // It needs no reads.
                true => Err(String::new()),
                false => self.candidate(item, row.as_ref()),
            })
            .collect();
        let mut batch = Batch::new(&self.planning, Some(&self.wanted));
        let keys = batch.read(unit, &candidates).await?;
        let sets = batch.sets(&candidates, &keys);
        let drafts = batch.drafts(unit, &candidates, &sets).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for (place, drafted) in drafts.into_iter().enumerate() {
            let (item, row) = (&self.items[place], rows[place].as_ref());
            let mut entry = entry(item, row);
            entry.outcome = match (&candidates[place], &keys[place]) {
                _ if is_duplicate(item, row) => Outcome::Duplicate,
                (Ok((subject, now)), Ok(keys)) => {
                    let step = Step { subject, now: *now, keys, item, id: entry.id };
                    step.outcome(unit, &mut batch, drafted).await?
                }
                (Err(reason), _) | (_, Err(reason)) => unmapped(item, reason.clone()),
            };
            entries.push(entry);
        }
        let changes = planned::changes(unit, batch.overlay, &entries)?;
        unit.write(changes).await?;
        if self.is_dry_run {
            // Done and undone, so that the receipt says exactly what would happen.
            unit.undo().await?;
        }
        Ok(entries.into_iter().map(receipt).collect())
    }
}

/// One webhook's turn in a batch.
struct Step<'a> {
    subject: &'a Subject<'a>,
    now: Time,
    keys: &'a [ReadKey],
    item: &'a Item,
    id: WebhookId,
}

impl Step<'_> {
    /// Finishes the plan and applies it.
    async fn outcome<U: Unit>(
        &self,
        unit: &mut U,
        batch: &mut Batch<'_>,
        drafted: Result<Drafted<'_>, String>,
    ) -> Result<Outcome, U::Fault> {
        let is_stale = self.keys.iter().any(|key| batch.overlay.is_changed(key));
        let mut planned = match drafted {
            _ if is_stale => self.plan_anew(unit, batch).await?,
            Ok(drafted) => batch.finish(self.subject, drafted),
            Err(reason) => Err(reason),
        };
        loop {
            if let Some(why) = dropped_on_arrival(self.item, &planned) {
                return Ok(Outcome::Dropped(why));
            }
            let mut plan = match planned {
                Ok(plan) => plan,
                Err(reason) => return Ok(Outcome::Parked(reason)),
            };
            match batch.overlay.apply(&mut plan, self.id) {
                Ok(calls) => return Ok(Outcome::Planned(Box::new(plan), calls)),
                Err(NotApplied::Contradiction(why)) => planned = Err(format!("internal: {why}")),
                Err(NotApplied::Apart) => {
                    let source = "it makes a person of an identifier that was freed".into();
                    return Err(StoreError::Contradiction { doing: "plan together", source }.into());
                }
                Err(NotApplied::Unread(keys)) => {
                    batch.fetch(unit, keys.iter()).await?;
                    planned = Ok(plan);
                }
            }
        }
    }

    /// Plans a webhook whose records another one of the batch has changed.
    async fn plan_anew<U: Unit>(
        &self,
        unit: &mut U,
        batch: &mut Batch<'_>,
    ) -> Result<Planned, U::Fault> {
        let mut keys = self.keys.to_vec();
        match self.subject.link(&batch.set(&keys, self.now)) {
            Ok(linked) => keys.extend(linked),
            Err(reason) => return Ok(Err(reason)),
        }
        batch.fetch(unit, keys.iter()).await?;
        let set = batch.set(&keys, self.now);
        let drafted = match draft(self.subject, &set) {
            Ok(drafted) => drafted,
            Err(reason) => return Ok(Err(reason)),
        };
        let effects: Vec<ReadKey> = drafted.keys().collect();
        batch.fetch(unit, effects.iter()).await?;
        Ok(batch.finish(self.subject, drafted))
    }
}

fn is_duplicate(item: &Item, row: Option<&StoredWebhook>) -> bool {
    matches!(item.origin, Origin::Received(..)) && row.is_some_and(|row| !row.is_parked)
}

fn dropped_on_arrival(item: &Item, planned: &Planned) -> Option<Dropped> {
    let class = matches!(item.origin, Origin::Received(..)).then_some(item.class);
    class.and_then(|class| dropped(class, planned))
}

/// Returns the outcome of a webhook without a mappable part.
fn unmapped(item: &Item, reason: String) -> Outcome {
    let why = dropped_on_arrival(item, &Err(reason.clone()));
    why.map_or(Outcome::Parked(reason), Outcome::Dropped)
}

fn entry<'a>(item: &'a Item, row: Option<&StoredWebhook>) -> Entry<'a> {
    let (id, new, class) = match (&item.origin, row) {
        (Origin::Received(webhook, fingerprint), None) => {
            (webhook.id, Some((&**webhook, *fingerprint)), item.class)
        }
        (Origin::Received(..), Some(row)) => (row.id, None, item.class),
        (Origin::Stored(id), row) => (*id, None, row.map_or(item.class, |row| row.class)),
    };
    let was_parked = row.is_some_and(|row| row.is_parked);
    let was_mapped = row.is_some_and(|row| row.is_mapped);
    let campaign = row.and_then(|row| row.campaign.clone());
    let (now, outcome) = (item.now, Outcome::Duplicate);
    Entry { id, new, was_parked, was_mapped, campaign, class, now, outcome }
}

fn receipt(entry: Entry<'_>) -> Receipt {
    let id = entry.id;
    match entry.outcome {
        Outcome::Duplicate => Receipt::without_calls(id, Status::Duplicate),
        Outcome::Parked(reason) => Receipt::without_calls(id, Status::Parked { reason }),
        Outcome::Dropped(why) => Receipt::without_calls(id, Status::Dropped(why)),
        Outcome::Planned(plan, lanes) => {
            let calls = lanes.iter().map(|lane| lane.calls.len()).sum();
            let Plan { unmapped, notices, .. } = *plan;
            let mut kinds = BTreeMap::new();
            for (kind, count) in lanes.into_iter().flat_map(|lane| lane.kinds) {
                *kinds.entry(kind).or_default() += count;
            }
            Receipt { id, status: Status::Accepted, calls, unmapped, kinds, notices }
        }
    }
}

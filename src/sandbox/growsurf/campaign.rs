//! A campaign: what is made up, and the changes since, as the answers to simple questions.
//!
//! A question about a participant takes the time it is about, because a webhook tells of an earlier
//! time than a row does; [`NOW`] is after everything. Participants are known by their index.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{
    fiction::{Fiction, Status},
    hooks,
    ids::{Ids, Named, mix},
    program::{self, Kind, Program},
    world::Totals,
};

/// The time of the rows: whatever has happened.
pub(super) const NOW: i64 = i64::MAX;
/// A month is so long before the end of the program.
const MONTH_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Somebody who has joined by a change.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    pub(super) at: i64,
    pub(super) email: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) referred_by: Option<u64>,
}

/// What has changed about a participant.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// A field has got another value.
    Set(&'static str, Value),
    /// A key of the metadata has got another value, or none.
    Metadata(String, Option<Value>),
    /// The link was shared so often through a channel.
    Share(String, u64),
}

/// How many friends a participant has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) awarded: u64,
    pub(super) awarded_this_month: u64,
    pub(super) pending: u64,
}

/// A campaign with its changes.
#[derive(Clone, Debug)]
pub(super) struct Campaign {
    pub(super) named: program::Named,
    pub(super) slot: usize,
    pub(super) ids: Ids,
    pub(super) fiction: Fiction,
    pub(super) rewards_in_rows: bool,
    pub(super) joined: Vec<Joined>,
    pub(super) edits: HashMap<u64, Vec<(i64, Edit)>>,
    /// When a friend was converted by a change.
    pub(super) converted: BTreeMap<u64, i64>,
    /// Rewards without a friend: when and whose.
    pub(super) extra_rewards: Vec<(i64, u64)>,
    pub(super) webhooks: Vec<Value>,
    pub(super) integrations: Vec<Value>,
    pub(super) deleted: HashMap<u64, i64>,
    /// The totals, if nothing they depend on has changed since they were counted.
    pub(super) counted: Option<Totals>,
    /// Of those who joined by a change, by referrer.
    children: HashMap<u64, Vec<u64>>,
    /// Of those who have another address than was made up, in lower case.
    emails: HashMap<String, u64>,
}

impl Campaign {
    /// The campaign at `slot` of a program, unchanged.
    pub(super) fn new(program: &Program, slot: usize) -> Self {
        let fiction = Fiction {
            seed: mix(program.seed, slot as u64),
            participants: program.participants,
            started_at: program.started_at,
            ended_at: program.ended_at,
        };
        Self {
            named: program.campaigns[slot].clone(),
            slot,
            ids: Ids::new(program.seed, slot),
            fiction,
            rewards_in_rows: program.rewards_in_rows,
            joined: Vec::new(),
            edits: HashMap::new(),
            converted: BTreeMap::new(),
            extra_rewards: Vec::new(),
            webhooks: vec![hooks::primary(slot)],
            integrations: hooks::integrations(),
            deleted: HashMap::new(),
            counted: None,
            children: HashMap::new(),
            emails: HashMap::new(),
        }
    }

    /// Whether it is an affiliate program.
    pub(super) fn is_affiliate(&self) -> bool {
        self.named.kind == Kind::Affiliate
    }

    /// Indexes are below this.
    pub(super) fn len(&self) -> u64 {
        self.fiction.participants + self.joined.len() as u64
    }

    /// The one who joined by a change, if the index isn't made up.
    pub(super) fn joined(&self, index: u64) -> Option<&Joined> {
        let place = index.checked_sub(self.fiction.participants)?;
        self.joined.get(usize::try_from(place).ok()?)
    }

    /// The participant's id.
    pub(super) fn id(&self, index: u64) -> String {
        self.ids.write(Named::Participant(index))
    }

    /// The participant that an id or an address is of.
    pub(super) fn find(&self, id_or_email: &str) -> Option<u64> {
        let index = match self.ids.read(id_or_email) {
            Some(Named::Participant(index)) => index,
            _ => self.find_email(id_or_email)?,
        };
        (index < self.len() && self.is_there(index, NOW)).then_some(index)
    }

    fn find_email(&self, email: &str) -> Option<u64> {
        let email = email.to_ascii_lowercase();
        if let Some(index) = self.emails.get(&email) {
            return Some(*index);
        }
        // Addresses that were made up say the index.
        let (local, _) = email.split_once('@')?;
        let (_, number) = local.rsplit_once('.')?;
        let index = number.trim_end_matches(|c: char| c.is_ascii_lowercase()).parse().ok()?;
        let is_it = index < self.fiction.participants && self.email(index, NOW) == email;
        is_it.then_some(index)
    }

    /// The participant's address at a time.
    pub(super) fn email(&self, index: u64, at: i64) -> String {
        let edits = self.edits_until(index, at);
        let changed = edits.filter_map(|edit| match edit {
            Edit::Set("email", Value::String(email)) => Some(email),
            _ => None,
        });
        if let Some(email) = changed.last() {
            return email.clone();
        }
        if let Some(joined) = self.joined(index) {
            return joined.email.clone();
        }
        let (first, last) = self.fiction.names(index);
        // Other campaigns than the first have other people.
        let suffix = ["", "b", "c", "d", "e", "f", "g", "h"][self.slot];
        format!("{first}.{last}.{index}{suffix}@example.com").to_ascii_lowercase()
    }

    /// The edits of a participant up to a time, in order.
    pub(super) fn edits_until(&self, index: u64, at: i64) -> impl Iterator<Item = &Edit> {
        let edits = self.edits.get(&index).into_iter().flatten();
        edits.filter(move |(time, _)| *time <= at).map(|(_, edit)| edit)
    }

    /// When the participant joined.
    pub(super) fn created(&self, index: u64) -> i64 {
        self.joined(index).map_or_else(|| self.fiction.created(index), |joined| joined.at)
    }

    /// When the referral has become what it is.
    pub(super) fn updated(&self, index: u64) -> i64 {
        if let Some(at) = self.converted.get(&index) {
            return *at;
        }
        self.joined(index).map_or_else(|| self.fiction.updated(index), |joined| joined.at)
    }

    /// Whether the participant hasn't been deleted by then.
    pub(super) fn is_there(&self, index: u64, at: i64) -> bool {
        self.deleted.get(&index).is_none_or(|deleted| *deleted > at)
    }

    /// Who has referred the participant, even if deleted since.
    pub(super) fn referrer(&self, index: u64) -> Option<u64> {
        match self.joined(index) {
            Some(joined) => joined.referred_by,
            None => self.fiction.referrer(index),
        }
    }

    /// When a referred participant has converted.
    pub(super) fn awarded_at(&self, index: u64) -> Option<i64> {
        if let Some(at) = self.converted.get(&index) {
            return Some(*at);
        }
        let is_awarded =
            index < self.fiction.participants && self.fiction.status(index) == Status::Awarded;
        is_awarded.then(|| self.fiction.updated(index))
    }

    /// How far the referral of a referred participant had come at a time.
    pub(super) fn status(&self, index: u64, at: i64) -> Status {
        if self.awarded_at(index).is_some_and(|awarded| awarded <= at) {
            return Status::Awarded;
        }
        let is_expired = index < self.fiction.participants
            && self.fiction.status(index) == Status::Expired
            && self.fiction.updated(index) <= at;
        if is_expired { Status::Expired } else { Status::Pending }
    }

    /// Who has referred the participant, if not deleted by then.
    pub(super) fn living_referrer(&self, index: u64, at: i64) -> Option<u64> {
        self.referrer(index).filter(|referrer| self.is_there(*referrer, at))
    }

    /// Whom the participant has ever referred.
    pub(super) fn all_friends(&self, referrer: u64) -> impl Iterator<Item = u64> {
        let is_made_up = referrer < self.fiction.participants;
        let made_up = is_made_up.then(|| self.fiction.friends(referrer)).into_iter().flatten();
        let joined = self.children.get(&referrer).into_iter().flatten().copied();
        made_up.chain(joined)
    }

    /// Whom the participant has referred until a time, without the deleted.
    pub(super) fn friends(&self, referrer: u64, at: i64) -> impl Iterator<Item = u64> {
        let friends = self.all_friends(referrer);
        friends.filter(move |index| self.created(*index) <= at && self.is_there(*index, at))
    }

    /// How many friends the participant had at a time.
    pub(super) fn counts(&self, referrer: u64, at: i64) -> Counts {
        let mut counts = Counts::default();
        for friend in self.friends(referrer, at) {
            match self.status(friend, at) {
                Status::Awarded => {
                    counts.awarded += 1;
                    let month = self.fiction.ended_at - MONTH_MS;
                    let is_recent = self.awarded_at(friend).is_some_and(|at| at >= month);
                    counts.awarded_this_month += u64::from(is_recent);
                }
                Status::Pending => counts.pending += 1,
                Status::Expired => {}
            }
        }
        counts
    }

    /// Adds a participant, who is the newest, and returns the index.
    pub(super) fn join(&mut self, joined: Joined) -> u64 {
        let index = self.len();
        if let Some(referrer) = joined.referred_by {
            self.children.entry(referrer).or_default().push(index);
        }
        self.emails.insert(joined.email.to_ascii_lowercase(), index);
        self.joined.push(joined);
        index
    }

    /// Changes something about a participant.
    pub(super) fn edit(&mut self, index: u64, at: i64, edit: Edit) {
        if let Edit::Set("email", Value::String(email)) = &edit {
            let old = self.email(index, NOW).to_ascii_lowercase();
            self.emails.remove(&old);
            self.emails.insert(email.to_ascii_lowercase(), index);
        }
        self.edits.entry(index).or_default().push((at, edit));
    }

    /// Deletes a participant, whose address becomes free.
    pub(super) fn delete(&mut self, index: u64, at: i64) {
        let email = self.email(index, NOW).to_ascii_lowercase();
        self.emails.remove(&email);
        self.deleted.insert(index, at);
        self.forget_totals();
    }
}

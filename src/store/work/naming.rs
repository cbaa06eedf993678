//! Naming: the records and the webhooks that name a person who is to be erased.
//!
//! What belongs here: the search, in pages that only read. What doesn't: erasing the found rows (`erase`).

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{BodySearch, ErasureSubject, Person, WebhookId};
use crate::store::planning::Planning;
use crate::store::rows::number;
use crate::store::unit::{Kept, Unit, Work};
use crate::store::{ErasureTarget, Store, StoreError, record};

use super::finding::webhook;

/// Records or bodies of one page. A body may have megabytes.
const PAGE: usize = 500;
const BODIES: usize = 50;

/// Records that a search has found.
#[derive(Default)]
pub(super) struct FoundPeople {
    /// Those of the person.
    pub(super) theirs: Vec<Person>,
    /// The numbers of others whose texts name them.
    pub(super) others: Vec<i64>,
}

/// Searches all records.
pub(super) async fn search_people(
    store: &Store,
    subject: &ErasureSubject,
) -> Result<FoundPeople, StoreError> {
    let (mut found, mut after) = (FoundPeople::default(), i64::MIN);
    loop {
        let (planning, subject) = (Arc::clone(&store.planning), subject.clone());
        let page = SearchPeople { planning, subject, after };
        let (page, last) = store.read("look for a person", page).await?;
        found.theirs.extend(page.theirs);
        found.others.extend(page.others);
        match last {
            Some(last) => after = last,
            None => return Ok(found),
        }
    }
}

/// Searches a page of records; returns the last one's number, unless they end there.
struct SearchPeople {
    planning: Arc<Planning>,
    subject: ErasureSubject,
    after: i64,
}

impl Work for SearchPeople {
    type Output = (FoundPeople, Option<i64>);

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Self::Output, U::Fault> {
        let rows = unit.people_after(self.after, number(PAGE)).await?;
        let mut found = FoundPeople::default();
        let parts = self.subject.parts();
        for row in &rows {
            let text = format!("{}{}", row.identifier, row.state).to_lowercase();
            if !parts.iter().any(|part| text.contains(part)) {
                continue;
            }
            let person = record::person(row)?;
            if self.subject.is_about(&person) {
                found.theirs.push(person);
            } else if self.planning.planner.without(&person, &self.subject).is_some() {
                found.others.push(row.id);
            }
        }
        let last = rows.last().filter(|_| rows.len() == PAGE).map(|row| row.id);
        Ok((found, last))
    }
}

/// Finds the webhooks that mention people: all, or those whose bodies name somebody.
pub(super) struct FindMentions {
    pub(super) people: Vec<i64>,
    pub(super) subject: Option<ErasureSubject>,
}

impl Work for FindMentions {
    type Output = BTreeSet<WebhookId>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<BTreeSet<WebhookId>, U::Fault> {
        let mut found = BTreeSet::new();
        for id in unit.mentioning(&self.people).await? {
            let is_named = match &self.subject {
                None => true,
                Some(subject) => webhook(unit, id).await?.is_some_and(|webhook| {
                    let owner = webhook.owner.as_deref();
                    subject.search(owner, &webhook.body) == BodySearch::Named
                }),
            };
            found.extend(is_named.then_some(id));
        }
        Ok(found)
    }
}

/// Searches a page of the bodies that nobody's mention leads to.
pub(super) struct SearchBodies {
    pub(super) target: Arc<ErasureTarget>,
    pub(super) after: Uuid,
}

/// Webhooks that a search has found.
#[derive(Default)]
pub(super) struct FoundBodies {
    pub(super) named: Vec<WebhookId>,
    pub(super) unreadable: u64,
    /// The last one that was searched, unless they end there.
    pub(super) last: Option<WebhookId>,
}

impl Work for SearchBodies {
    type Output = FoundBodies;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<FoundBodies, U::Fault> {
        let (which, since) = (Kept::Unmentioned, i64::MIN);
        let webhooks = unit.webhooks(which, self.after, since, number(BODIES)).await?;
        let mut found = FoundBodies::default();
        for webhook in &webhooks {
            match self.target.subject.search(webhook.owner.as_deref(), &webhook.body) {
                BodySearch::NotNamed => {}
                // Only what can't be read is parked as it came.
                BodySearch::Unreadable => found.unreadable += 1,
                BodySearch::Named => found.named.push(webhook.id),
            }
        }
        found.last = webhooks.last().filter(|_| webhooks.len() == BODIES).map(|it| it.id);
        Ok(found)
    }
}

//! Naming: the records and the webhooks that name a person who is to be erased.
//!
//! What belongs here: the search, in pages that only read. What doesn't: erasing the found rows (`erase`).

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{BodySearch, ErasureSubject, Person, Webhook, WebhookId};
use crate::store::planning::Planning;
use crate::store::rows::{PersonRow, number};
use crate::store::unit::{Kept, use_case};
use crate::store::{ErasureTarget, Store, StoreError, record};

use super::finding::webhook;

/// Records or bodies of one page. A body may have megabytes.
const PAGE: usize = 500;
const BODIES: usize = 50;

/// Records that a search has found.
#[derive(Default)]
pub struct FoundPeople {
    /// Those of the person.
    pub theirs: Vec<Person>,
    /// The numbers of others whose texts name them.
    pub others: Vec<i64>,
}

/// Searches all records.
pub async fn search_people(
    store: &Store,
    subject: &ErasureSubject,
) -> Result<FoundPeople, StoreError> {
    let (mut found, mut after) = (FoundPeople::default(), i64::MIN);
    loop {
        let (planning, subject) = (Arc::clone(&store.planning), subject.clone());
        let (page, last) = use_case!(
            store.read("find a person"),
            [planning: Arc<Planning>, subject: ErasureSubject, after: i64]
                -> (FoundPeople, Option<i64>),
            |unit| {
                let rows = unit.people_after(*after, number(PAGE)).await?;
                let last = rows.last().filter(|_| rows.len() == PAGE).map(|row| row.id);
                Ok((search(planning, subject, &rows)?, last))
            }
        )?;
        found.theirs.extend(page.theirs);
        found.others.extend(page.others);
        match last {
            Some(last) => after = last,
            None => return Ok(found),
        }
    }
}

fn search(
    planning: &Planning,
    subject: &ErasureSubject,
    rows: &[PersonRow],
) -> Result<FoundPeople, StoreError> {
    let mut found = FoundPeople::default();
    let parts = subject.parts();
    for row in rows {
        let text = format!("{}{}", row.identifier, row.state).to_lowercase();
        if !parts.iter().any(|part| text.contains(part)) {
            continue;
        }
        let person = record::person(row)?;
        if subject.is_about(&person) {
            found.theirs.push(person);
        } else if planning.planner.without(&person, subject).is_some() {
            found.others.push(row.id);
        }
    }
    Ok(found)
}

/// Returns the webhooks that mention people: all, or those whose bodies name a person.
pub async fn find_mentions(
    store: &Store,
    people: Vec<i64>,
    subject: Option<ErasureSubject>,
) -> Result<BTreeSet<WebhookId>, StoreError> {
    use_case!(
        store.read("look for mentions"),
        [people: Vec<i64>, subject: Option<ErasureSubject>] -> BTreeSet<WebhookId>,
        |unit| {
            let mut found = BTreeSet::new();
            for id in unit.mentioning(people).await? {
                let is_named = match subject {
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
    )
}

/// Searches the bodies that nobody's mention leads to. Returns the webhooks that name the person, and the number of
/// those that can't be read.
pub async fn search_bodies(
    store: &Store,
    target: &Arc<ErasureTarget>,
) -> Result<(Vec<WebhookId>, u64), StoreError> {
    let (mut named, mut unreadable, mut after) = (Vec::new(), 0, Uuid::nil());
    loop {
        let target = Arc::clone(target);
        let page = use_case!(
            store.read("find a person"),
            [target: Arc<ErasureTarget>, after: Uuid] -> Vec<(WebhookId, BodySearch)>,
            |unit| {
                let (which, since) = (Kept::Unmentioned, i64::MIN);
                let webhooks = unit.webhooks(which, *after, since, number(BODIES)).await?;
                let search = |it: Webhook| {
                    (it.id, target.subject.search(it.owner.as_deref(), &it.body))
                };
                Ok(webhooks.into_iter().map(search).collect())
            }
        )?;
        for (id, found) in &page {
            match found {
                BodySearch::NotNamed => {}
                // Only what can't be read is parked as it came.
                BodySearch::Unreadable => unreadable += 1,
                BodySearch::Named => named.push(*id),
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == BODIES => after = last.0,
            _ => return Ok((named, unreadable)),
        }
    }
}

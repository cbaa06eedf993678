//! Deletions: participants that the store has and GrowSurf hasn't any more.
//!
//! What belongs here: finding them after a full comparison, and reporting or erasing them. What doesn't: the
//! erasure itself (`erase`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::SyncError;
use super::checkpoint;
use super::compared::Counted;
use super::intake::Intake;
use super::report::SyncReport;
use super::target::SyncTarget;
use crate::domain::{Email, ParticipantKey, Person, ReadKey};
use crate::erase::erase_person;
use crate::growsurf::rest::RestError;
use crate::telemetry::ErrorChain;

/// The treatment of a participant who was deleted at GrowSurf.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deletions {
    /// Reports it once.
    Report,
    /// Erases the participant from the store, once two full comparisons have found it.
    Forget,
}

/// The most participants that one comparison looks up, with a request each.
const LOOKUPS: usize = 100;

/// The most deletions that are always believed. Above it, up to a tenth of the known participants.
const PLAUSIBLE: usize = 10;

/// The most missing participants that are remembered.
const REMEMBERED: usize = 10_000;

/// Participants in a page.
const PAGE: usize = 1_000;

/// The wait for a call under way.
const WAIT: Duration = Duration::from_secs(90);

/// Hashed ids of GrowSurf's participants with the counts of their rows: some twenty bytes each, so that a million fit
/// into memory.
#[derive(Default)]
pub(super) struct SeenParticipants(BTreeMap<u64, Option<Counted>>);

impl SeenParticipants {
    pub(super) fn note(&mut self, id: &str, counted: Option<Counted>) {
        self.0.insert(digest(id), counted);
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.contains_key(&digest(id))
    }

    /// Returns the counts of a participant's row, if it has them.
    pub(super) fn counted(&self, id: &str) -> Option<Counted> {
        self.0.get(&digest(id)).copied().flatten()
    }

    /// Returns the number of participants.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }
}

fn digest(id: &str) -> u64 {
    let digest = Sha256::digest(id);
    u64::from_be_bytes(digest[..8].try_into().expect("eight bytes"))
}

/// Returns the missing participants, and the number of known ones.
async fn missing(
    intake: &Intake,
    campaign: &str,
    seen: &SeenParticipants,
) -> Result<(Vec<String>, usize), SyncError> {
    let (mut missing, mut known, mut after) = (Vec::new(), 0, None::<String>);
    loop {
        let page = intake.store.participants(campaign, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok((missing, known)) };
        after = Some(last.clone());
        known += page.len();
        missing
            .extend(page.into_iter().filter(|id| !seen.has(id)).take(REMEMBERED - missing.len()));
    }
}

/// Finds deleted participants, and reports or erases them.
pub(super) async fn handle(
    intake: &Intake,
    target: &SyncTarget,
    seen: &SeenParticipants,
    what: Deletions,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    let (store, campaign) = (&*intake.store, &target.campaign.id);
    let name = format!("deleted:{campaign}");
    // Participants missing before; true if they were handled.
    let before: BTreeMap<String, bool> = checkpoint::find(store, &name).await?.unwrap_or_default();
    let (missing, known) = missing(intake, campaign, seen).await?;
    let new = missing.iter().filter(|id| !before.contains_key(*id)).count();
    if new > PLAUSIBLE.max(known / 10) || (new > 1 && 2 * new > known) {
        report.add_notice(&format!(
            "{new} of {known} known participants are missing at GrowSurf; this is implausibly many, so \
             none counts as deleted"
        ));
        return Ok(());
    }
    let mut now = BTreeMap::new();
    let mut lookups = 0;
    for id in missing {
        let known_before = before.get(&id).copied();
        if known_before == Some(true) || lookups == LOOKUPS {
            now.extend(known_before.map(|done| (id, done)));
            continue;
        }
        lookups += 1;
        // They may have joined while the pages were read.
        match target.client.participant(campaign, &id).await {
            Ok(_) => continue,
            Err(RestError::Unknown(..)) => {}
            Err(error) if error.is_local() => {
                let error = ErrorChain(&error);
                report.add_notice(&format!(
                    "participant {id} is in none of GrowSurf's lists, and wasn't looked up: {error}"
                ));
                now.extend(known_before.map(|done| (id, done)));
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        // An erasure can't be undone, so it waits for the second comparison.
        let is_done = what == Deletions::Report || known_before.is_some();
        if is_done || known_before.is_none() {
            let detail = treat(intake, campaign, &id, what, known_before.is_some()).await?;
            report.add_notice(&format!("participant {id} was deleted at GrowSurf; {detail}"));
        }
        if is_done {
            *report.calls.entry("deleted".to_owned()).or_default() += 1;
        }
        now.insert(id, is_done);
    }
    if now != before {
        checkpoint::keep(store, &name, &now).await?;
    }
    Ok(())
}

/// Treats one deleted participant, and returns what was done.
async fn treat(
    intake: &Intake,
    campaign: &str,
    id: &str,
    what: Deletions,
    is_sure: bool,
) -> Result<&'static str, SyncError> {
    let who = ParticipantKey::new(campaign, id);
    let person = intake.store.person(&ReadKey::Participant(who)).await?;
    let is_elsewhere = person.as_ref().is_some_and(|person| person.participants.len() > 1);
    Ok(match (what, person) {
        (Deletions::Report, _) => "their profile is kept (sync.deletions)",
        (Deletions::Forget, None) => "and the store doesn't know them any more",
        (Deletions::Forget, Some(_)) if is_elsewhere => {
            "they are in another campaign as well, so nothing is erased; `erase` erases them"
        }
        (Deletions::Forget, Some(_)) if !is_sure => {
            "they are erased from the store if the next full comparison finds the same"
        }
        (Deletions::Forget, Some(_)) if intake.dry_run => "they would be erased from the store",
        (Deletions::Forget, Some(person)) => {
            let Some(email) = address(&person) else {
                return Ok("no address of theirs is known to erase them by");
            };
            erase_person(&intake.store, &*intake.clock, &email, WAIT, None).await?;
            "they were erased from the store"
        }
    })
}

fn address(person: &Person) -> Option<Email> {
    let reported = || person.participants.iter().find_map(|it| it.facts.email());
    person.key.email().cloned().or_else(reported)
}

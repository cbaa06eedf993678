//! Deletions: participants that the store knows and GrowSurf doesn't any more.
//!
//! What belongs here: finding them after all of a campaign was read, and what is done. What doesn't:
//! erasing anybody (`forget`).

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::SyncError;
use super::bookmark;
use super::intake::Intake;
use super::source::Source;
use super::tally::Tally;
use crate::domain::ParticipantKey;
use crate::forget::forget;
use crate::growsurf::rest::RestError;

/// What becomes of somebody who was deleted at GrowSurf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deletions {
    /// It is said, once.
    Report,
    /// They are erased from the store.
    Forget,
}

/// How many one comparison asks about: each costs a request.
const ASKED: usize = 100;

/// How many known participants are read at a time.
const PAGE: usize = 1_000;

/// How long a call that is under way is waited for.
const WAIT: Duration = Duration::from_secs(90);

/// Participants that GrowSurf has: eight bytes each, so that a million fit into memory.
#[derive(Default)]
pub(super) struct Seen(BTreeSet<u64>);

impl Seen {
    pub(super) fn note(&mut self, id: &str) {
        self.0.insert(digest(id));
    }

    fn has(&self, id: &str) -> bool {
        self.0.contains(&digest(id))
    }
}

fn digest(id: &str) -> u64 {
    let digest = Sha256::digest(id);
    u64::from_be_bytes(digest[..8].try_into().expect("eight bytes"))
}

/// Finds who is gone, and deals with them.
pub(super) async fn look(
    intake: &Intake,
    source: &Source,
    seen: &Seen,
    what: Deletions,
    tally: &mut Tally,
) -> Result<(), SyncError> {
    let (store, campaign) = (&*intake.store, &source.campaign.id);
    let name = format!("deleted:{campaign}");
    let mut told: BTreeSet<String> = bookmark::find(store, &name).await?.unwrap_or_default();
    let (mut after, mut asked, before) = (None::<String>, 0, told.len());
    loop {
        let known = store.participants(campaign, after.as_deref(), PAGE).await?;
        let Some(last) = known.last() else { break };
        after = Some(last.clone());
        for id in known {
            if seen.has(&id) || told.contains(&id) || asked == ASKED {
                continue;
            }
            asked += 1;
            // They may have joined while the pages were read.
            match source.client.participant(campaign, &id).await {
                Ok(_) => continue,
                Err(RestError::Unknown { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            tally.calls.entry("deleted".to_owned()).and_modify(|it| *it += 1).or_insert(1);
            match what {
                Deletions::Report => {
                    tally.notice(&format!(
                        "participant {id} was deleted at GrowSurf; their profile is kept \
                         (sync.deletions)"
                    ));
                }
                Deletions::Forget if !intake.dry_run => {
                    let who =
                        ParticipantKey { campaign: campaign.clone(), participant: id.clone() };
                    if let Some(email) = store.address(&who).await? {
                        forget(store, &*intake.clock, &email, WAIT, None).await?;
                    }
                    tally.notice(&format!(
                        "participant {id} was deleted at GrowSurf and erased from the store"
                    ));
                }
                Deletions::Forget => {
                    tally.notice(&format!("participant {id} would be erased from the store"));
                }
            }
            told.insert(id);
        }
    }
    if told.len() > before && !intake.dry_run {
        bookmark::keep(store, &name, &told).await?;
    }
    Ok(())
}

//! The numbers of a campaign at a full comparison: GrowSurf's beside the store's, and each difference.
//!
//! What belongs here: counting both sides, and the words for what differs. What doesn't: the comparison that
//! accepts what is missing (`reconcile`).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::SyncError;
use super::checkpoint;
use super::deletions::SeenParticipants;
use super::intake::Intake;
use super::report::SyncReport;
use super::target::SyncTarget;
use crate::domain::{Completeness, Participant, ParticipantKey, ReadKey, Time};
use crate::store::{Store, StoreError};

/// Participants in a page.
const PAGE: usize = 200;

/// The most differences that are kept with their words.
const KEPT: usize = 100;

/// The numbers of a campaign on one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Numbers {
    /// Participants.
    pub participants: u64,
    /// Friends who signed up, of the participants whose rows have their counts.
    pub referrals: u64,
    /// Those of them who converted.
    pub conversions: u64,
}

/// A campaign's numbers at its last full comparison.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// The time at which the comparison began.
    pub at: Time,
    /// GrowSurf's numbers.
    pub growsurf: Numbers,
    /// The store's.
    pub relay: Numbers,
    /// The differences, the first of them.
    pub differences: Vec<Difference>,
    /// The number of the others.
    pub more: u64,
}

/// A difference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// The thing that is counted: `participants`, `referrals` or `conversions`.
    pub what: String,
    /// The participant, masked; `None` if it is about several.
    pub participant: Option<String>,
    /// GrowSurf's number.
    pub growsurf: u64,
    /// The store's.
    pub relay: u64,
    /// The likely reason.
    pub why: String,
}

/// A participant's counts by GrowSurf's row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Counted {
    pub(super) friends: u32,
    pub(super) converted: u32,
}

impl Compared {
    /// Returns the numbers of a campaign's last full comparison.
    ///
    /// # Errors
    /// The store's.
    pub async fn last(store: &Store, campaign: &str) -> Result<Option<Self>, StoreError> {
        checkpoint::find(store, &note(campaign)).await
    }

    fn differ(&mut self, difference: Difference) {
        if self.differences.len() < KEPT {
            self.differences.push(difference);
        } else {
            self.more += 1;
        }
    }

    /// Counts a participant on both sides.
    fn count(&mut self, who: &ParticipantKey, known: &Participant, counted: Counted) {
        let number = |number| u64::try_from(number).unwrap_or(0);
        let pairs = [
            ("referrals", u64::from(counted.friends), number(known.friends)),
            ("conversions", u64::from(counted.converted), number(known.conversions)),
        ];
        for (what, growsurf, relay) in pairs {
            let sums = [&mut self.growsurf, &mut self.relay];
            for (sum, more) in sums.into_iter().zip([growsurf, relay]) {
                *(if what == "referrals" { &mut sum.referrals } else { &mut sum.conversions }) +=
                    more;
            }
            if growsurf == relay {
                continue;
            }
            let why = match relay > growsurf {
                true => {
                    "GrowSurf counts fewer: a friend was deleted there, or a referral was taken back"
                }
                false if Completeness::is_complete(&known.completeness) => {
                    "a friend's row can't be mapped, or the friend was erased or deleted"
                }
                false => {
                    "the relay's counts of this participant are incomplete; a backfill completes them"
                }
            };
            self.differ(Difference {
                what: what.to_owned(),
                participant: Some(who.masked()),
                growsurf,
                relay,
                why: why.to_owned(),
            });
        }
    }
}

fn note(campaign: &str) -> String {
    format!("compared:{campaign}")
}

/// Counts both sides of a full comparison that began at a time, and keeps the numbers.
pub(super) async fn keep(
    intake: &Intake,
    target: &SyncTarget,
    (seen, report): (&SeenParticipants, &SyncReport),
    at: Time,
) -> Result<(), SyncError> {
    let (store, campaign) = (&*intake.store, &target.campaign.id);
    let (growsurf, relay) = (Numbers::default(), Numbers::default());
    let mut compared = Compared { at, growsurf, relay, differences: Vec::new(), more: 0 };
    let (mut both, mut after) = (0, None::<String>);
    loop {
        let ids = store.participants(campaign, after.as_deref(), PAGE).await?;
        let Some(last) = ids.last() else { break };
        after = Some(last.clone());
        let keys = ids.iter().map(|id| ReadKey::Participant(ParticipantKey::new(campaign, id)));
        let people = store.people(keys.collect()).await?;
        let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
        for id in &ids {
            compared.relay.participants += 1;
            if seen.has(id) {
                both += 1;
                continue;
            }
            compared.differ(Difference {
                what: "participants".to_owned(),
                participant: Some(ParticipantKey::new(campaign, id).masked()),
                growsurf: 0,
                relay: 1,
                why: "GrowSurf lists them no more; sync.deletions says what becomes of them"
                    .to_owned(),
            });
        }
        // An affiliate's counts are of other things.
        let theirs = people.iter().flat_map(|(_, person)| &person.participants);
        let theirs =
            theirs.filter(|it| it.campaign == *campaign && !target.campaign.is_affiliate());
        for known in theirs {
            let Some(id) = known.growsurf_id.as_deref().filter(|id| ids.contains(id)) else {
                continue;
            };
            if let Some(counted) = seen.counted(id) {
                compared.count(&ParticipantKey::new(campaign, id), known, counted);
            }
        }
    }
    compared.growsurf.participants = seen.len();
    if seen.len() > both {
        let reasons = match report.unmapped.as_slice() {
            [] => "their addresses are ignored or were erased".to_owned(),
            reasons => format!("their rows can't be mapped: {}", reasons.join("; ")),
        };
        compared.differ(Difference {
            what: "participants".to_owned(),
            participant: None,
            growsurf: seen.len() - both,
            relay: 0,
            why: reasons,
        });
    }
    Ok(checkpoint::keep(store, &note(campaign), &compared).await?)
}

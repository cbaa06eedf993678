//! The program and everything that has happened to it.
//!
//! All changes are kept in order. So the webhooks can be made when they are asked for, each with
//! the state of its time, by making the changes again.

use serde_json::Value;

use super::campaign::Campaign;
use super::change::Change;
use super::program::Program;
use super::story::story;

/// The program with its changes.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) program: Program,
    pub(super) campaigns: Vec<Campaign>,
    history: Vec<(usize, i64, Change)>,
}

impl World {
    /// Returns a program as it is made up.
    pub(super) fn new(program: Program) -> Self {
        let mut world = Self::empty(program);
        for slot in 0..world.campaigns.len() {
            for (at, change) in story(&world.program, slot) {
                world.apply(slot, at, change).expect("the made-up program makes sense");
            }
        }
        world
    }

    fn empty(program: Program) -> Self {
        let slots = 0..program.campaigns.len();
        let campaigns = slots.map(|slot| Campaign::new(&program, slot)).collect();
        Self { program, campaigns, history: Vec::new() }
    }

    /// Finds the place of a campaign by its id.
    pub(super) fn slot(&self, id: &str) -> Option<usize> {
        self.campaigns.iter().position(|campaign| campaign.named.id == id)
    }

    /// Finds the place of a campaign, of the first if there is no id.
    ///
    /// # Errors
    ///
    /// Says that there is none of this id.
    pub(super) fn slot_or_first(&self, id: Option<&str>) -> Result<usize, String> {
        id.map_or(Some(0), |id| self.slot(id)).ok_or_else(|| "there is no such campaign".to_owned())
    }

    /// Makes a change.
    ///
    /// # Errors
    ///
    /// Says why the change makes no sense.
    pub(super) fn apply(&mut self, slot: usize, at: i64, change: Change) -> Result<(), String> {
        change.apply(&mut self.campaigns[slot], at)?;
        self.history.push((slot, at, change));
        Ok(())
    }

    /// Awards the delayed credits that are due.
    pub(super) fn advance(&mut self, now: i64) {
        for slot in 0..self.campaigns.len() {
            let campaign = &self.campaigns[slot];
            let due = campaign.delayed.iter().filter(|(at, _)| *at <= now);
            let id = |friend: usize| campaign.participants[friend].id.clone();
            let due: Vec<_> = due.map(|(at, friend)| (*at, id(*friend))).collect();
            for (at, friend) in due {
                if let Err(why) = self.apply(slot, at, Change::Convert { friend, delay_in_days: 0 })
                {
                    tracing::debug!(
                        why,
                        "a delayed credit of the stand-in GrowSurf is not awarded"
                    );
                    self.campaigns[slot].delayed.retain(|(due, _)| *due > now);
                }
            }
        }
    }

    /// Returns the bodies of the webhooks from a time on, oldest first, of one campaign or all.
    pub(super) fn webhooks(&self, since: i64, of: Option<usize>) -> Vec<Value> {
        let mut again = Self::empty(self.program.clone());
        let mut bodies = Vec::new();
        for (slot, at, change) in &self.history {
            let campaign = &mut again.campaigns[*slot];
            let notices = change.apply(campaign, *at).expect("it made sense the first time");
            if *at >= since && of.is_none_or(|of| of == *slot) {
                bodies.extend(notices.into_iter().map(|it| (*at, it.body(campaign, *at))));
            }
        }
        bodies.sort_by_key(|(at, _)| *at);
        bodies.into_iter().map(|(_, body)| body).collect()
    }
}

//! The program and everything that has happened to it.
//!
//! All changes are kept in order. So the webhooks can be made when they are asked for, each with
//! the state of its time, by making the changes again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::campaign::Campaign;
use super::change::Change;
use super::story::story;

const HOUR_MS: i64 = 60 * 60 * 1_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
/// More participants would cost more memory than a stand-in is worth.
const MAX_MADE_UP: usize = 200_000;
pub(super) const MAX_CAMPAIGNS: usize = 8;
/// Unix milliseconds of the year 3000, beyond which a time is a mistake.
const MAX_TIME: i64 = 32_503_680_000_000;

/// The options of the made-up program, as the control interface sends and shows them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    pub(super) campaigns: Vec<Named>,
    /// The number of participants in each campaign.
    pub(super) participants: usize,
    pub(super) started_at: i64,
    pub(super) ended_at: i64,
    pub(super) rewards_in_rows: bool,
}

/// A campaign's id, name and type.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) id: String,
    #[serde(default = "default_name")]
    pub(super) name: String,
    #[serde(default, rename = "type")]
    pub(super) kind: Kind,
}

/// The two types of program.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Kind {
    /// Friends convert, and both sides earn rewards.
    #[default]
    Referral,
    /// Customers buy, and affiliates earn commissions.
    Affiliate,
}

impl Program {
    /// Returns the program of 300 participants in a year, with what is sent instead.
    pub(super) fn with(sent: Map<String, Value>, now: i64) -> Result<Self, String> {
        let mut options = json!({
            "campaigns": [{"id": "demo01"}], "participants": 300, "rewards_in_rows": true,
            "started_at": now - 365 * DAY_MS, "ended_at": now - HOUR_MS,
        });
        for (key, value) in sent {
            options[key] = value;
        }
        let program: Self = serde_json::from_value(options).map_err(|error| error.to_string())?;
        let ids: BTreeSet<_> = program.campaigns.iter().map(|campaign| &campaign.id).collect();
        if ids.len() != program.campaigns.len() || !(1..=MAX_CAMPAIGNS).contains(&ids.len()) {
            return Err(format!("campaigns: 1 to {MAX_CAMPAIGNS}, each with an id of its own"));
        }
        if program.participants > MAX_MADE_UP {
            return Err(format!("participants: there can be {MAX_MADE_UP} at most"));
        }
        let is_span = (0..=program.ended_at).contains(&program.started_at);
        if !is_span || program.ended_at > MAX_TIME {
            return Err("started_at, ended_at: not a span of time in Unix milliseconds".into());
        }
        Ok(program)
    }
}

fn default_name() -> String {
    "Spring Referral Program".to_owned()
}

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
                let change = serde_json::from_value(change).expect("the story is made of changes");
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

    /// Finds the place of a campaign, of the first if there is no id.
    pub(super) fn slot(&self, id: Option<&str>) -> Result<usize, String> {
        let is_it = |campaign: &Campaign| id.is_none_or(|id| campaign.named.id == id);
        let slot = self.campaigns.iter().position(is_it);
        slot.ok_or_else(|| "campaign: there is none of this id".to_owned())
    }

    /// Makes a change.
    pub(super) fn apply(&mut self, slot: usize, at: i64, change: Change) -> Result<(), String> {
        change.apply(&mut self.campaigns[slot], at)?;
        self.history.push((slot, at, change));
        Ok(())
    }

    /// Awards the delayed credits that are due.
    pub(super) fn advance(&mut self, now: i64) {
        for slot in 0..self.campaigns.len() {
            let participants = self.campaigns[slot].participants.iter();
            let due = participants.filter_map(|it| Some((it.due.filter(|at| *at <= now)?, &it.id)));
            let due: Vec<_> = due.map(|(at, id)| (at, id.clone())).collect();
            for (at, friend) in due {
                let award = Change::Convert { friend, delay_in_days: 0 };
                self.apply(slot, at, award).expect("only a pending credit is due");
            }
        }
    }

    /// Returns the bodies of the webhooks from a time on, oldest first, of one campaign or all.
    pub(super) fn webhooks(&self, since: i64, of: Option<usize>) -> Vec<Value> {
        let mut again = Self::empty(self.program.clone());
        for (slot, campaign) in again.campaigns.iter_mut().enumerate() {
            campaign.since = of.is_none_or(|of| of == slot).then_some(since);
        }
        for (slot, at, change) in &self.history {
            let done = change.apply(&mut again.campaigns[*slot], *at);
            done.expect("it made sense the first time");
        }
        let mut told: Vec<_> = again.campaigns.into_iter().flat_map(|it| it.told).collect();
        told.sort_by_key(|(at, _)| *at);
        told.into_iter().map(|(_, body)| body).collect()
    }
}

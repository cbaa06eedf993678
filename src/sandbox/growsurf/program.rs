//! The options of the made-up program, as the control interface sends and shows them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

const HOUR_MS: i64 = 60 * 60 * 1_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
/// More participants would cost more memory than a stand-in is worth.
const MAX_MADE_UP: usize = 200_000;
const MAX_CAMPAIGNS: usize = 8;
/// Unix milliseconds of the year 3000, beyond which a time is a mistake.
const MAX_TIME: i64 = 32_503_680_000_000;

/// The options of the program.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    pub(super) campaigns: Vec<Named>,
    /// The number of participants in each campaign.
    pub(super) participants: usize,
    pub(super) seed: u64,
    pub(super) started_at: i64,
    pub(super) ended_at: i64,
    pub(super) rewards_in_rows: bool,
}

/// A campaign's name and type.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
    /// Returns the program at the start: 300 participants who joined within a year.
    pub(super) fn standard(now: i64) -> Self {
        let demo = Named { id: "demo01".to_owned(), name: default_name(), kind: Kind::Referral };
        Self {
            campaigns: vec![demo],
            participants: 300,
            seed: 1,
            started_at: now - 365 * DAY_MS,
            ended_at: now - HOUR_MS,
            rewards_in_rows: true,
        }
    }

    /// Returns the standard program with what is sent instead.
    ///
    /// # Errors
    ///
    /// Names the option that is unknown or makes no sense.
    pub(super) fn with(sent: Map<String, Value>, now: i64) -> Result<Self, String> {
        let mut options = json!(Self::standard(now));
        for (key, value) in sent {
            options[key] = value;
        }
        let program: Self = serde_json::from_value(options).map_err(|error| error.to_string())?;
        program.check()?;
        Ok(program)
    }

    fn check(&self) -> Result<(), String> {
        let ids: BTreeSet<_> = self.campaigns.iter().map(|campaign| &campaign.id).collect();
        if ids.len() < self.campaigns.len() || ids.iter().any(|id| id.is_empty()) {
            return Err("campaigns: each needs an id of its own".to_owned());
        }
        if ids.is_empty() || ids.len() > MAX_CAMPAIGNS {
            return Err(format!("campaigns: there must be 1 to {MAX_CAMPAIGNS}"));
        }
        if self.participants > MAX_MADE_UP {
            return Err(format!("participants: there can be {MAX_MADE_UP} at most"));
        }
        if self.started_at < 0 || self.ended_at > MAX_TIME || self.started_at > self.ended_at {
            return Err("started_at, ended_at: not a span of time in Unix milliseconds".to_owned());
        }
        Ok(())
    }
}

fn default_name() -> String {
    "Spring Referral Program".to_owned()
}

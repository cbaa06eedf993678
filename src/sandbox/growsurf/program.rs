//! The options of the made-up program.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::campaign::Campaign;
use super::story::story;

const HOUR_MS: i64 = 60 * 60 * 1_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
/// More participants would cost more memory than a stand-in is worth.
const MAX_PARTICIPANTS: usize = 50_000;

/// The options, as the control interface sends them.
#[derive(Debug, Deserialize)]
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
#[derive(Clone, Debug, Deserialize)]
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
    /// Returns the program of 300 participants in a year, with the options that are sent.
    pub(super) fn with(sent: Map<String, Value>, now: i64) -> Result<Self, String> {
        let mut options = json!({
            "campaigns": [{"id": "demo01"}], "participants": 300, "rewards_in_rows": true,
            "started_at": now - 365 * DAY_MS, "ended_at": now - HOUR_MS,
        });
        for (key, value) in sent {
            options[key] = value;
        }
        let program: Self = serde_json::from_value(options).map_err(|error| error.to_string())?;
        if program.campaigns.is_empty() || program.participants > MAX_PARTICIPANTS {
            return Err(format!("needs a campaign and at most {MAX_PARTICIPANTS} participants"));
        }
        if !(0..=program.ended_at).contains(&program.started_at) || program.ended_at > now {
            return Err("started_at, ended_at: not a span of time until now".into());
        }
        Ok(program)
    }

    /// Returns the campaigns with everything that is made up.
    pub(super) fn campaigns(&self) -> Vec<Campaign> {
        let made_up = |(slot, named): (usize, &Named)| {
            let mut campaign = Campaign::new(named.clone(), slot, self.rewards_in_rows);
            for (at, change) in story(self, slot) {
                let change = serde_json::from_value(change).expect("the story is made of changes");
                campaign.apply(change, at).expect("the made-up program makes sense");
            }
            campaign
        };
        self.campaigns.iter().enumerate().map(made_up).collect()
    }
}

fn default_name() -> String {
    "Spring Referral Program".to_owned()
}

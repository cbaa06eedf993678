//! Changes of a campaign, as the control interface and the made-up program have them.
//!
//! A change that makes no sense changes nothing.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::campaign::Campaign;

/// A change; a participant is named by id or address.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum Change {
    Join(Map<String, Value>),
    Update { participant: String, fields: Map<String, Value> },
    Delete { participant: String },
    Share { participant: String, channel: String, times: Option<u64> },
    Invite { participant: String },
    Convert { friend: String, delay_in_days: Option<i64> },
    Expire { friend: String },
    Reward { participant: String },
    Approve { participant: String },
    Configure { list: String, id: String, fields: Map<String, Value> },
}

impl Campaign {
    /// Makes a change at a time.
    pub(super) fn apply(&mut self, change: Change, at: i64) -> Result<(), String> {
        match change {
            Change::Join(join) => drop(self.join(join, at)?),
            Change::Update { participant, fields } => {
                self.update(self.find(&participant)?, &fields)?;
            }
            Change::Delete { participant } => self.delete(self.find(&participant)?),
            Change::Share { participant, channel, times } => {
                let index = self.find(&participant)?;
                *self.participants[index].shares.entry(channel).or_default() += times.unwrap_or(1);
            }
            Change::Invite { participant } => self.invite(self.find(&participant)?, at),
            Change::Convert { friend, delay_in_days } => {
                self.convert(self.find(&friend)?, delay_in_days.unwrap_or_default(), at)?;
            }
            Change::Expire { friend } => self.expire(self.find(&friend)?, at)?,
            Change::Reward { participant } => self.grant(self.find(&participant)?, at),
            Change::Approve { participant } => {
                let index = self.find(&participant)?;
                self.approve(index, at);
                self.pay(index, at);
            }
            Change::Configure { list, id, fields } => {
                drop(self.configure(&list, &id, &fields)?);
            }
        }
        Ok(())
    }
}

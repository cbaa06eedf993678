//! Rewards: what rows of participants leave out of them.
//!
//! What belongs here: asking for a participant's rewards where their row has none, and for configured
//! rewards that the campaign doesn't show because they are switched off; and who was left out of that.
//! What doesn't: what rewards mean, which is the rows' own matter.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::report::SyncReport;
use super::source::Source;
use crate::growsurf::rest::RestError;
use crate::sources::growsurf_api::{Campaign, configured_id, id_of};
use crate::telemetry::ErrorChain;

/// The most participants whose rewards one run asks for without a sign that there are any: as many as
/// GrowSurf allows requests in an hour.
const WITHOUT_SIGN: usize = 20_000;

/// The most participants that are remembered as left out.
const REMEMBERED: usize = 1_000;

/// Participants whose rewards weren't read: nothing can say that those were all counted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Unread {
    participants: BTreeSet<String>,
    /// True if there are more than are remembered, so that it may be anybody.
    may_be_anybody: bool,
}

impl Unread {
    fn note(&mut self, id: &str) {
        if self.participants.len() < REMEMBERED {
            self.participants.insert(id.to_owned());
        } else {
            self.may_be_anybody |= !self.participants.contains(id);
        }
    }

    /// True if the participant's rewards may not have been read.
    pub(super) fn may_have(&self, id: &str) -> bool {
        self.may_be_anybody || self.participants.contains(id)
    }
}

/// The rewards of one campaign, asked for where they are needed.
pub(super) struct Rewards<'a> {
    source: &'a Source,
    /// The campaign, with all configured rewards that were asked for.
    campaign: Campaign,
    /// True if they were asked for.
    has_asked: bool,
    /// The most participants who are still asked about without a sign.
    without_sign: usize,
}

impl<'a> Rewards<'a> {
    /// The rewards that the campaign itself shows.
    pub(super) fn of(source: &'a Source) -> Self {
        let campaign = source.campaign.clone();
        Self { source, campaign, has_asked: false, without_sign: WITHOUT_SIGN }
    }

    /// The campaign, with the configured rewards that the rows so far name.
    pub(super) fn campaign(&self) -> &Campaign {
        &self.campaign
    }

    /// Asks for what the row of a participant needs: their rewards, where it doesn't have them and
    /// they may have some; and the configured rewards, once, where it names one that isn't known. What
    /// GrowSurf doesn't give is left out, with a notice.
    ///
    /// # Errors
    /// GrowSurf's, if they are about more than this row; the same again asks again.
    pub(super) async fn complete(
        &mut self,
        row: &mut Value,
        unread: &mut Unread,
        tally: &mut SyncReport,
    ) -> Result<(), RestError> {
        self.complete_row(row, unread, tally).await?;
        let rewards = row.get("rewards").and_then(Value::as_array).into_iter().flatten();
        let is_unknown = |id: &str| !self.campaign.rewards.contains_key(id);
        if self.has_asked || !rewards.filter_map(configured_id).any(is_unknown) {
            return Ok(());
        }
        match self.source.client.reward_configs(&self.campaign.id).await {
            Ok(all) => self.campaign.rewards.extend(all),
            Err(error) if error.is_local() => tally.notice(&format!(
                "the configured rewards weren't read, so what was earned of those that are switched off \
                 lacks description, coupon and value: {}",
                ErrorChain(&error)
            )),
            Err(error) => return Err(error),
        }
        self.has_asked = true;
        Ok(())
    }

    async fn complete_row(
        &mut self,
        row: &mut Value,
        unread: &mut Unread,
        tally: &mut SyncReport,
    ) -> Result<(), RestError> {
        let (Some(id), Some(fields)) = (id_of(row), row.as_object_mut()) else { return Ok(()) };
        match sign(fields, self.campaign.is_affiliate()) {
            Sign::Told | Sign::None => return Ok(()),
            Sign::Some => {}
            Sign::Unknown if self.without_sign > 0 => self.without_sign -= 1,
            Sign::Unknown => {
                unread.note(&id);
                tally.unread_rewards += 1;
                tally.notice(
                    "GrowSurf's rows don't say who has rewards (isWinner), and its limits don't allow to \
                     ask about everybody; the rewards of the others arrive by webhook only",
                );
                return Ok(());
            }
        }
        match self.source.client.rewards(&self.campaign.id, &id).await {
            Ok(rewards) => {
                fields.insert("rewards".to_owned(), rewards.into());
                Ok(())
            }
            Err(error) if error.is_local() => {
                unread.note(&id);
                tally.unread_rewards += 1;
                let error = ErrorChain(&error);
                tally.notice(&format!("participant {id}: the rewards weren't read: {error}"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// What the row of a participant says of their rewards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sign {
    /// It has them.
    Told,
    /// There may be some.
    Some,
    /// There are none.
    None,
    /// Nothing.
    Unknown,
}

/// Returns what a row says of rewards. GrowSurf sets `isWinner` for who has earned at least one
/// (<https://glama.ai/mcp/connectors/com.growsurf/growsurf/tools/growsurf_get_participant>); who was
/// referred or refers may earn one at any time.
fn sign(fields: &Map<String, Value>, is_affiliate: bool) -> Sign {
    let field = |name| fields.get(name).filter(|value| !value.is_null());
    let is_winner = field("isWinner").and_then(Value::as_bool);
    if let Some(rewards) = field("rewards").and_then(Value::as_array) {
        // An affiliate wins by commissions.
        let is_odd = rewards.is_empty() && is_winner == Some(true) && !is_affiliate;
        return if is_odd { Sign::Some } else { Sign::Told };
    }
    let counts = |name| field(name).is_some_and(|count| count.as_i64() != Some(0));
    let source = field("referralSource").and_then(Value::as_str).unwrap_or_default();
    let is_referred =
        field("referredBy").is_some() || matches!(source, "PARTICIPANT" | "DELETED_PARTICIPANT");
    let refers = counts("referralCount") || counts("leadCount");
    match is_winner {
        Some(true) => Sign::Some,
        _ if is_referred || refers => Sign::Some,
        Some(false) => Sign::None,
        None => Sign::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_who_says_so_has_no_rewards() {
        let none = json!({ "isWinner": false, "referralCount": 0, "leadCount": 0,
            "referralSource": "DIRECT", "referredBy": null, "rewards": null });
        let with = |name: &str, value: Value| {
            let mut row = none.clone();
            row[name] = value;
            sign(row.as_object().unwrap(), false)
        };
        assert_eq!(with("id", json!("p1")), Sign::None);
        for (name, value) in [
            ("isWinner", json!(true)),
            ("referralCount", json!(2)),
            ("referralCount", json!("2")),
            ("leadCount", json!(1)),
            ("referredBy", json!("p2")),
            ("referralSource", json!("DELETED_PARTICIPANT")),
            ("referralSource", json!("PARTICIPANT")),
        ] {
            assert_eq!(with(name, value.clone()), Sign::Some, "{name} {value}");
        }
        assert_eq!(with("isWinner", Value::Null), Sign::Unknown);
        assert_eq!(with("rewards", json!([])), Sign::Told);
        assert_eq!(with("rewards", json!({})), Sign::None);
        let odd = json!({ "isWinner": true, "rewards": [] });
        let odd = odd.as_object().unwrap();
        assert_eq!((sign(odd, false), sign(odd, true)), (Sign::Some, Sign::Told));
    }

    #[test]
    fn beyond_those_that_are_remembered_anybody_may_be_unread() {
        let mut unread = Unread::default();
        for number in 0..REMEMBERED {
            unread.note(&number.to_string());
        }
        unread.note("0");
        assert!(unread.may_have("0") && !unread.may_have("other"));
        unread.note("one more");
        assert!(unread.may_have("other"));
    }
}

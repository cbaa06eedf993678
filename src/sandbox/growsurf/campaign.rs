//! A campaign: everything that it holds, and the answers to simple questions about it.
//!
//! Participants are known by their index. A deleted one keeps its index and is no longer shown.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::{Value, json};

use super::participant::{Credit, Participant};
use super::world::{DAY_MS, Kind, Named, Program};
use super::{participant, reward, webhook};

const MONTH_MS: i64 = 30 * DAY_MS;
/// `CAMPAIGN_ENDED` names at most this many winners.
const MAX_WINNERS: usize = 1_000;
/// A reward, a commission or a payout.
#[derive(Clone, Debug)]
pub(super) struct Earned {
    /// The row of the REST API.
    pub(super) row: Value,
    pub(super) earner: usize,
    /// The other side of the referral.
    pub(super) other: Option<usize>,
    pub(super) at: i64,
}

/// A campaign.
#[derive(Clone, Debug, Default)]
pub(super) struct Campaign {
    pub(super) named: Named,
    pub(super) rewards_in_rows: bool,
    pub(super) started_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) participants: Vec<Participant>,
    /// The rows of invitations that no friend has followed.
    pub(super) invitations: Vec<Value>,
    /// The configured rewards.
    pub(super) rewards: Vec<Value>,
    pub(super) earned: Vec<Earned>,
    pub(super) commissions: Vec<Earned>,
    pub(super) payouts: Vec<Earned>,
    pub(super) webhooks: Vec<Value>,
    pub(super) integrations: Vec<Value>,
    /// The bodies of webhooks from this time on are kept, if there is one.
    pub(super) since: Option<i64>,
    pub(super) told: Vec<(i64, Value)>,
    /// The participants by id, and by address in lower case.
    pub(super) index: HashMap<String, usize>,
    random: Rng,
}

impl Campaign {
    /// Returns the campaign at `slot` of a program, without participants.
    pub(super) fn new(program: &Program, slot: usize) -> Self {
        let named = program.campaigns[slot].clone();
        Self {
            rewards: reward::configured(named.kind),
            named,
            rewards_in_rows: program.rewards_in_rows,
            started_at: program.started_at,
            webhooks: vec![webhook::primary()],
            integrations: webhook::integrations(),
            random: Rng::with_seed(slot as u64),
            ..Self::default()
        }
    }

    /// True for an affiliate program.
    pub(super) fn is_affiliate(&self) -> bool {
        self.named.kind == Kind::Affiliate
    }

    /// Returns a new id of six characters, always the same in the same order.
    pub(super) fn new_id(&mut self) -> String {
        loop {
            let id: String = (0..6).map(|_| self.random.digit(36)).collect();
            if !self.index.contains_key(&id) {
                return id;
            }
        }
    }

    /// Finds a participant by id or address.
    pub(super) fn find(&self, id_or_email: &str) -> Result<usize, String> {
        let found = self.index.get(&id_or_email.to_lowercase());
        found.copied().ok_or_else(|| format!("There is no participant {id_or_email}."))
    }

    /// Returns the participants who are not deleted.
    pub(super) fn shown(&self) -> impl Iterator<Item = usize> {
        (0..self.participants.len()).filter(|index| !self.participants[*index].is_deleted)
    }

    /// Returns the friends of a participant whose credit is as given, oldest first.
    pub(super) fn friends(&self, index: usize, credit: Credit) -> impl Iterator<Item = usize> {
        let friends = self.participants[index].friends.iter().copied();
        friends.filter(move |friend| self.participants[*friend].credit == credit)
    }

    /// Returns the number of months since the award of a friend's credit.
    pub(super) fn months_ago(&self, friend: usize, at: i64) -> i64 {
        at.saturating_sub(self.participants[friend].awarded_at.unwrap_or(i64::MIN)) / MONTH_MS
    }

    /// Counts a participant's awarded friends: all, those of this month, those of the month before.
    pub(super) fn counts(&self, index: usize, at: i64) -> [usize; 3] {
        let mut counts = [0; 3];
        for friend in self.friends(index, Credit::Awarded) {
            counts[0] += 1;
            match self.months_ago(friend, at) {
                0 => counts[1] += 1,
                1 => counts[2] += 1,
                _ => {}
            }
        }
        counts
    }

    /// Notes the webhook that GrowSurf would send, if they are kept.
    pub(super) fn tell(&mut self, at: i64, event: &str, data: impl FnOnce(&Self) -> Value) {
        if self.since.is_some_and(|since| at >= since) {
            let body = self.body(at, event, data(self));
            self.told.push((at, body));
        }
    }

    /// Returns the body of a webhook.
    pub(super) fn body(&self, at: i64, event: &str, mut data: Value) -> Value {
        if event != "CAMPAIGN_ENDED" {
            data["campaign"] = json!({
                "id": self.named.id, "name": self.named.name, "type": self.named.kind,
                "currencyISO": "USD", "rewards": reward::of_campaign_in_webhook(self),
            });
        }
        json!({"event": event, "createdAt": at, "data": data})
    }

    /// Returns the campaign as `CAMPAIGN_ENDED` shows it.
    pub(super) fn ended(&self, at: i64) -> Value {
        let winners = self.winners().take(MAX_WINNERS);
        let winners: Vec<_> = winners.map(|it| participant::in_webhook(self, it, at)).collect();
        let further = json!({
            "startedAt": self.started_at, "endedAt": at, "winners": winners,
            "rewards": reward::of_campaign_in_webhook(self),
        });
        with(without(self.summary(), "inviteCount currencyISO"), further)
    }

    /// Returns the campaign as the REST API shows it.
    pub(super) fn summary(&self) -> Value {
        let awarded = self.shown().map(|index| self.friends(index, Credit::Awarded).count());
        let shares = self.shown().flat_map(|index| self.participants[index].shares.values());
        json!({
            "id": self.named.id, "name": self.named.name, "type": self.named.kind,
            "status": if self.ended_at.is_some() { "COMPLETE" } else { "IN_PROGRESS" },
            "currencyISO": "USD", "rewards": reward::visible(self).collect::<Vec<_>>(),
            "participantCount": self.shown().count(), "referralCount": awarded.sum::<usize>(),
            "winnerCount": self.winners().count(), "inviteCount": self.invitations.len(),
            "impressionCount": 3 * shares.sum::<u64>(),
        })
    }

    fn winners(&self) -> impl Iterator<Item = usize> {
        self.shown().filter(|index| self.participants[*index].fields["isWinner"] == true)
    }
}

/// Returns an object with the fields of another one.
pub(super) fn with(mut object: Value, further: Value) -> Value {
    if let (Value::Object(fields), Value::Object(further)) = (&mut object, further) {
        fields.extend(further);
    }
    object
}

/// Returns an object without some of its fields.
pub(super) fn without(mut object: Value, names: &str) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.retain(|name, _| !names.split(' ').any(|left_out| left_out == name));
    }
    object
}

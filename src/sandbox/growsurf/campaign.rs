//! A campaign: everything that it holds, and the answers to simple questions about it.
//!
//! Participants are known by their index. A deleted one keeps its index and is no longer shown.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::participant::{Participant, ReferralStatus};
use super::program::{Kind, Named};
use super::reward;
use crate::sandbox::ring::{Entry, Ring};

/// The body of a webhook that GrowSurf would have sent, with its time.
impl Entry for (i64, String) {
    const MOST: usize = 100_000;
    const MOST_BYTES: usize = 128 << 20;

    fn bytes(&self) -> usize {
        self.1.len()
    }
}

#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) named: Named,
    pub(super) rewards_in_rows: bool,
    pub(super) participants: Vec<Participant>,
    /// The participants by id, and by address in lower case.
    pub(super) index: HashMap<String, usize>,
    /// The rows of invitations that no friend has followed.
    pub(super) invitations: Vec<Value>,
    /// The rows of what affiliates earned, oldest first.
    pub(super) commissions: Vec<Value>,
    pub(super) payouts: Vec<Value>,
    /// The lists `rewards`, `webhooks` and `integrations` as they are configured, and the first
    /// fields of each kind of row.
    pub(super) setup: Value,
    /// The bodies of the webhooks that GrowSurf would have sent, with their times.
    pub(super) webhooks: Ring<(i64, String)>,
    random: Rng,
}

impl Campaign {
    /// Returns a campaign without participants, whose ids depend on the seed.
    pub(super) fn new(named: Named, seed: usize, rewards_in_rows: bool) -> Self {
        let mut setup: Value =
            serde_json::from_str(include_str!("setup.json")).expect("the setup is JSON");
        setup["rewards"] = setup[json!(named.kind).as_str().unwrap_or_default()].take();
        Self {
            named,
            rewards_in_rows,
            participants: Vec::new(),
            index: HashMap::new(),
            invitations: Vec::new(),
            commissions: Vec::new(),
            payouts: Vec::new(),
            setup,
            webhooks: Ring::default(),
            random: Rng::with_seed(seed as u64),
        }
    }

    /// Returns true for an affiliate program.
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

    /// Returns a row with these fields, and the others as they begin.
    pub(super) fn like(&self, kind: &str, fields: Value) -> Value {
        with(self.setup[kind].clone(), fields)
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

    /// Returns a participant's friends whose credit is as given.
    pub(super) fn friends(
        &self,
        index: usize,
        credit: ReferralStatus,
    ) -> impl Iterator<Item = &Participant> {
        let friends = self.participants[index].friends.iter();
        friends.map(|it| &self.participants[*it]).filter(move |friend| friend.credit == credit)
    }

    /// Returns the number of a participant's friends who were awarded from one time to another.
    pub(super) fn awarded(&self, index: usize, from: i64, to: i64) -> usize {
        let awarded = self.friends(index, ReferralStatus::Awarded);
        awarded.filter(|friend| (from..to).contains(&friend.updated_at)).count()
    }

    /// Keeps the body of the webhook that GrowSurf would send.
    pub(super) fn keep_webhook(&mut self, at: i64, event: &str, mut data: Value) {
        data["campaign"] = json!({
            "id": self.named.id, "name": self.named.name, "type": self.named.kind,
            "currencyISO": "USD", "rewards": reward::of_campaign_in_webhook(self),
        });
        let body = json!({"event": event, "createdAt": at, "data": data}).to_string();
        self.webhooks.keep((at, body));
    }

    /// Returns the campaign as the REST API shows it.
    pub(super) fn summary(&self) -> Value {
        let shown = || self.shown().map(|index| &self.participants[index]);
        let awarded =
            shown().filter(|it| it.referrer.is_some() && it.credit == ReferralStatus::Awarded);
        json!({
            "id": self.named.id, "name": self.named.name, "type": self.named.kind,
            "status": "IN_PROGRESS", "currencyISO": "USD",
            "rewards": reward::visible(self).collect::<Vec<_>>(),
            "participantCount": shown().count(), "referralCount": awarded.count(),
            "winnerCount": shown().filter(|it| it.fields["isWinner"] == true).count(),
            "inviteCount": self.invitations.len(), "impressionCount": 0,
        })
    }

    /// Changes fields of a configured reward, a webhook or an integration, and returns it.
    pub(super) fn configure(
        &mut self,
        list: &str,
        id: &str,
        fields: &Map<String, Value>,
    ) -> Result<Value, String> {
        let list = self.setup.get_mut(list).and_then(Value::as_array_mut);
        let found = list.and_then(|all| all.iter_mut().find(|it| it["id"] == id));
        let found = found.ok_or("there is none of this id")?;
        if let Some(key) = fields.keys().find(|key| found.get(key).is_none()) {
            return Err(format!("there is no field {key}"));
        }
        for (key, value) in fields {
            found[key] = value.clone();
        }
        Ok(found.clone())
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

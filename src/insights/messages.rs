//! Messages: what became of the messages that recent effects led to, by kind of effect and week.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{CampaignSums, Document, Kind, MessageSums};
use super::report::{Cell, Row, Section, Table};
use crate::domain::{EffectKey, EventId, Labelled, Message, Participant, Time, Week};
use crate::mapping::{converted, friend_signed_up, joined};

/// The weeks of effects whose messages are looked for: reports are kept for about as long.
pub const WEEKS: i32 = 8;

/// A function from a campaign and a participant to the key of an effect.
type KeyOf = fn(&str, &str) -> EffectKey;

/// An effect whose messages are looked for.
pub struct Candidate {
    campaign: String,
    week: Week,
    kind: Kind,
}

/// The effects of one page of people whose messages are looked for.
#[derive(Default)]
pub struct Asking(BTreeMap<EventId, Candidate>);

impl Asking {
    /// Adds the recent effects of a participant; `week_of` returns the week of a time, if it is recent.
    pub fn add(
        &mut self,
        it: &Participant,
        joined_at: Option<Time>,
        week_of: impl Fn(Time) -> Option<Week>,
        sums: &mut CampaignSums,
    ) {
        let (campaign, key) = (it.campaign.as_str(), it.key.as_str());
        let effects: [(Kind, Option<Time>, KeyOf); 3] = [
            (Kind::Joined, joined_at, joined),
            (Kind::FriendSignedUp, it.signed_up, friend_signed_up),
            (Kind::Converted, it.activity.converted, converted),
        ];
        for (kind, at, effect) in effects {
            let Some(week) = at.and_then(&week_of) else { continue };
            let messages = sums.messages.entry(week).or_default();
            messages.entry(kind).or_default().effects += 1;
            let asked = Candidate { campaign: campaign.to_owned(), week, kind };
            self.0.insert(effect(campaign, key).event_id(), asked);
        }
    }

    /// Returns the effects.
    pub fn events(&self) -> Vec<EventId> {
        self.0.keys().copied().collect()
    }

    /// Counts the messages that these effects led to.
    pub fn count(self, messages: &[Message], document: &mut Document) {
        let mut metrics: BTreeMap<EventId, BTreeSet<&str>> = BTreeMap::new();
        for message in messages {
            metrics.entry(message.event).or_default().insert(&message.metric);
        }
        for (event, metrics) in metrics {
            let Some(Candidate { campaign, week, kind }) = self.0.get(&event) else { continue };
            let Some(sums) = document.campaigns.get_mut(campaign) else { continue };
            let sums = sums.messages.entry(*week).or_default().entry(*kind).or_default();
            let has = |names: &[&str]| names.iter().any(|name| metrics.contains(name));
            let is_clicked = has(&["clicked", "human_clicked"]);
            let is_opened = is_clicked || has(&["opened", "human_opened"]);
            let is_sent = is_opened || has(&["sent", "delivered", "converted"]);
            sums.sent += u64::from(is_sent);
            sums.opened += u64::from(is_opened);
            sums.clicked += u64::from(is_clicked);
        }
    }
}

/// Returns the section about messages.
pub fn messages(sums: &CampaignSums, document: &Document) -> Section {
    let rows = sums.messages.iter().flat_map(|(week, kinds)| {
        kinds.iter().map(move |(kind, it): (&Kind, &MessageSums)| {
            let counts = [it.effects, it.sent, it.opened, it.clicked].map(Cell::count);
            let name = format!("{week} {}", kind.label());
            Row::new([Cell::Text(name)].into_iter().chain(counts).collect())
        })
    });
    let mut sentences = Vec::new();
    if !document.has_reports {
        sentences.push(
            "Customer.io's reports aren't accepted, so no message is known: set \
             customerio.reporting_keys."
                .to_owned(),
        );
    }
    Section {
        id: "messages",
        title: "Messages",
        definition: "Events of the last eight weeks by week and kind, and how many of them led to a message that \
            was sent, opened and clicked. Who clicked has opened. Reports are kept for store.keep_payloads (30 \
            days), so older weeks lack messages.",
        sentences,
        tables: vec![Table {
            id: "messages",
            caption: "Events and their messages",
            columns: vec!["event", "events", "sent", "opened", "clicked"],
            rows: rows.collect(),
            drawn: &[],
        }],
    }
}

//! Events of the referral program, from any source.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Amount, Attributes, Email, Facts, Feedback, FeedbackKind, Money, Reward, Scalar, SendFilter,
    Time, Visit,
};

/// A GrowSurf campaign, as a source names it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Campaign {
    /// GrowSurf's id; the guide's shape may omit it.
    pub id: Option<String>,
    /// The name that the owner gave it.
    pub name: Option<String>,
}

impl Campaign {
    /// The id of a campaign that neither the source nor the settings name.
    pub const UNNAMED: &str = "-";
}

/// A participant, as one source reported them at one time. Every part but `field` may be missing.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// The participant's place in the source, such as `data.referrer`; named in reasons.
    pub field: &'static str,
    /// GrowSurf's participant id; the guide's shape has none.
    pub id: Option<String>,
    /// The normalized address, or the reason for its absence, naming the field.
    pub email: Result<Email, String>,
    /// Reported facts, by the names in [`Facts`]. No empty texts.
    pub facts: Attributes,
    /// Participant metadata, by its key.
    pub metadata: Attributes,
    /// All shares of the participant, over all channels.
    pub share_total: Option<i64>,
    /// The reported time of joining. It distinguishes a new participant from an erased one.
    pub joined_at: Option<Time>,
    /// True if the source is about this participant. What it says of others may be outdated, and gives way to
    /// anything known.
    pub is_subject: bool,
    /// Reasons for parts that are left out, each naming the field.
    pub unmapped: Vec<String>,
}

impl Snapshot {
    /// Returns a snapshot with an id only, such as a bare `referredBy`.
    pub fn with_id(field: &'static str, id: String) -> Self {
        Self {
            field,
            id: Some(id),
            email: Err(format!("{field}.email is missing")),
            facts: BTreeMap::new(),
            metadata: BTreeMap::new(),
            share_total: None,
            joined_at: None,
            is_subject: true,
            unmapped: Vec::new(),
        }
    }

    /// True if the source says anything about the participant, even if it can't be kept.
    pub fn says_anything(&self) -> bool {
        let nothing = Self::with_id(self.field, String::new());
        self.id.is_some() || !self.facts.is_empty() || self.email != nothing.email
    }

    /// Returns the text of a fact.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.facts.get(name).and_then(Scalar::as_text)
    }

    /// Returns the id and the address of the referrer.
    pub fn referrer(&self) -> (Option<&str>, Option<Email>) {
        let email = self.text(Facts::REFERRER_EMAIL).and_then(|it| Email::parse(it).ok());
        (self.text(Facts::REFERRER_ID), email)
    }

    /// Returns a snapshot of a participant who is left out for this reason.
    pub fn excluded(field: &'static str, reason: String) -> Self {
        let (id, email, unmapped) = (None, Err(reason.clone()), vec![reason]);
        Self { id, email, unmapped, ..Self::with_id(field, String::new()) }
    }
}

/// Index of a snapshot in a [`Notification`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ParticipantIndex(pub usize);

/// A decoded webhook or REST row.
///
/// The facts of all snapshots are merged; the events lead to calls.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Notification {
    /// The campaign of everything in it.
    pub campaign: Campaign,
    /// The time at which the snapshots were true. `None` if the source has no time; then it is the time of
    /// receipt.
    pub as_of: Option<Time>,
    /// The participants.
    pub people: Vec<Snapshot>,
    /// The events, in the order of planning.
    pub events: Vec<TimedEvent>,
    pub filter: SendFilter,
    /// A report or action of Customer.io's. Then there is nothing else.
    pub feedback: Option<Feedback>,
    /// True if the user's own backend sent it, which may be the only source of conversions.
    pub is_from_server: bool,
}

impl Notification {
    /// Returns an empty notification; `as_of` is the source's own time, if it has one.
    pub fn new(campaign: Campaign, as_of: Option<Time>) -> Self {
        Self { campaign, as_of, ..Self::default() }
    }

    /// Adds a participant of the notification's campaign.
    pub fn add_participant(&mut self, mut snapshot: Snapshot) -> ParticipantIndex {
        let name = self.campaign.name.as_deref().map(Scalar::from);
        snapshot.facts.extend(name.map(|name| (Facts::CAMPAIGN_NAME.to_owned(), name)));
        self.people.push(snapshot);
        ParticipantIndex(self.people.len() - 1)
    }

    /// Adds an event that happened at the source's own time.
    pub fn add_event(&mut self, event: Event) {
        self.events.push(TimedEvent { at: self.as_of, event });
    }

    /// Returns a notification that holds feedback.
    pub fn from_feedback(feedback: Feedback) -> Self {
        let at = Some(feedback.at);
        Self { feedback: Some(feedback), ..Self::new(Campaign::default(), at) }
    }

    pub fn named_campaign(&self) -> Option<&str> {
        match self.feedback.as_ref().map(|feedback| &feedback.kind) {
            Some(FeedbackKind::Action(ask)) => ask.campaign.as_deref(),
            _ => self.campaign.id.as_deref(),
        }
    }

    /// True if it belongs to one campaign and names none.
    pub fn lacks_campaign(&self) -> bool {
        let is_of_one = match self.feedback.as_ref().map(|feedback| &feedback.kind) {
            None | Some(FeedbackKind::Action(_)) => true,
            Some(_) => false,
        };
        is_of_one && self.named_campaign().is_none()
    }

    /// Returns the campaign's id, or [`Campaign::UNNAMED`].
    pub fn campaign_or_unnamed(&self) -> &str {
        self.campaign.id.as_deref().unwrap_or(Campaign::UNNAMED)
    }

    /// Returns a copy in this campaign.
    pub fn in_campaign(&self, id: &str) -> Self {
        let mut within = self.clone();
        match within.feedback.as_mut().map(|feedback| &mut feedback.kind) {
            Some(FeedbackKind::Action(action)) => action.campaign = Some(id.to_owned()),
            _ => within.campaign.id = Some(id.to_owned()),
        }
        within
    }
}

/// An event with its own time.
#[derive(Clone, PartialEq, Debug)]
pub struct TimedEvent {
    /// The time of the event. `None` in two cases:
    /// - The source has no times: the time of receipt is used.
    /// - The source has a time ([`Notification::as_of`]), but none for this event: it is counted, not sent.
    pub at: Option<Time>,
    pub event: Event,
}

/// True if GrowSurf's `referralSource` names a participant's link.
pub fn is_referral(source: &str) -> bool {
    matches!(source, "PARTICIPANT" | "DELETED_PARTICIPANT")
}

/// The way in which a referral link was shared.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ShareMethod {
    /// E-mail.
    Email,
    /// A social network.
    Social,
    /// A copied link or its QR code.
    Link,
    /// A message, such as an SMS.
    Message,
    /// A channel that GrowSurf added later.
    Other,
}

/// An event of the referral program.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A participant joined a campaign.
    ParticipantJoined {
        participant: ParticipantIndex,
        /// GrowSurf's `referralSource`.
        referral_source: Option<String>,
    },
    /// A referred customer of an affiliate program was added and isn't an affiliate.
    CustomerAdded { customer: ParticipantIndex },
    /// A friend joined through a participant's link.
    FriendSignedUp {
        /// The participant who referred the friend.
        referrer: ParticipantIndex,
        friend: ParticipantIndex,
    },
    /// A referred friend converted.
    ReferralConverted {
        friend: ParticipantIndex,
        /// The referrer, if reported.
        referrer: Option<ParticipantIndex>,
        value: Option<Amount>,
        product: Option<String>,
    },
    /// A participant earned a reward, perhaps not approved yet.
    RewardEarned { earner: ParticipantIndex, reward: Reward },
    /// A participant shared their link.
    Shared {
        participant: ParticipantIndex,
        /// GrowSurf's name of the channel.
        channel: String,
        /// The number of this share among the participant's on this channel, from 1.
        nth: u64,
        /// The time of the count before, if the source only counts.
        after: Option<Time>,
    },
    /// A participant shared their link, as reported by the user's backend or a page.
    ShareReported {
        participant: ParticipantIndex,
        channel: String,
        /// The share's id at its source.
        key: String,
        /// True if a page reported it, unproven.
        is_from_page: bool,
    },
    /// A visitor came to a page by a participant's link.
    Visited(Visit),
    /// A participant bought something.
    Purchased {
        participant: ParticipantIndex,
        /// The purchase's id, such as an order number.
        key: String,
        value: Option<Amount>,
        product: Option<String>,
    },
    /// GrowSurf's counts of a participant's shares. The first counts are the baseline; later ones become
    /// [`Event::Shared`].
    SharesCounted {
        participant: ParticipantIndex,
        /// The counts of all time, by GrowSurf's names of channels.
        counts: BTreeMap<String, i64>,
    },
    /// Everything that GrowSurf has of the campaign was compared. The event's time is the comparison's start.
    FullyCompared { participant: ParticipantIndex },
    /// GrowSurf's assessment of a participant as a fraud changed.
    FraudStatusChanged { participant: ParticipantIndex },
    /// An affiliate earned a commission.
    CommissionAdded {
        affiliate: ParticipantIndex,
        /// The friend of the lead or sale, if reported.
        friend: Option<ParticipantIndex>,
        commission: Commission,
    },
    /// A commission was changed, for example by a refund.
    CommissionAdjusted {
        affiliate: ParticipantIndex,
        /// The friend of the sale, if reported.
        friend: Option<ParticipantIndex>,
        /// The change.
        adjustment: Adjustment,
    },
    /// An affiliate was paid.
    PayoutIssued { affiliate: ParticipantIndex, payout: Payout },
    /// A campaign ended; one event for each winner.
    CampaignEnded {
        winner: ParticipantIndex,
        /// The time of the end, if reported. A campaign can end more than once.
        ended_at: Option<Time>,
    },
}

/// A commission of an affiliate.
#[derive(Clone, PartialEq, Debug)]
pub struct Commission {
    /// GrowSurf's id.
    pub id: String,
    /// `LEAD` or `SALE`.
    pub kind: Option<String>,
    /// The affiliate's part.
    pub amount: Option<Money>,
    /// The friend's payment.
    pub sale: Option<Money>,
    /// GrowSurf's status.
    pub status: Option<String>,
}

/// A change of a commission.
#[derive(Clone, PartialEq, Debug)]
pub struct Adjustment {
    /// GrowSurf's id of the commission.
    pub commission: String,
    /// The time of the change. It is part of the effect key, because a commission can change often.
    pub adjusted_at: Time,
    /// The amount before.
    pub original: Option<Money>,
    /// The amount now.
    pub new: Option<Money>,
    /// The difference, negative for a refund.
    pub change: Option<Money>,
    /// GrowSurf's reason.
    pub reason: Option<String>,
}

/// A payment to an affiliate.
#[derive(Clone, PartialEq, Debug)]
pub struct Payout {
    /// GrowSurf's id.
    pub id: String,
    pub amount: Option<Money>,
    /// The provider, such as `paypal`.
    pub provider: Option<String>,
}

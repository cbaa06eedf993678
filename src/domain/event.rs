//! Events: what happened in the referral program, whatever told the relay.

use std::collections::BTreeMap;

use super::{
    Amount, Attributes, Email, Facts, Feedback, FeedbackKind, Money, Reward, Scalar, SendFilter,
    Time, Visit,
};

/// A GrowSurf campaign as a source named it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Campaign {
    /// GrowSurf's id of the campaign; the guide's shape may leave it out.
    pub id: Option<String>,
    /// The campaign's name, as its owner wrote it.
    pub name: Option<String>,
}

impl Campaign {
    /// The id in place of a campaign that neither the source nor the settings name.
    pub const UNNAMED: &str = "-";
}

/// A participant as one source told it at one time; every part but `field` may be missing.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// Where in the source this participant stands, such as `data.referrer`; named in reasons.
    pub field: &'static str,
    /// GrowSurf's participant id; the guide's shape has none.
    pub id: Option<String>,
    /// The normalized address, or why there is none, naming the field.
    pub email: Result<Email, String>,
    /// What was told, by the names in [`Facts`]. No empty texts.
    pub facts: Attributes,
    /// Participant metadata, by its key.
    pub metadata: Attributes,
    /// All shares of the participant, over all channels.
    pub share_total: Option<i64>,
    /// When they joined, where told: it tells a new participant from one that was forgotten.
    pub joined_at: Option<Time>,
    /// Whether it is about them. What is told of somebody in passing may be older than it looks, so
    /// it gives way to whatever else is known.
    pub is_subject: bool,
    /// The reasons why parts of what the source says of them are left out, each naming the field.
    pub unmapped: Vec<String>,
}

impl Snapshot {
    /// A participant of whom only the id was told, such as a bare `referredBy`.
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

    /// True if the source says anything of the participant, even what can't be kept.
    pub fn says_anything(&self) -> bool {
        let nothing = Self::with_id(self.field, String::new());
        self.id.is_some() || !self.facts.is_empty() || self.email != nothing.email
    }

    /// A participant who is left out, for this reason.
    pub fn excluded(field: &'static str, reason: String) -> Self {
        let (id, email, unmapped) = (None, Err(reason.clone()), vec![reason]);
        Self { id, email, unmapped, ..Self::with_id(field, String::new()) }
    }
}

/// Points at one of the people of a [`Notification`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ParticipantIndex(pub usize);

/// Everything one source told at once: a webhook, or a row of a REST answer.
///
/// Every person in it is a snapshot whose facts are taken in; the events among them lead to calls.
#[derive(Clone, PartialEq, Debug)]
pub struct Notification {
    /// The campaign it all happened in.
    pub campaign: Campaign,
    /// When the snapshots were true; `None` where the source has no time, then the time of receipt.
    pub as_of: Option<Time>,
    /// The people told of.
    pub people: Vec<Snapshot>,
    /// What happened, in the order it is to be planned in.
    pub events: Vec<TimedEvent>,
    /// Which of it Customer.io is to be told.
    pub filter: SendFilter,
    /// What Customer.io told, if it was its word; then there is nothing else in it.
    pub feedback: Option<Feedback>,
    /// Whether the user's own backend told it, whose word on conversions can be the only one.
    pub is_from_server: bool,
}

impl Notification {
    /// A notification of nobody yet; `as_of` is the source's own time, if it has one.
    pub fn new(campaign: Campaign, as_of: Option<Time>) -> Self {
        Self {
            campaign,
            as_of,
            people: Vec::new(),
            events: Vec::new(),
            filter: SendFilter::All,
            feedback: None,
            is_from_server: false,
        }
    }

    /// Adds a participant, who is in the notification's campaign.
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

    /// What Customer.io told.
    pub fn from_feedback(feedback: Feedback) -> Self {
        let at = Some(feedback.at);
        Self { feedback: Some(feedback), ..Self::new(Campaign::default(), at) }
    }

    /// The campaign that it says it is of.
    pub fn named_campaign(&self) -> Option<&str> {
        match self.feedback.as_ref().map(|feedback| &feedback.kind) {
            Some(FeedbackKind::Action(ask)) => ask.campaign.as_deref(),
            _ => self.campaign.id.as_deref(),
        }
    }

    /// True if it happened in one campaign and names none.
    pub fn lacks_campaign(&self) -> bool {
        let is_of_one = match self.feedback.as_ref().map(|feedback| &feedback.kind) {
            None | Some(FeedbackKind::Action(_)) => true,
            Some(_) => false,
        };
        is_of_one && self.named_campaign().is_none()
    }

    /// Returns the id of the campaign, or what stands for one.
    pub fn campaign_or_unnamed(&self) -> &str {
        self.campaign.id.as_deref().unwrap_or(Campaign::UNNAMED)
    }

    /// Returns the same in this campaign.
    pub fn in_campaign(&self, id: &str) -> Self {
        let mut within = self.clone();
        match within.feedback.as_mut().map(|feedback| &mut feedback.kind) {
            Some(FeedbackKind::Action(action)) => action.campaign = Some(id.to_owned()),
            _ => within.campaign.id = Some(id.to_owned()),
        }
        within
    }
}

/// One event and its own time.
#[derive(Clone, PartialEq, Debug)]
pub struct TimedEvent {
    /// When it happened. `None` where the source has no times, then the time of receipt; or where a
    /// source that has one ([`Notification::as_of`]) doesn't tell this one's: then it is counted and not told.
    pub at: Option<Time>,
    /// What happened.
    pub event: Event,
}

/// True if GrowSurf's `referralSource` says that a participant's link led here.
pub fn is_referral(source: &str) -> bool {
    matches!(source, "PARTICIPANT" | "DELETED_PARTICIPANT")
}

/// How a referral link was shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ShareMethod {
    /// By e-mail.
    Email,
    /// On a social network.
    Social,
    /// By copying the link or its QR code.
    Link,
    /// By a message to somebody.
    Message,
    /// In a way that GrowSurf added later.
    Other,
}

/// One thing that happened in the referral program.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// Somebody joined a campaign.
    ParticipantJoined {
        /// The new participant.
        participant: ParticipantIndex,
        /// GrowSurf's `referralSource`, as told.
        referral_source: Option<String>,
    },
    /// A referred customer of an affiliate program was added who isn't an affiliate.
    CustomerAdded {
        /// The customer.
        customer: ParticipantIndex,
    },
    /// A friend joined through a participant's link.
    FriendSignedUp {
        /// Who referred.
        referrer: ParticipantIndex,
        /// Who joined.
        friend: ParticipantIndex,
    },
    /// A referred friend did what the program rewards.
    ReferralConverted {
        /// Who converted.
        friend: ParticipantIndex,
        /// Who referred them, where told.
        referrer: Option<ParticipantIndex>,
        /// What it was worth.
        value: Option<Amount>,
        /// What was bought.
        product: Option<String>,
    },
    /// A participant earned a reward, approved or not yet.
    RewardEarned {
        /// Who earned it.
        earner: ParticipantIndex,
        /// The reward.
        reward: Reward,
    },
    /// A participant shared their link.
    Shared {
        /// Who shared.
        participant: ParticipantIndex,
        /// GrowSurf's own name of the channel.
        channel: String,
        /// The how-many-eth share of this participant on this channel it is, from one.
        nth: u64,
        /// Before when it can't have happened, where its source only counts now and then.
        after: Option<Time>,
    },
    /// A participant shared their link, as somebody else than GrowSurf saw it.
    ShareReported {
        /// Who shared.
        participant: ParticipantIndex,
        /// How.
        channel: String,
        /// Names this share among all that are told in this way.
        key: String,
        /// Whether a page tells it, whom anybody can be; else it is the user's own backend.
        is_from_page: bool,
    },
    /// Somebody came to a page by a participant's link.
    Visited(Visit),
    /// A participant bought something.
    Purchased {
        /// Who bought.
        participant: ParticipantIndex,
        /// Names this purchase, such as the number of the order.
        key: String,
        /// What it was worth.
        value: Option<Amount>,
        /// What was bought.
        product: Option<String>,
    },
    /// How often a participant has shared so far, by GrowSurf's own names of the channels. The
    /// first such counts tell nothing; those that follow tell of the shares between.
    SharesCounted {
        /// Who shared.
        participant: ParticipantIndex,
        /// The counts, over all time.
        counts: BTreeMap<String, i64>,
    },
    /// Everything that GrowSurf has of the participant's campaign was counted; the event's time is when
    /// its reading began.
    FullyCompared {
        /// The participant.
        participant: ParticipantIndex,
    },
    /// GrowSurf's opinion of a participant's honesty changed.
    FraudStatusChanged {
        /// Whose.
        participant: ParticipantIndex,
    },
    /// An affiliate earned a commission.
    CommissionAdded {
        /// Who earned it.
        affiliate: ParticipantIndex,
        /// Whose lead or sale it was, where told.
        friend: Option<ParticipantIndex>,
        /// The commission.
        commission: Commission,
    },
    /// A commission was changed, for example by a refund.
    CommissionAdjusted {
        /// Whose commission.
        affiliate: ParticipantIndex,
        /// Whose sale it was, where told.
        friend: Option<ParticipantIndex>,
        /// The change.
        adjustment: Adjustment,
    },
    /// An affiliate was paid.
    PayoutIssued {
        /// Who was paid.
        affiliate: ParticipantIndex,
        /// The payout.
        payout: Payout,
    },
    /// A campaign ended; told once for each winner.
    CampaignEnded {
        /// A winner.
        winner: ParticipantIndex,
        /// When it ended, where told; a campaign can end more than once.
        ended_at: Option<Time>,
    },
}

/// A commission of an affiliate.
#[derive(Clone, PartialEq, Debug)]
pub struct Commission {
    /// GrowSurf's id.
    pub id: String,
    /// `LEAD` or `SALE`, as told.
    pub kind: Option<String>,
    /// What the affiliate earns.
    pub amount: Option<Money>,
    /// What the friend paid.
    pub sale: Option<Money>,
    /// GrowSurf's status of it, as told.
    pub status: Option<String>,
}

/// A change of a commission.
#[derive(Clone, PartialEq, Debug)]
pub struct Adjustment {
    /// GrowSurf's id of the commission.
    pub commission: String,
    /// When it was changed; part of the effect key, because one commission can change often.
    pub adjusted_at: Time,
    /// What it was before.
    pub original: Option<Money>,
    /// What it is now.
    pub new: Option<Money>,
    /// The difference, negative for a refund.
    pub change: Option<Money>,
    /// GrowSurf's reason, as told.
    pub reason: Option<String>,
}

/// A payment to an affiliate.
#[derive(Clone, PartialEq, Debug)]
pub struct Payout {
    /// GrowSurf's id.
    pub id: String,
    /// How much.
    pub amount: Option<Money>,
    /// Who transferred it, such as `paypal`.
    pub provider: Option<String>,
}

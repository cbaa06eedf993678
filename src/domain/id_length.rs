//! Length of ids from outside.
//!
//! What belongs here: the limit for every source and backend, the fields it applies to, and leaving out what
//! exceeds it. What doesn't: the characters of an id, which its type checks.

use std::collections::BTreeSet;

use super::{Event, Facts, Feedback, FeedbackKind, Identifier, Notification, Scalar, Snapshot};

/// The longest id accepted from outside, in bytes. An index of Postgres can't hold a row of more than 2,704
/// bytes.
pub const LONGEST_ID: usize = 200;

/// Returns an id as every backend can hold it: NUL, which Postgres lacks, becomes U+FFFD.
pub fn storable_id(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Returns the reason for refusing a too long id at a field.
pub fn too_long(field: &str) -> String {
    format!("{field} is longer than {LONGEST_ID} bytes")
}

/// True if an id has more than [`LONGEST_ID`] bytes.
pub fn is_too_long(id: &str) -> bool {
    id.len() > LONGEST_ID
}

impl Notification {
    /// Removes what has an id of more than [`LONGEST_ID`] bytes, with reasons in [`Snapshot::unmapped`]:
    /// - a participant who isn't the subject,
    /// - a fact that is an id,
    /// - an event with an id of its own, such as a reward.
    ///
    /// # Errors
    /// The reason to park the notification: the id of the campaign or of the subject is too long.
    pub fn leave_out_long_ids(&mut self) -> Result<(), String> {
        if self.campaign.id.as_deref().is_some_and(is_too_long) {
            return Err(too_long(OF_CAMPAIGN));
        }
        // The end of a campaign is about no participant: all are its winners.
        let is_end = |event: &Event| matches!(event, Event::CampaignEnded { .. });
        let has_subject = !self.events.iter().any(|timed| is_end(&timed.event));
        let mut left_out = BTreeSet::new();
        for (place, snapshot) in self.people.iter_mut().enumerate() {
            let Some(id) = snapshot.id.take_if(|id| is_too_long(id)) else { continue };
            let reason = too_long(&id_field(snapshot.field));
            if has_subject && place == 0 {
                return Err(reason);
            }
            *snapshot = Snapshot::excluded(snapshot.field, reason);
            left_out.insert(id);
        }
        for snapshot in &mut self.people {
            for (fact, name) in CODES {
                let Some(id) = snapshot.text(fact).filter(|id| is_too_long(id)) else { continue };
                // The reason is given at the person.
                if !left_out.contains(id) {
                    snapshot.unmapped.push(too_long(&format!("{}.{name}", snapshot.field)));
                }
                snapshot.facts.remove(fact);
                if fact == Facts::REFERRER_ID {
                    snapshot.facts.insert(Facts::IS_REFERRED.to_owned(), Scalar::Boolean(true));
                }
            }
        }
        let mut reasons = Vec::new();
        self.events.retain(|timed| match of_event(&timed.event) {
            Some((field, id)) if is_too_long(id) => {
                reasons.push(too_long(field));
                false
            }
            _ => true,
        });
        if let Some(subject) = self.people.first_mut() {
            subject.unmapped.extend(reasons);
        }
        Ok(())
    }

    /// Checks that no id is longer than [`LONGEST_ID`] bytes.
    ///
    /// # Errors
    /// The reason to park or refuse it, naming the field.
    pub fn check_ids(&self) -> Result<(), String> {
        let mut ids: Vec<(String, &str)> = Vec::new();
        ids.extend(self.campaign.id.as_deref().map(|id| (OF_CAMPAIGN.to_owned(), id)));
        for snapshot in &self.people {
            of_participant(snapshot, &mut ids);
        }
        for timed in &self.events {
            ids.extend(of_event(&timed.event).map(|(field, id)| (field.to_owned(), id)));
        }
        if let Some(feedback) = &self.feedback {
            of_feedback(feedback, &mut ids);
        }
        match ids.into_iter().find(|(_, id)| is_too_long(id)) {
            Some((field, _)) => Err(too_long(&field)),
            None => Ok(()),
        }
    }
}

/// The name of the campaign's id in reasons.
const OF_CAMPAIGN: &str = "the campaign's id";

/// Facts that are ids, and their fields.
const CODES: [(&str, &str); 2] =
    [(Facts::REFERRER_ID, "referredBy"), (Facts::REFERRAL_CODE, "referralCode")];

/// Returns the field of a participant's id.
fn id_field(field: &str) -> String {
    match field {
        // A body of `/v1/events` is no participant, but names one.
        "body" => "participant_id".to_owned(),
        _ if field.ends_with("referredBy") => field.to_owned(),
        _ => format!("{field}.id"),
    }
}

fn of_participant<'a>(snapshot: &'a Snapshot, ids: &mut Vec<(String, &'a str)>) {
    let Snapshot { field, id, .. } = snapshot;
    ids.extend(id.as_deref().map(|id| (id_field(field), id)));
    for (fact, name) in CODES.into_iter().chain([(Facts::VANITY_KEY, "vanityKeys")]) {
        ids.extend(snapshot.text(fact).map(|text| (format!("{field}.{name}"), text)));
    }
}

/// Returns the id of an event itself.
fn of_event(event: &Event) -> Option<(&'static str, &str)> {
    match event {
        Event::RewardEarned { reward, .. } => Some(("the reward's id", &reward.id)),
        Event::CommissionAdded { commission, .. } => Some(("the commission's id", &commission.id)),
        Event::CommissionAdjusted { adjustment, .. } => {
            Some(("the commission's id", &adjustment.commission))
        }
        Event::PayoutIssued { payout, .. } => Some(("the payout's id", &payout.id)),
        Event::ShareReported { key, .. } => Some(("the share's id", key)),
        Event::Purchased { key, .. } => Some(("the purchase's id", key)),
        Event::Visited(visit) => Some(("the click's id", &visit.key)),
        _ => None,
    }
}

fn of_feedback<'a>(feedback: &'a Feedback, ids: &mut Vec<(String, &'a str)>) {
    let mut push = |field: &str, id: Option<&'a str>| {
        ids.extend(id.map(|id| (field.to_owned(), id)));
    };
    for identifier in &feedback.identifiers {
        if let Identifier::Id(id) = identifier {
            push("the person's id", Some(id));
        }
    }
    match &feedback.kind {
        FeedbackKind::Clicked(click) => {
            push("event_id", Some(&click.report));
            push("delivery_id", click.delivery.as_deref());
            push("the sender's id", click.sender.as_ref().map(|(_, id)| id.as_str()));
        }
        FeedbackKind::Subscription { report, .. } => push("event_id", Some(report)),
        FeedbackKind::Action(ask) => {
            push("dedupe_key", Some(&ask.dedupe_key));
            push("campaign", ask.campaign.as_deref());
            push("participant", ask.participant.as_deref());
        }
        FeedbackKind::Ignored => {}
    }
    if let Some(message) = &feedback.message {
        push("delivery_id", Some(&message.delivery));
        push("the sender's id", message.sender.as_ref().map(|(_, id)| id.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Action, ActionKind, Campaign, Click, ParticipantIndex, SendFilter, Time, TimedEvent,
    };

    fn notification() -> Notification {
        Notification {
            campaign: Campaign { id: Some("c".to_owned()), name: Some("n".repeat(500)) },
            as_of: None,
            people: vec![Snapshot::with_id("data", "p".to_owned())],
            events: Vec::new(),
            filter: SendFilter::All,
            feedback: None,
            is_from_server: false,
        }
    }

    /// Returns notifications with an id of this many bytes in each place.
    fn places(bytes: usize) -> Vec<(&'static str, Notification)> {
        let long = || "x".repeat(bytes);
        let with = |change: &dyn Fn(&mut Notification)| {
            let mut notification = notification();
            change(&mut notification);
            notification
        };
        let with_event = |event: Event| {
            with(&|notification| {
                notification.events = vec![TimedEvent { at: None, event: event.clone() }]
            })
        };
        let by = |kind: FeedbackKind| {
            let (at, who, left_out) = (Time::default(), Vec::new(), Vec::new());
            Notification::from_feedback(Feedback {
                at,
                identifiers: who,
                kind,
                message: None,
                left_out,
            })
        };
        let fact = |name: &str| {
            with(&|notification| {
                drop(notification.people[0].facts.insert(name.to_owned(), Scalar::Text(long())))
            })
        };
        let click = |report, delivery, sender: Option<String>| {
            by(FeedbackKind::Clicked(Click {
                report,
                channel: "email",
                grsf: None,
                href: "h".repeat(900),
                delivery,
                sender: sender.map(|id| ("campaign", id)),
            }))
        };
        let ask = |dedupe_key, campaign, participant| {
            by(FeedbackKind::Action(Action {
                dedupe_key,
                campaign,
                participant,
                is_unanswered: false,
                kind: ActionKind::RecordShare { channel: "x".to_owned() },
            }))
        };
        let purchased = |key| {
            let (value, product) = (None, Some("p".repeat(900)));
            with_event(Event::Purchased { participant: ParticipantIndex(0), key, value, product })
        };
        vec![
            ("the campaign's id", with(&|notification| notification.campaign.id = Some(long()))),
            ("data.id", with(&|notification| notification.people[0].id = Some(long()))),
            ("data.referredBy", fact(Facts::REFERRER_ID)),
            ("data.referralCode", fact(Facts::REFERRAL_CODE)),
            ("the purchase's id", purchased(long())),
            (
                "the share's id",
                with_event(Event::ShareReported {
                    participant: ParticipantIndex(0),
                    channel: "x".into(),
                    key: long(),
                    is_from_page: false,
                }),
            ),
            ("event_id", click(long(), None, None)),
            ("delivery_id", click(String::new(), Some(long()), None)),
            ("the sender's id", click(String::new(), None, Some(long()))),
            ("event_id", by(FeedbackKind::Subscription { report: long(), subscribed: true })),
            ("dedupe_key", ask(long(), None, None)),
            ("campaign", ask(String::new(), Some(long()), None)),
            ("participant", ask(String::new(), None, Some(long()))),
        ]
    }

    #[test]
    fn an_id_has_at_most_200_bytes_wherever_it_stands() {
        assert_eq!(notification().check_ids(), Ok(()));
        for ((field, fits), (_, long)) in places(200).into_iter().zip(places(201)) {
            assert_eq!(fits.check_ids(), Ok(()), "{field}");
            assert_eq!(long.check_ids(), Err(format!("{field} is longer than 200 bytes")));
        }
    }
}

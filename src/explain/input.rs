//! The body that is explained, and the participants that it assumes.
//!
//! A file has no sender. Without `--source` the sender is guessed by the body's shape, which decides
//! nothing but what is shown.

use serde_json::Value;

use crate::domain::{
    Email, Event, Facts, Feedback, FeedbackKind, Identifier, Notification, Participant,
    ParticipantKey, Person, PersonId, ReadKey, Scalar, Source, Time,
};
use crate::ingest::{Decoded, UnreadableBody, decode, is_server_event};
use crate::inspect::Show;
use crate::mapping::Rules;
use crate::sources::growsurf::{Dialect, json};

/// A body that was read.
pub struct ParsedInput {
    /// The event's name in the inbox.
    pub event: Option<String>,
    /// The shape it has, if any.
    pub shape: Option<&'static str>,
    /// The campaign it names.
    pub campaign: Option<String>,
    /// The notification, or the reason why it can't be read.
    pub reading: Result<Notification, String>,
    /// The relay's response to a body that can't be read.
    pub unread: &'static str,
}

/// Reads a body of this source, or of the one that its shape suggests.
pub fn read(body: &[u8], source: Option<Source>, received_at: Time) -> ParsedInput {
    let source = source.unwrap_or_else(|| guess(body));
    let Decoded { event, campaign, dialect, reading } =
        decode(source, None, None, body, received_at);
    let shape = match source {
        Source::Growsurf | Source::GrowsurfApi => dialect.map(|dialect| match dialect {
            Dialect::Webhook => "growsurf",
            Dialect::Guide => "guide",
        }),
        Source::CustomerioReport => Some("report"),
        Source::CustomerioAction => Some("action"),
        Source::Server => Some("server"),
        Source::Page => Some("page"),
    };
    let unread = match (source, &reading) {
        (Source::CustomerioAction | Source::Server | Source::Page, _) => "refused",
        // Without a secret it would be refused, since anybody could send it.
        (_, Err(UnreadableBody::Bytes(_))) => "parked if it is signed",
        _ => "parked",
    };
    ParsedInput { event, shape, campaign, reading: reading.map_err(|why| why.to_string()), unread }
}

fn guess(body: &[u8]) -> Source {
    let value = json::parse(body).unwrap_or(Value::Null);
    let has = |names: &[&str]| names.iter().all(|name| value.get(name).is_some());
    if has(&["event_id", "object_type", "metric"]) {
        Source::CustomerioReport
    } else if has(&["type"]) && !has(&["event"]) {
        Source::CustomerioAction
    } else if is_server_event(&value) {
        Source::Server
    } else {
        Source::Growsurf
    }
}

/// A participant made up for an event that requires a known one.
pub struct AssumedParticipant(Person);

impl AssumedParticipant {
    /// Returns the participant that the notification requires, if it requires one.
    pub fn of(notification: &Notification, rules: &Rules) -> Option<Self> {
        let (campaign, id, identifier) = match &notification.feedback {
            Some(feedback) => {
                let (campaign, id) = of_feedback(feedback)?;
                (campaign, id, feedback.identifiers.first().cloned())
            }
            None => {
                let who = notification.people.first().filter(|_| notification.is_from_server)?;
                let email = who.email.clone().ok().map(Identifier::Email);
                (notification.campaign.id.clone(), who.id.clone(), email)
            }
        };
        let configured = || rules.only_campaign.as_ref().or(rules.writable_campaigns.first());
        let campaign = campaign.or_else(|| configured().cloned());
        let campaign = campaign.unwrap_or_else(|| "CAMPAIGN".to_owned());
        let id = id.unwrap_or_else(|| "PARTICIPANT".to_owned());
        let unknown = || Email::parse("unknown@example.com").ok().map(Identifier::Email);
        let mut person = Person::new(identifier.or_else(unknown)?);
        person.id = Some(PersonId(0));
        let mut participant = Participant::new(campaign, id.clone(), Some(id));
        if notification.events.iter().any(|it| matches!(it.event, Event::ReferralConverted { .. }))
        {
            let facts = &mut participant.facts;
            facts.merge(Facts::IS_REFERRED, Scalar::Boolean(true), Time::default());
        }
        person.participants.push(participant);
        Some(Self(person))
    }

    /// Returns the assumed person of a key.
    pub fn answer(&self, lookup: &ReadKey) -> Option<Person> {
        let Person { participants, .. } = &self.0;
        let is_theirs = match lookup {
            ReadKey::Participant(key) => participants.iter().any(|it| {
                it.campaign == key.campaign && it.growsurf_id.as_ref() == Some(&key.participant)
            }),
            ReadKey::Lane(key) => key.identifier().is_some(),
            ReadKey::Link(_) | ReadKey::Effect(_) | ReadKey::Tombstone(_) => false,
        };
        is_theirs.then(|| self.0.clone())
    }

    /// Describes the assumption.
    pub fn describe(&self, show: Show) -> String {
        let Person { key, participants, .. } = &self.0;
        let theirs = participants.iter().map(|it| {
            let is_referred = it.facts.get(Facts::IS_REFERRED).is_some();
            let referred = if is_referred { ", referred by another" } else { "" };
            let (campaign, participant) = (it.campaign.clone(), it.key.clone());
            let id = show.participant(&ParticipantKey { campaign, participant });
            format!("{id} of campaign {}{referred}", it.campaign)
        });
        let theirs: Vec<String> = theirs.collect();
        format!("{} is participant {}", show.key(key), theirs.join(", "))
    }
}

/// Returns the campaign and the id that feedback names, if it takes a participant.
fn of_feedback(feedback: &Feedback) -> Option<(Option<String>, Option<String>)> {
    match &feedback.kind {
        FeedbackKind::Action(ask) if ask.adds_participant() => None,
        FeedbackKind::Action(ask) => Some((ask.campaign.clone(), ask.participant.clone())),
        FeedbackKind::Clicked(click) => Some((None, Some(click.grsf.clone()?))),
        FeedbackKind::Subscription { .. } => Some((None, None)),
        FeedbackKind::Ignored => None,
    }
}

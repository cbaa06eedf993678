//! What `explain` is given: a webhook of GrowSurf's, a report of Customer.io's, or what a campaign
//! there asks for; told apart by shape, since there is no path to tell by.

use serde_json::Value;

use crate::customerio::{action, reporting};
use crate::domain::{
    Deed, Email, Feedback, Identifier, Lookup, News, Participant, Person, PersonId, Time,
};
use crate::growsurf::{self, ASK, DecodeError, Dialect, REPORT, json};
use crate::mapping::Rules;

/// A body that was read.
pub struct Told {
    /// The event's name in the inbox.
    pub event: Option<String>,
    /// The shape it has, if any.
    pub shape: Option<&'static str>,
    /// The campaign it names.
    pub campaign: Option<String>,
    /// What it says.
    pub reading: Result<News, String>,
    /// What becomes of it if it can't be read.
    pub unread: &'static str,
}

/// Reads a body.
///
/// # Errors
/// When it isn't a JSON object.
pub fn read(body: &[u8], received_at: Time) -> Result<Told, DecodeError> {
    let value = json::parse(body)?;
    let has = |names: &[&str]| names.iter().all(|name| value.get(name).is_some());
    if has(&["event_id", "object_type", "metric"]) {
        return Ok(report(&value, received_at));
    }
    if has(&["type"]) && !has(&["event"]) {
        return Ok(ask(&value, received_at));
    }
    let decoded = growsurf::decode(body, received_at)?;
    let shape = decoded.dialect.map(|dialect| match dialect {
        Dialect::Webhook => "growsurf",
        Dialect::Guide => "guide",
    });
    let (event, campaign, reading) = (decoded.event, decoded.campaign, decoded.reading);
    Ok(Told { event, shape, campaign, reading, unread: "parked" })
}

fn report(value: &Value, received_at: Time) -> Told {
    Told {
        event: reporting::event(value).map(|name| format!("{REPORT}{name}")),
        shape: Some("report"),
        campaign: None,
        reading: reporting::read(value, received_at).map(News::of),
        unread: "parked",
    }
}

fn ask(value: &Value, received_at: Time) -> Told {
    let read = action::read(value, received_at);
    let asked = read.as_ref().ok().and_then(|feedback| match &feedback.deed {
        Deed::Asked(ask) => Some(ask),
        _ => None,
    });
    Told {
        event: asked.map(|ask| format!("{ASK}{}", ask.what.word())),
        shape: Some("action"),
        campaign: asked.and_then(|ask| ask.campaign.clone()),
        reading: read.map(News::of),
        // Whoever wrote the template is told, see `ingest`.
        unread: "refused",
    }
}

/// Somebody who is taken for a participant, since without one nothing could be shown.
pub struct Supposed(Person);

impl Supposed {
    /// Whom feedback is about, if it takes a participant to lead to anything.
    pub fn of(feedback: &Feedback, rules: &Rules) -> Option<Self> {
        let (campaign, id) = match &feedback.deed {
            Deed::Asked(ask) if ask.makes_somebody() => return None,
            Deed::Asked(ask) => (ask.campaign.clone(), ask.participant.clone()),
            Deed::Clicked(click) => (None, Some(click.grsf.clone()?)),
            Deed::Subscription { .. } => (None, None),
            Deed::Nothing => return None,
        };
        let configured = || rules.only_campaign.as_ref().or(rules.feedback.campaigns.first());
        let campaign = campaign.or_else(|| configured().cloned());
        let campaign = campaign.unwrap_or_else(|| "CAMPAIGN".to_owned());
        let id = id.unwrap_or_else(|| "PARTICIPANT".to_owned());
        let nobody = || Email::parse("somebody@example.com").ok().map(Identifier::Email);
        let mut person = Person::new(feedback.who.first().cloned().or_else(nobody)?);
        person.id = Some(PersonId(0));
        person.participants.push(Participant::new(campaign, id.clone(), Some(id)));
        Some(Self(person))
    }

    /// The answer to a question about a person.
    pub fn answer(&self, lookup: &Lookup) -> Option<Person> {
        let Person { participants, .. } = &self.0;
        let is_theirs = match lookup {
            Lookup::Participant(key) => participants.iter().any(|it| {
                it.campaign == key.campaign && it.growsurf_id.as_ref() == Some(&key.participant)
            }),
            // An addressee at GrowSurf is a record of its own.
            Lookup::Identifier(Identifier::Participant(_)) => false,
            Lookup::Identifier(_) => true,
            Lookup::Link(_) | Lookup::Effect(_) | Lookup::Tombstone(_) => false,
        };
        is_theirs.then(|| self.0.clone())
    }

    /// What is supposed, in words.
    pub fn words(&self) -> String {
        let Person { identifier, participants, .. } = &self.0;
        let theirs =
            participants.iter().map(|it| format!("{} of campaign {}", it.key, it.campaign));
        let theirs: Vec<String> = theirs.collect();
        format!("{} is participant {}", identifier.value(), theirs.join(", "))
    }
}

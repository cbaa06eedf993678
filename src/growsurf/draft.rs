//! Notification in the making: people and events collected while a body is read.
//!
//! What belongs here: bookkeeping that all dialects share. What doesn't: names of fields.

use crate::domain::{
    Campaign, Event, Facts, Notification, ParticipantIndex, Scalar, SendFilter, Snapshot, Time,
    TimedEvent,
};

/// Notification that still grows. Everything in one webhook has one time, or none; the events in a row of
/// the REST API each have their own.
pub struct Draft {
    news: Notification,
    /// When what is told from now on happened.
    at: Option<Time>,
}

impl Draft {
    /// Nothing told yet; `as_of` is the source's own time, if it has one.
    pub fn new(campaign: Campaign, as_of: Option<Time>) -> Self {
        let (people, told) = (Vec::new(), Vec::new());
        Self {
            news: Notification {
                campaign,
                as_of,
                people,
                events: told,
                filter: SendFilter::All,
                feedback: None,
                is_from_server: false,
            },
            at: as_of,
        }
    }

    /// What is told from now on happened then.
    pub fn at(&mut self, at: Time) {
        self.at = Some(at);
    }

    /// Nobody knows when what is told from now on happened.
    pub fn at_no_known_time(&mut self) {
        self.at = None;
    }

    /// What is told from now on is as old as the source.
    pub fn as_fetched(&mut self) {
        self.at = self.news.as_of;
    }

    /// Takes in a person, who is in the campaign of the news.
    pub fn person(&mut self, mut snapshot: Snapshot) -> ParticipantIndex {
        let name = self.news.campaign.name.as_deref().map(Scalar::from);
        snapshot.facts.extend(name.map(|name| (Facts::CAMPAIGN_NAME.to_owned(), name)));
        self.news.people.push(snapshot);
        ParticipantIndex(self.news.people.len() - 1)
    }

    /// A person taken in before.
    pub fn told_of(&self, who: ParticipantIndex) -> &Snapshot {
        &self.news.people[who.0]
    }

    /// Takes in an event.
    pub fn tell(&mut self, event: Event) {
        self.news.events.push(TimedEvent { at: self.at, event });
    }

    /// The finished news, without the parts whose ids are too long.
    ///
    /// # Errors
    /// The reason to park it all, see [`Notification::leave_out_long_ids`].
    pub fn finish(mut self) -> Result<Notification, String> {
        self.news.leave_out_long_ids()?;
        Ok(self.news)
    }
}

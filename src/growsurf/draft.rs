//! News in the making: people and events collected while a body is read.
//!
//! What belongs here: bookkeeping that all dialects share. What doesn't: names of fields.

use crate::domain::{Campaign, Event, News, Snapshot, Time, Told, Who};

/// News that still grows. Everything in one webhook has one time, or none.
pub struct Draft(News);

impl Draft {
    /// Nothing told yet; `at` is the webhook's own time, if it has one.
    pub fn new(campaign: Campaign, at: Option<Time>) -> Self {
        Self(News { campaign, as_of: at, people: Vec::new(), told: Vec::new() })
    }

    /// Takes in a person.
    pub fn person(&mut self, snapshot: Snapshot) -> Who {
        self.0.people.push(snapshot);
        Who(self.0.people.len() - 1)
    }

    /// A person taken in before.
    pub fn told_of(&self, who: Who) -> &Snapshot {
        &self.0.people[who.0]
    }

    /// Takes in an event.
    pub fn tell(&mut self, event: Event) {
        let at = self.0.as_of;
        self.0.told.push(Told { at, event });
    }

    /// The finished news.
    pub fn finish(self) -> News {
        self.0
    }
}

//! The planner: the keys that each phase reads. The plans are `draft`'s and `feedback`'s.

use super::anonymous;
use super::draft::ProgramDraft;
use super::erased;
use super::feedback;
use super::people::{self, Resolved};
use super::profile;
use super::rules::{IdentifyBy, Rules};
use crate::domain::{
    Attributes, Campaign, Draft, ErasureSubject, Event, Notification, Person, Planner, ReadKey,
    ReadSet, Time,
};

/// A planner that follows the rules of the settings.
#[derive(Clone, Debug)]
pub struct Mapper {
    pub(super) rules: Rules,
}

impl Mapper {
    /// Returns a planner with these rules.
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// True if the event makes its subject a person at Customer.io.
    pub(super) fn concerns_subject(&self, event: &Event) -> bool {
        if let Event::SharesCounted { .. } | Event::FullyCompared { .. } | Event::Visited(_) = event
        {
            return false;
        }
        !matches!(event, Event::CampaignEnded { .. })
            || self.rules.events.contains_key(super::events::CAMPAIGN_ENDED)
    }
}

impl Planner for Mapper {
    fn resolve(&self, notification: &Notification, read: &ReadSet) -> Vec<ReadKey> {
        if let Some(feedback) = &notification.feedback {
            return feedback::resolve(feedback, read, &self.rules);
        }
        let campaign = notification.campaign_or_unnamed();
        let mut keys = erased::keys(notification, campaign, read, &self.rules);
        keys.extend(people::keys(notification, campaign, read, &self.rules));
        keys.extend(anonymous::visitors(notification));
        keys
    }

    fn link(&self, notification: &Notification, received_at: Time, read: &ReadSet) -> Vec<ReadKey> {
        if let Some(feedback) = &notification.feedback {
            return feedback::link(feedback, read, self);
        }
        let campaign = notification.campaign_or_unnamed();
        let rules = &self.rules;
        let (notification, _) = erased::leave_out(notification, campaign, received_at, read, rules);
        let people = Resolved::resolve(&notification, campaign, received_at, read, rules);
        let mut keys = people.claimed_visitors(rules);
        keys.extend(anonymous::claimers(&notification, read));
        keys.extend(people.referrers(&notification));
        if rules.identify_by == IdentifyBy::Email {
            keys.extend(people.address_changes(read));
        }
        keys
    }

    fn draft<'a>(
        &'a self,
        notification: &'a Notification,
        received_at: Time,
        read: &'a ReadSet,
    ) -> Result<Box<dyn Draft + 'a>, String> {
        if let Some(feedback) = &notification.feedback {
            return Ok(feedback::draft(feedback, received_at, read, self));
        }
        let campaign = notification.campaign_or_unnamed();
        if notification.is_from_server && campaign == Campaign::UNNAMED {
            return Err("campaign is missing, and the settings name none, or several".to_owned());
        }
        let draft = ProgramDraft::new(self, campaign, notification, received_at, read)?;
        Ok(Box::new(draft))
    }

    fn only_campaign(&self) -> Option<&str> {
        self.rules.only_campaign.as_deref()
    }

    fn profile(&self, person: &Person) -> Attributes {
        profile::attributes(person, &self.rules)
    }

    fn without(&self, person: &Person, erased: &ErasureSubject) -> Option<Person> {
        let mut left = person.clone();
        if !erased.cut_facts(&mut left) {
            return None;
        }
        // The change was planned with the rest; planning it again would be nothing new.
        let digest = |person: &Person| profile::digest(&self.profile(person));
        let now = digest(&left);
        if let Some(identified) = &mut left.identified
            && identified.digest == digest(person)
        {
            identified.digest = now;
        }
        Some(left)
    }
}

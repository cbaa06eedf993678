//! Lookups: one request to GrowSurf for a participant whom a webhook action names and the store doesn't
//! know.
//!
//! What belongs here: the cases, the name and the time of a lookup. What doesn't: the
//! action itself, which is parked where the lookup finds nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::{
    Action, Class, Clock, Feedback, FeedbackKind, Identifier, Notification, ParticipantKey, Random,
    ReadKey, ReceivedWebhook, SendFilter, WebhookId,
};
use crate::growsurf::rest::{Clients, ParticipantQuery, RestError};
use crate::sources::growsurf_api::{Campaign, Kind, Origin, Row};
use crate::store::{Store, StoreError};
use crate::telemetry::ErrorChain;

/// The lookup of participants at GrowSurf that a webhook action names and the store doesn't know.
pub struct ParticipantLookup {
    /// The clients, which wait for GrowSurf's limits no longer than GrowSurf has for its answer.
    pub clients: Clients,
    /// The time in which GrowSurf must answer.
    pub timeout: Duration,
    /// The key of participants' metadata that holds Customer.io's id, where people are known by that.
    pub id_key: Option<String>,
    /// The campaign of an action that names none, if there is only one.
    pub only_campaign: Option<String>,
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub random: Arc<dyn Random>,
    /// Notified when there is something new to deliver.
    pub wake: Arc<Notify>,
}

impl ParticipantLookup {
    /// The time in which GrowSurf must answer while Customer.io waits, 4 s, for the relay.
    pub const TIMEOUT: Duration = Duration::from_millis(1_500);

    /// Fetches and accepts the participant of an action, if GrowSurf knows them and the store doesn't.
    /// Nothing is sent of what happened to them: the next comparison does that.
    ///
    /// # Errors
    /// The store's. GrowSurf's are logged, and the action is parked with a reason that says so.
    pub(super) async fn look_up(&self, notification: &mut Notification) -> Result<(), StoreError> {
        let Some(Feedback { kind: FeedbackKind::Action(action), identifiers: who, .. }) =
            &mut notification.feedback
        else {
            return Ok(());
        };
        let only = self.only_campaign.as_ref();
        let Some(campaign) = action.campaign.as_ref().or(only) else { return Ok(()) };
        let Some(client) = self.clients.of(campaign).filter(|_| !action.adds_participant()) else {
            return Ok(());
        };
        let Some(query) = self.query(action, who) else { return Ok(()) };
        if self.is_known(campaign, action, who).await? {
            return Ok(());
        }
        let answer = tokio::time::timeout(self.timeout, client.find(campaign, &query)).await;
        action.is_unanswered = match answer.unwrap_or(Err(RestError::Late)) {
            Ok(Some(row)) => !self.introduce(campaign, row).await?,
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(
                    campaign,
                    error = %ErrorChain(&error),
                    "can't look up the participant of a webhook action"
                );
                true
            }
        };
        Ok(())
    }

    async fn is_known(
        &self,
        campaign: &str,
        action: &Action,
        who: &[Identifier],
    ) -> Result<bool, StoreError> {
        let campaign = campaign.to_owned();
        if let Some(participant) = &action.participant {
            let key = ParticipantKey { campaign, participant: participant.clone() };
            return Ok(self.store.person(&ReadKey::Participant(key)).await?.is_some());
        }
        for identifier in who {
            // The first that the store knows is the one that counts.
            if let Some(person) =
                self.store.person(&ReadKey::Lane(identifier.clone().into())).await?
            {
                let mut theirs = person.participants.iter();
                return Ok(theirs.any(|it| it.campaign == campaign && it.growsurf_id.is_some()));
            }
        }
        Ok(false)
    }

    /// Accepts a participant's row, as a comparison does. Returns false if it is unusable.
    async fn introduce(&self, campaign: &str, row: serde_json::Value) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let campaign = Campaign { id: campaign.to_owned(), ..Campaign::default() };
        let origin = Origin { campaign, at: now, filter: SendFilter::None, shares: false };
        let row = Row::new(Kind::Participant, row, &origin);
        let reading = row.notification();
        if let Err(reason) = &reading {
            tracing::warn!(
                campaign = origin.campaign.id,
                reason,
                "GrowSurf's answer to a lookup is unusable"
            );
            return Ok(false);
        }
        let webhook = row.to_webhook(WebhookId::new(now, self.random.next()), now);
        let arrival = ReceivedWebhook { webhook, decoded: reading, class: Class::Live };
        let receipt = self.store.accept(arrival, now).await?;
        if receipt.calls > 0 {
            self.wake.notify_one();
        }
        Ok(true)
    }

    /// Returns the query that finds the participant at GrowSurf, if there is one.
    fn query(&self, action: &Action, who: &[Identifier]) -> Option<ParticipantQuery> {
        if let Some(id) = &action.participant {
            return Some(ParticipantQuery::IdOrEmail(id.clone()));
        }
        who.iter().find_map(|identifier| match (identifier, &self.id_key) {
            (Identifier::Email(email), None) => {
                Some(ParticipantQuery::IdOrEmail(email.as_str().to_owned()))
            }
            (Identifier::Id(id), Some(key)) => {
                Some(ParticipantQuery::Metadata { key: key.clone(), value: id.clone() })
            }
            _ => None,
        })
    }
}

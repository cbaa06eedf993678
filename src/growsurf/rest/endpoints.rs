//! The endpoints: paths, queries and bodies.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::answer::Named;
use super::client::{Client, Request};
use super::error::RestError;
use super::trail::CursorTrail;
use super::types::{
    Cursor, Integration, Page, ParticipantQuery, Referrals, TriggerAnswer, WebhookState,
    identified, list, no, object,
};
use crate::sources::growsurf_api::{Campaign, by_id};

impl Client {
    /// Returns all campaigns that the key sees.
    pub async fn campaigns(&self) -> Result<Vec<Campaign>, RestError> {
        let value = self.read(&Request::get(&["campaigns"])).await?;
        identified(&value, "campaigns", |campaign: &Campaign| &campaign.id)
    }

    pub async fn campaign(&self, campaign: &str) -> Result<Campaign, RestError> {
        let path = ["campaign", campaign];
        let value = self.read(&Request::get(&path).of(Named::Campaign)).await?;
        let campaign: Campaign = object(&value, "campaign")?;
        if campaign.id.is_empty() { Err(no("campaign")) } else { Ok(campaign) }
    }

    /// Returns the page of participants that begins at `from`, newest first.
    pub async fn participants(
        &self,
        campaign: &str,
        from: Option<&Cursor>,
    ) -> Result<Page, RestError> {
        let path = ["campaign", campaign, "participants"];
        self.page(Request::get(&path), "participants", Named::Campaign, from).await
    }

    /// Returns one participant, by id or address.
    pub async fn participant(&self, campaign: &str, who: &str) -> Result<Value, RestError> {
        let path = ["campaign", campaign, "participant", who];
        self.read(&Request::get(&path).of(Named::Participant)).await
    }

    /// Looks up a participant by one request, without retries.
    ///
    /// # Errors
    /// [`RestError`]; an unknown participant is no error.
    pub async fn find(
        &self,
        campaign: &str,
        who: &ParticipantQuery,
    ) -> Result<Option<Value>, RestError> {
        match who {
            ParticipantQuery::IdOrEmail(text) => {
                let path = ["campaign", campaign, "participant", text];
                match self.once(&Request::get(&path).of(Named::Participant)).await {
                    Ok(row) => Ok(Some(row)),
                    Err(RestError::Unknown(..)) => Ok(None),
                    Err(error) => Err(error),
                }
            }
            ParticipantQuery::Metadata { key, value } => {
                let path = ["campaign", campaign, "participants"];
                let mut request = Request::get(&path).of(Named::Campaign);
                let filter = format!("metadata[{key}]");
                request.query.push((filter.into(), value.clone()));
                // Two rows show that the match isn't unique.
                request.query.push(("limit".into(), "2".to_owned()));
                let answer = self.once(&request).await?;
                let rows = list(&answer, "participants")?;
                Ok(if let [row] = rows { Some(row.clone()) } else { None })
            }
        }
    }

    /// Returns a page of referrals. Those with `INVITE_SENT` have their address masked.
    pub async fn referrals(&self, campaign: &str, which: &Referrals) -> Result<Page, RestError> {
        let path = ["campaign", campaign, "referrals"];
        let mut request = Request::get(&path);
        request.query.push(("desc".into(), "true".to_owned()));
        request.query.extend(which.sort_by.map(|name| ("sortBy".into(), name.to_owned())));
        request
            .query
            .extend(which.status.map(|status| ("referralStatus".into(), status.to_owned())));
        self.page(request, "referrals", Named::Campaign, which.next.as_ref()).await
    }

    /// Returns the rewards of one participant.
    pub async fn rewards(&self, campaign: &str, who: &str) -> Result<Vec<Value>, RestError> {
        let path = ["campaign", campaign, "participant", who, "rewards"];
        let (mut rewards, mut from, mut trail) = (Vec::new(), None, CursorTrail::default());
        loop {
            let request = Request::get(&path);
            let page = self.page(request, "rewards", Named::Participant, from.as_ref()).await?;
            rewards.extend(page.rows);
            from = page.next;
            trail.follow(from.as_ref())?;
            if from.is_none() {
                return Ok(rewards);
            }
        }
    }

    /// Returns the configured rewards of a campaign by id, also those that are switched off.
    pub async fn reward_configs(
        &self,
        campaign: &str,
    ) -> Result<BTreeMap<String, Value>, RestError> {
        let path = ["campaign", campaign, "reward-configs"];
        let value = self.read(&Request::get(&path).of(Named::Campaign)).await?;
        Ok(by_id(list(&value, "rewards")?))
    }

    /// Returns a page of the campaign's commissions.
    pub async fn commissions(
        &self,
        campaign: &str,
        from: Option<&Cursor>,
    ) -> Result<Page, RestError> {
        let path = ["campaign", campaign, "commissions"];
        self.page(Request::get(&path), "commissions", Named::Campaign, from).await
    }

    /// Returns a page of the campaign's payouts.
    pub async fn payouts(&self, campaign: &str, from: Option<&Cursor>) -> Result<Page, RestError> {
        let path = ["campaign", campaign, "payouts"];
        self.page(Request::get(&path), "payouts", Named::Campaign, from).await
    }

    /// Returns the campaign's webhooks.
    pub async fn webhooks(&self, campaign: &str) -> Result<Vec<WebhookState>, RestError> {
        let path = ["campaign", campaign, "webhooks"];
        let value = self.read(&Request::get(&path).of(Named::Campaign)).await?;
        identified(&value, "webhooks", |webhook: &WebhookState| &webhook.id)
    }

    /// Returns GrowSurf's own integrations of the campaign.
    pub async fn integrations(&self, campaign: &str) -> Result<Vec<Integration>, RestError> {
        let path = ["campaign", campaign, "integrations"];
        let value = self.read(&Request::get(&path).of(Named::Campaign)).await?;
        identified(&value, "integrations", |integration: &Integration| &integration.id)
    }

    /// Enables a webhook with these events. Idempotent.
    pub async fn enable_webhook(
        &self,
        campaign: &str,
        webhook: &str,
        events: &[String],
    ) -> Result<(), RestError> {
        let path = ["campaign", campaign, "webhooks", webhook];
        let body = json!({ "isEnabled": true, "events": events });
        self.once(&Request::write(Method::PATCH, &path, body)).await.map(drop)
    }

    /// Sends a made-up event to a webhook; returns the webhook's answer.
    pub async fn test_webhook(&self, campaign: &str, webhook: &str) -> Result<Value, RestError> {
        let path = ["campaign", campaign, "webhooks", webhook, "test"];
        self.once(&Request::write(Method::POST, &path, json!({}))).await
    }

    /// Changes fields of a participant, by GrowSurf's names.
    pub async fn update_participant(
        &self,
        campaign: &str,
        who: &str,
        fields: Value,
    ) -> Result<Value, RestError> {
        let path = ["campaign", campaign, "participant", who];
        self.once(&Request::write(Method::POST, &path, fields)).await
    }

    /// Triggers a referred participant's conversion. Not idempotent.
    pub async fn trigger_referral(
        &self,
        campaign: &str,
        who: &str,
    ) -> Result<TriggerAnswer, RestError> {
        let path = ["campaign", campaign, "participant", who, "ref"];
        let value = self.once(&Request::write(Method::POST, &path, json!({}))).await?;
        TriggerAnswer::of(&value)
    }
}

//! Rows of GrowSurf's REST API, from what a page holds to the requests that go out.

use referral_relay::domain::{Labelled, SendFilter, WebhookId};
use referral_relay::sources::growsurf_api::{Campaign, Kind, Origin, Row};
use serde_json::{Value, json};

use super::webhook::{BY_ID, RECEIVED_AT, STANDARD, is_fit_to_be_shown, planned};

const KINDS: [Kind; 5] =
    [Kind::Participant, Kind::Referral, Kind::Commission, Kind::Payout, Kind::Counted];

/// Reads a row as each kind.
pub fn row(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let configured = json!({"id": "crew_1", "type": "DOUBLE_SIDED", "description": "You get 25",
        "referralDescription": "Your friend gets 5", "value": {"fairMarketValueUSD": 25}});
    let campaign = Campaign {
        id: "ct8f71".to_owned(),
        name: Some("Autumn".to_owned()),
        rewards: [("crew_1".to_owned(), configured)].into(),
        ..Campaign::default()
    };
    let origin = Origin { campaign, at: RECEIVED_AT, filter: SendFilter::All, shares: true };
    for kind in KINDS {
        let row = Row::new(kind, value.clone(), &origin);
        let webhook = row.to_webhook(WebhookId::new(RECEIVED_AT, 7), RECEIVED_AT);
        let event = webhook.event.expect("a row has a kind");
        assert_eq!(event, kind.label());
        let kept = Row::read(kind, "ct8f71", &webhook.body);
        let kept = kept.unwrap_or_else(|reason| panic!("kept, and then not read: {reason}"));
        assert_eq!(kept.notification(), row.notification(), "the same is read the same");
        match row.notification() {
            Ok(notification) => {
                planned(&notification, &STANDARD);
                planned(&notification, &BY_ID);
            }
            Err(reason) => is_fit_to_be_shown(&reason),
        }
    }
}

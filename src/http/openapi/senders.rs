//! The schema of GrowSurf's webhooks, which are read leniently.
//!
//! What belongs here: the fields that the relay reads. None has a type, because a body with a field
//! that can't be read is parked, not refused.

use serde_json::Value;
use utoipa::ToSchema;

/// A webhook as GrowSurf sends it, with `data`, or in the shape of its published Customer.io guide, with
/// `participant`. A body that can't be understood is kept and parked.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
#[schema(
    examples(
        json!({
            "event": "NEW_PARTICIPANT_ADDED",
            "createdAt": 1_790_000_000_000_i64,
            "data": {
                "id": "fay001",
                "email": "fay@example.com",
                "createdAt": 1_790_000_000_000_i64,
                "referredBy": "rae001",
                "referrer": {"id": "rae001", "email": "rae@example.com"},
                "campaign": {"id": "b2xq7v", "name": "Spring Referral Program"},
            },
        }),
        json!({
            "event": "PARTICIPANT_CREATED",
            "participant": {"email": "fay@example.com", "campaignId": "b2xq7v"},
            "referrer": {"email": "rae@example.com"},
        }),
    )
)]
pub struct GrowsurfWebhook {
    /// The event's name, such as `NEW_PARTICIPANT_ADDED`.
    #[schema(required = false)]
    event: Value,
    /// The time of the event, in Unix milliseconds.
    #[schema(rename = "createdAt", required = false)]
    created_at: Value,
    /// The event: the participant, the reward, the campaign.
    #[schema(required = false)]
    data: Value,
    /// Of the guide's shape: the subject.
    #[schema(required = false)]
    participant: Value,
    /// Of the guide's shape: the referrer.
    #[schema(required = false)]
    referrer: Value,
}

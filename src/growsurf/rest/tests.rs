//! The client against a scripted server, and rows as GrowSurf writes them.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{
    Client, ClientConfig, Cursor, RateLimiter, Referrals, Refusal, ReportedLimits, RestError,
    TriggerAnswer,
};
use crate::domain::{
    Call, Clock, Event, EventId, Facts, Notification, Outcome, ParticipantIndex, ParticipantKey,
    ParticipantUpdate, Scalar, SendFilter, Time, WebhookId,
};
use crate::sources::growsurf_api::{Campaign, Kind, Origin, Row};

/// An answer that the server gives: status, headers, body.
type Scripted = (u16, Vec<(&'static str, &'static str)>, Value);

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Scripted>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let key = parts.headers["authorization"].to_str().unwrap().to_owned();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let requests = format!("{} {} {key} {body}", parts.method, parts.uri);
    script.requests.lock().unwrap().push(requests.trim_end().to_owned());
    let next = script.answers.lock().unwrap().pop_front();
    let (status, headers, body) = next.unwrap_or((500, Vec::new(), json!({})));
    let status = http::StatusCode::from_u16(status).unwrap();
    let mut response = (status, axum::Json(body)).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// A rate limit that records what it is given and never waits.
#[derive(Default)]
struct Free(Mutex<Vec<ReportedLimits>>);

#[async_trait]
impl RateLimiter for Free {
    async fn take(&self) -> Result<Time, Box<dyn Error + Send + Sync>> {
        Ok(Time::default())
    }

    async fn report(&self, limits: ReportedLimits) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.lock().unwrap().push(limits);
        Ok(())
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_seconds(1_790_000_000)
    }

    fn steady(&self) -> Instant {
        Instant::now()
    }
}

struct Stage {
    client: Client,
    script: Script,
    pace: Arc<Free>,
}

impl Stage {
    async fn with(answers: Vec<Scripted>) -> Self {
        let script = Script::default();
        script.answers.lock().unwrap().extend(answers);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let pace = Arc::new(Free::default());
        let client = Client::new(ClientConfig {
            base_url: format!("http://{address}/v2").parse().unwrap(),
            api_key: "the-key".into(),
            timeout: Duration::from_secs(10),
            max_limit_wait: Duration::from_secs(60),
            max_wait: Duration::from_secs(60 * 60),
            rate_limiter: Arc::clone(&pace) as _,
            clock: Arc::new(Still),
        });
        Self { client: client.unwrap(), script, pace }
    }

    async fn answering(status: u16, body: Value) -> Self {
        Self::with(vec![(status, Vec::new(), body)]).await
    }

    fn requests(&self) -> Vec<String> {
        self.script.requests.lock().unwrap().clone()
    }
}

/// Returns the body that is sent for an update of a participant whom GrowSurf has like this.
async fn sent_for(update: &ParticipantUpdate, row: Option<Value>) -> Vec<String> {
    let answers = row.into_iter().chain([json!({})]).map(|body| (200, Vec::new(), body));
    let stage = Stage::with(answers.collect()).await;
    let key = ParticipantKey::new("c1", "p1");
    let call = Call::UpdateParticipant { at: Time::default(), update: update.clone() };
    let until = Time::from_seconds(1_790_000_001);
    let written = stage.client.perform(&key, &call, until).await.unwrap();
    assert_eq!(written.outcome, Outcome::Delivered);
    let short = |it: &String| it.replace(" /v2/campaign/c1/participant/p1 Bearer the-key", "");
    stage.requests().iter().map(short).collect()
}

#[tokio::test]
async fn a_marked_unsubscription_is_set_and_taken_back_only_where_it_is_the_relays() {
    let mark = EventId([1; 16]);
    let marked = |unsubscribed| ParticipantUpdate {
        unsubscribed: Some(unsubscribed),
        mark: Some(mark),
        ..ParticipantUpdate::default()
    };
    let row = |unsubscribed, mark: &str| {
        Some(json!({ "unsubscribed": unsubscribed, "metadata": { "cioUnsubscribed": mark } }))
    };
    let (ours, other) = (mark.to_string(), EventId([2; 16]).to_string());
    let set = format!(r#"POST {{"metadata":{{"cioUnsubscribed":"{ours}"}},"unsubscribed":true}}"#);
    let back = r#"POST {"metadata":{"cioUnsubscribed":null},"unsubscribed":false}"#;
    for (update, row, sent) in [
        (marked(true), Some(json!({ "unsubscribed": false })), Some(set.as_str())),
        (marked(true), row(false, &other), Some(set.as_str())),
        (marked(true), Some(json!({ "unsubscribed": true })), None),
        (marked(true), row(true, &ours), None),
        (marked(false), row(true, &ours), Some(back)),
        (marked(false), row(true, &other), None),
        (marked(false), Some(json!({ "unsubscribed": true })), None),
    ] {
        let expected: Vec<&str> = [Some("GET"), sent].into_iter().flatten().collect();
        assert_eq!(sent_for(&update, row.clone()).await, expected, "{update:?} {row:?}");
    }
    // What else is requests for goes in any case.
    let update = ParticipantUpdate { first_name: Some("Fay".to_owned()), ..marked(true) };
    let sent = sent_for(&update, row(true, "")).await;
    assert_eq!(sent, ["GET", r#"POST {"firstName":"Fay"}"#]);
    // Calls from before there were marks, and what campaigns take back, are written as they are.
    let update = ParticipantUpdate { mark: None, ..marked(false) };
    assert_eq!(sent_for(&update, None).await, [r#"POST {"unsubscribed":false}"#]);
}

fn refusal(status: u16, code: &str, message: &str) -> Value {
    json!({ "name": "Error", "code": code, "message": message, "status": status,
        "supportUrl": "https://support.growsurf.com", "errors": [{ "param": "limit" }] })
}

#[tokio::test]
async fn every_documented_error_says_what_to_do() {
    for (status, code, kind) in [
        (400, "BAD_REQUEST", "unknown"),
        (404, "NOT_FOUND", "unknown"),
        (402, "PAYMENT_REQUIRED", "forbidden"),
        (403, "FORBIDDEN", "forbidden"),
        (401, "UNAUTHORIZED", "forbidden"),
        (406, "INVALID_REWARD_STATE", "refused"),
        (422, "PARTICIPANT_BLOCKED_ERROR", "refused"),
        (302, "FOUND", "refused"),
    ] {
        let stage = Stage::answering(
            status,
            refusal(status, code, "what GrowSurf says of fay@example.com"),
        )
        .await;
        let error = stage.client.participant("c1", "p1").await.unwrap_err();
        let found = match &error {
            RestError::Unknown(..) => "unknown",
            RestError::Forbidden(_) => "forbidden",
            RestError::Refused(_) => "refused",
            _ => "other",
        };
        assert_eq!(found, kind, "{status}: {error}");
        assert!(!error.is_passing(), "{status}");
        assert_eq!(stage.requests().len(), 1, "{status} is definite");
        assert!(error.to_string().contains("what GrowSurf says of ***"), "{error}");
    }
    let stage = Stage::answering(400, refusal(400, "BAD_REQUEST", "limit is wrong")).await;
    let error = stage.client.update_participant("c1", "p1", json!({})).await.unwrap_err();
    assert!(matches!(error, RestError::Refused(Refusal { status: 400, .. })), "{error}");
}

#[tokio::test]
async fn reads_are_tried_again_and_writes_never() {
    let trouble = |status| (status, Vec::new(), json!({}));
    let page = (200, Vec::new(), json!({ "participants": [], "limit": 100, "nextId": null }));
    for status in [503, 409, 423] {
        let stage = Stage::with(vec![trouble(status), page.clone()]).await;
        assert_eq!(stage.client.participants("c1", None).await.unwrap().rows.len(), 0);
        assert_eq!(stage.requests().len(), 2, "{status}");
    }

    let stage = Stage::with(vec![trouble(503)]).await;
    let error = stage.client.trigger_referral("c1", "p1").await.unwrap_err();
    assert!(matches!(error, RestError::Unavailable(Refusal { status: 503, .. })), "{error}");
    assert!(error.is_passing());
    assert_eq!(stage.requests().len(), 1);
}

#[tokio::test]
async fn a_400_of_a_list_is_about_the_request_and_names_no_campaign() {
    let bad = refusal(400, "BAD_REQUEST", "sortBy is wrong");
    let error = Stage::answering(400, bad.clone()).await.client.participants("c1", None).await;
    let error = error.unwrap_err();
    assert!(matches!(error, RestError::Refused(Refusal { status: 400, .. })), "{error}");
    assert_eq!(error.to_string(), "growsurf answered 400 (BAD_REQUEST): “sortBy is wrong”");
    // Behind a cursor it may be the cursor, whose row is gone.
    let from = Cursor::Id("p9".to_owned());
    let error = Stage::answering(400, bad).await.client.participants("c1", Some(&from)).await;
    assert!(matches!(error, Err(RestError::Unknown(Refusal { status: 400, .. }, _))), "{error:?}");
}

#[tokio::test]
async fn only_more_says_that_a_list_ends() {
    let offset = |rows| Some(Cursor::Offset(rows));
    let id = |text: &str| Some(Cursor::Id(text.to_owned()));
    for (body, next) in [
        (json!({ "referrals": [], "more": false, "nextId": "r9", "nextOffset": 100 }), None),
        (
            json!({ "referrals": [], "more": true, "nextId": " r9 ", "nextOffset": null }),
            id(" r9 "),
        ),
        (json!({ "referrals": [], "more": true, "nextId": null, "nextOffset": 100 }), offset(100)),
        (json!({ "referrals": [], "more": true, "nextOffset": 100 }), offset(100)),
    ] {
        let stage = Stage::answering(200, body.clone()).await;
        let found = stage.client.referrals("c1", &Referrals::default()).await.unwrap();
        assert_eq!(found.next, next, "{body}");
    }
    for body in [
        json!({ "referrals": [], "more": true, "nextId": null, "nextOffset": null }),
        json!({ "referrals": [], "more": true, "nextId": "" }),
        json!({ "referrals": [], "nextId": null }),
        json!({ "referrals": [], "more": 1, "nextId": "r9" }),
        json!({ "more": false }),
        Value::Null,
    ] {
        let stage = Stage::answering(200, body.clone()).await;
        let error = stage.client.referrals("c1", &Referrals::default()).await.unwrap_err();
        assert!(matches!(error, RestError::Unreadable(_)), "{body}: {error}");
    }
    let ok = |body| (200, Vec::new(), body);
    let stage = Stage::with(vec![
        ok(json!({ "rewards": [{ "id": "a" }], "more": true, "nextOffset": 1 })),
        ok(json!({ "rewards": [], "more": true, "nextOffset": 2 })),
        ok(json!({ "rewards": [{ "id": "b" }], "more": false, "nextOffset": null })),
    ])
    .await;
    assert_eq!(stage.client.rewards("c1", "p1").await.unwrap().len(), 2);
    let last = stage.requests().pop().unwrap();
    assert!(
        last.starts_with("GET /v2/campaign/c1/participant/p1/rewards?limit=100&offset=2 "),
        "{last}"
    );
    let rounds = ["a", "b", "a", "b", "a", "b"];
    let rounds = rounds.map(|next| ok(json!({ "rewards": [], "nextId": next })));
    let error = Stage::with(rounds.to_vec()).await.client.rewards("c1", "p1").await.unwrap_err();
    assert!(matches!(error, RestError::Unreadable(_)), "{error}");
}

#[tokio::test]
async fn an_id_never_becomes_another_path() {
    let stage = Stage::with(Vec::new()).await;
    for id in ["", ".", ".."] {
        let error = stage.client.participant("c1", id).await.unwrap_err();
        assert!(matches!(error, RestError::Segment(_)), "{id}: {error}");
        assert!(!error.is_passing());
        let key = ParticipantKey::new("c1", id);
        let call = Call::TriggerReferral { at: Time::default(), delay_in_days: None };
        let until = Still.now().plus(Duration::from_secs(60));
        let written = stage.client.perform(&key, &call, until).await.unwrap();
        assert!(matches!(written.outcome, Outcome::Rejected { .. }), "{written:?}");
    }
    assert!(stage.requests().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_refused_write_has_growsurfs_reason_without_addresses() {
    let ok = |body| (200, Vec::new(), body);
    let credit = |status: &str| ok(json!({ "referralStatus": status }));
    let awards_nothing = ok(json!({ "success": false, "message": "fay@example.com isn't new" }));
    let bad = (400, Vec::new(), refusal(400, "BAD_REQUEST", "rae@example.com is nobody."));
    let key = ParticipantKey::new("c1", "p1");
    let at = Time::default();
    let trigger = Call::TriggerReferral { at, delay_in_days: None };
    let update = Call::UpdateParticipant { at, update: ParticipantUpdate::default() };
    for (answers, call, reported) in [
        (
            vec![credit("CREDIT_PENDING"), awards_nothing, credit("CREDIT_PENDING")],
            &trigger,
            "*** isn't new",
        ),
        (vec![credit("HELD fay@example.com")], &trigger, "HELD ***"),
        (vec![bad], &update, "growsurf answered 400 (BAD_REQUEST): “*** is nobody.”"),
    ] {
        let stage = Stage::with(answers).await;
        let until = Still.now().plus(Duration::from_secs(60));
        let written = stage.client.perform(&key, call, until).await.unwrap();
        let Outcome::Rejected { reason, .. } = written.outcome else { panic!("{written:?}") };
        assert!(reason.contains(reported) && !reason.contains('@'), "{reason}");
    }
}

#[tokio::test]
async fn a_reported_limit_reaches_the_rate_limit_and_is_waited_for() {
    let limited = (
        429,
        vec![
            ("retry-after", "7"),
            ("ratelimit-policy", "\"second\";q=50;w=5"),
            ("ratelimit", "\"second\";r=0;t=3"),
        ],
        refusal(429, "RATE_LIMIT", "You have reached your minute limit."),
    );
    let good = (200, Vec::new(), json!({ "campaigns": [{ "id": "c1", "name": "Spring" }] }));
    let stage = Stage::with(vec![limited, good]).await;
    assert_eq!(stage.client.campaigns().await.unwrap()[0].id, "c1");
    let reported = stage.pace.0.lock().unwrap()[0].clone();
    assert_eq!(reported.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(reported.policies["second"], (50, 5));
    assert_eq!(reported.left["second"], (0, 3));

    // Without a header it is a moment; longer than its patience nobody waits.
    let bare = (429, Vec::new(), json!({}));
    let stage = Stage::with(vec![bare, (429, vec![("retry-after", "3600")], json!({}))]).await;
    let error = stage.client.campaigns().await.unwrap_err();
    assert!(matches!(error, RestError::Limited(wait) if wait.as_secs() == 3_600), "{error}");
    assert!(stage.pace.0.lock().unwrap()[0].retry_after.is_some());
}

#[tokio::test]
async fn requests_are_written_as_documented() {
    let ok = |body| (200, Vec::new(), body);
    let stage = Stage::with(vec![
        ok(json!({ "id": "p1" })),
        ok(json!({ "participants": [], "nextId": "p9" })),
        ok(json!({ "referrals": [], "more": false, "nextId": null })),
        ok(json!({ "id": "p1" })),
        ok(json!({ "success": false, "message": "Participant was not referred" })),
        ok(json!({})),
    ])
    .await;
    let client = &stage.client;
    client.participant("c1", "fay+x@example.com").await.unwrap();
    let page = client.participants("c1", Some(&Cursor::Id("p5".to_owned()))).await.unwrap();
    assert_eq!(page.next, Some(Cursor::Id("p9".to_owned())));
    let which = Referrals {
        status: Some("CREDIT_AWARDED"),
        sort_by: Some("referralTriggeredAt"),
        next: None,
    };
    client.referrals("c1", &which).await.unwrap();
    let fields = json!({ "metadata": { "lastClick": 3 } });
    client.update_participant("c1", "p1", fields).await.unwrap();
    let message = "Participant was not referred".to_owned();
    let triggered = client.trigger_referral("c1", "p1").await.unwrap();
    assert_eq!(triggered, TriggerAnswer { success: false, message });
    client.enable_webhook("c1", "w1", &["A".to_owned()]).await.unwrap();
    let requests = stage.requests();
    for (place, expected) in [
        "GET /v2/campaign/c1/participant/fay%2Bx%40example.com Bearer the-key",
        "GET /v2/campaign/c1/participants?limit=100&nextId=p5 Bearer the-key",
        "GET /v2/campaign/c1/referrals?desc=true&sortBy=referralTriggeredAt&referralStatus=CREDIT_AWARDED&limit=100 Bearer the-key",
        "POST /v2/campaign/c1/participant/p1 Bearer the-key {\"metadata\":{\"lastClick\":3}}",
        "POST /v2/campaign/c1/participant/p1/ref Bearer the-key {}",
        "PATCH /v2/campaign/c1/webhooks/w1 Bearer the-key {\"events\":[\"A\"],\"isEnabled\":true}",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(requests[place], expected);
    }
    assert!(!format!("{client:?}").contains("the-key"));
}

#[tokio::test]
async fn answers_are_read_leniently() {
    let ok = |body| (200, Vec::new(), body);
    let stage = Stage::with(vec![
        ok(json!({ "id": "c1", "name": "Spring", "type": "AFFILIATE", "status": "IN_PROGRESS",
            "participantCount": "1200", "referralCount": 5, "rewards": [
                { "id": "crew_1", "type": "SINGLE_SIDED", "isUnlimited": true, "metadata": {} }, 7 ],
            "somethingNew": [] })),
        ok(json!({ "webhooks": [ { "id": "w1", "payloadUrl": null, "isEnabled": true,
            "autoDisabledDueToFailures": false, "failureCount": 2, "events": ["X", null] },
            { "events": [] } ] })),
        ok(json!({ "integrations": [ { "id": "customerio", "name": "Customer.io",
            "connected": true, "enabled": true, "autoDisabled": false, "connectUrl": "" } ] })),
        ok(json!({ "rewards": [ { "id": "prew_1" } ], "limit": 100, "nextId": "prew_2" })),
        ok(json!({ "rewards": [ { "id": "prew_2" } ], "limit": 100, "nextId": null })),
        ok(json!({ "commissions": [ { "id": "comm_1" } ], "limit": 100, "nextId": null })),
        ok(json!({ "payouts": [], "limit": 100, "nextId": null })),
        ok(json!(["no", "object"])),
    ])
    .await;
    let client = &stage.client;
    let campaign = client.campaign("c1").await.unwrap();
    assert_eq!((campaign.participants, campaign.rewards.len()), (Some(1_200), 1));
    assert!(campaign.is_affiliate() && campaign.is_live());
    let webhooks = client.webhooks("c1").await.unwrap();
    assert_eq!((webhooks.len(), webhooks[0].failures), (1, 2));
    assert_eq!(webhooks[0].events, ["X"]);
    assert!(client.integrations("c1").await.unwrap()[0].is_enabled);
    assert_eq!(client.rewards("c1", "p1").await.unwrap().len(), 2);
    assert_eq!(client.commissions("c1", None).await.unwrap().rows.len(), 1);
    assert_eq!(client.payouts("c1", None).await.unwrap().rows.len(), 0);
    let error = client.campaigns().await.unwrap_err();
    assert!(matches!(error, RestError::Unreadable(_)), "{error}");
}

#[test]
fn a_name_that_was_cut_in_an_emoji_costs_no_page() {
    let page = br#"{"participants": [{"id": "p1", "firstName": "Zo\ud83d"}], "nextId": null}"#;
    let page = super::answer::read(200, page, None).unwrap();
    assert_eq!(page["participants"][0]["firstName"], "Zo\u{fffd}");
    let error = super::answer::read(200, b"{", None).unwrap_err().to_string();
    assert!(
        error.starts_with("growsurf's answer can't be read: the body is not JSON: "),
        "{error}"
    );
}

fn origin() -> Origin {
    let reward = json!({ "id": "crew_1", "type": "DOUBLE_SIDED", "title": "Ten off",
        "couponCode": "TEN", "metadata": { "amount": "$10" } });
    let campaign = Campaign {
        id: "c1".to_owned(),
        name: Some("Spring".to_owned()),
        rewards: [("crew_1".to_owned(), reward)].into(),
        ..Campaign::default()
    };
    Origin {
        campaign,
        at: Time::from_seconds(1_780_000_000),
        filter: SendFilter::All,
        shares: true,
    }
}

fn decoded(kind: Kind, row: Value) -> Result<Notification, String> {
    Row::new(kind, row, &origin()).notification()
}

#[test]
fn a_participants_row_reports_join_friends_rewards_and_shares() {
    let row = json!({
        "id": "p1", "email": "Fay@Example.com", "firstName": "Fay", "lastName": null, "rank": "9",
        "referralCount": "2", "shareCount": { "email": 2, "facebook": 1 }, "createdAt": 1_770_000_000_123_i64,
        "referralSource": "PARTICIPANT", "referralStatus": "CREDIT_AWARDED", "notes": "internal",
        "unsubscribed": false, "referredBy": "p0",
        "referrer": { "id": "p0", "email": "rae@example.com", "referralCount": 5 },
        "rewards": [
            { "id": "prew_1", "rewardId": "crew_1", "status": "PENDING", "approvedAt": 1_771_000_000_000_i64 },
            { "id": "prew_2", "rewardId": "crew_1", "status": "PENDING", "approved": false },
            { "id": "prew_3", "rewardId": "crew_1", "status": "CANCELLED", "approved": true,
              "approvedAt": 1_771_000_000_000_i64 },
            { "id": "prew_4", "rewardId": "crew_9", "status": "FULFILLED", "fulfilledAt": 1_772_000_000_000_i64 },
        ],
    });
    let notification = decoded(Kind::Participant, row).unwrap();
    assert_eq!(notification.as_of, Some(Time::from_seconds(1_780_000_000)));
    assert_eq!(notification.people.len(), 2);
    assert_eq!(
        notification.people[0].facts[Facts::REFERRER_EMAIL],
        Scalar::from("rae@example.com")
    );
    assert_eq!(notification.people[0].share_total, Some(3));
    assert!(!format!("{notification:?}").contains("internal"));
    let joined = Time::from_millis(1_770_000_000_123);
    assert_eq!(
        (notification.events[0].at, notification.events[1].at),
        (Some(joined), Some(joined))
    );
    assert_eq!(
        notification.events[1].event,
        Event::FriendSignedUp { referrer: ParticipantIndex(1), friend: ParticipantIndex(0) }
    );
    let rewards: Vec<_> = notification
        .events
        .iter()
        .filter_map(|timed| match &timed.event {
            Event::RewardEarned { reward, .. } => Some((timed.at, reward.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(rewards.len(), 2);
    assert_eq!(rewards[0].0, Some(Time::from_seconds(1_771_000_000)));
    let (title, kind) = (rewards[0].1.title.as_deref(), rewards[0].1.kind.as_deref());
    assert_eq!((title, kind), (Some("Ten off"), Some("DOUBLE_SIDED")));
    assert_eq!(rewards[0].1.metadata["amount"], Scalar::from("$10"));
    assert_eq!((rewards[1].1.id.as_str(), rewards[1].1.approved), ("prew_4", true));
    let Event::SharesCounted { counts, .. } = &notification.events[4].event else {
        panic!("{notification:?}")
    };
    assert_eq!(counts["email"], 2);
    assert_eq!(notification.events[4].at, notification.as_of);
}

#[test]
fn a_referrals_row_reports_a_conversion_and_a_masked_invite_nothing() {
    let row = json!({ "id": "p2", "email": "gil@example.com", "firstName": "Gil", "lastName": null,
        "referralStatus": "CREDIT_AWARDED", "referredBy": "p1", "createdAt": 1_770_000_000_000_i64,
        "updatedAt": 1_775_000_000_000_i64 });
    let notification = decoded(Kind::Referral, row.clone()).unwrap();
    assert_eq!(notification.events[0].at, Some(Time::from_seconds(1_775_000_000)));
    assert!(matches!(
        notification.events[0].event,
        Event::ReferralConverted { referrer: Some(ParticipantIndex(1)), .. }
    ));
    assert_eq!(notification.people[1].id.as_deref(), Some("p1"));
    let mut invite = row;
    invite["referralStatus"] = json!("INVITE_SENT");
    invite["email"] = json!("***************");
    assert_eq!(
        decoded(Kind::Referral, invite).unwrap_err(),
        "row.referralStatus isn't CREDIT_AWARDED"
    );
}

#[test]
fn rows_of_affiliates_lead_to_the_effects_of_their_webhooks() {
    let commission = json!({ "id": "comm_1", "referrerId": "p1", "referredId": "p2", "event": "SALE",
        "amount": 500, "saleAmount": 4_900, "currencyISO": "USD", "status": "APPROVED",
        "createdAt": 1_775_000_000_000_i64 });
    let notification = decoded(Kind::Commission, commission).unwrap();
    assert!(
        matches!(&notification.events[0].event, Event::CommissionAdded { commission, .. } if commission.id == "comm_1")
    );
    assert!(matches!(
        &notification.events[1].event,
        Event::ReferralConverted { value: Some(_), .. }
    ));
    assert!(
        notification.events.iter().all(|timed| timed.at == Some(Time::from_seconds(1_775_000_000)))
    );
    for at in [5_i64, 99_999_999_999_999] {
        let row = json!({ "id": "p1", "email": "fay@example.com", "createdAt": at });
        assert!(decoded(Kind::Participant, row).unwrap_err().starts_with("row.createdAt is"));
    }
    let payout = json!({ "id": "pay_1", "participantId": "p1", "amount": 500, "currencyISO": "USD",
        "commissionIds": [], "status": "ISSUED", "createdAt": 1, "issuedAt": 1_776_000_000_000_i64 });
    let notification = decoded(Kind::Payout, payout).unwrap();
    assert_eq!(notification.events[0].at, Some(Time::from_seconds(1_776_000_000)));
    for kind in [Kind::Participant, Kind::Referral, Kind::Commission, Kind::Payout] {
        for row in [json!({}), json!([]), json!(null), json!({ "id": 7, "createdAt": "x" })] {
            assert!(decoded(kind, row).is_err());
        }
    }
}

#[test]
fn a_kept_row_is_read_as_it_was() {
    let row = json!({ "id": "p1", "email": "fay@example.com", "createdAt": 1_770_000_000_000_i64 });
    let mut origin = origin();
    origin.filter = SendFilter::Before(Time::from_seconds(1_760_000_000));
    let row = Row::new(Kind::Participant, row, &origin);
    let at = Time::from_seconds(1_790_000_000);
    let webhook = row.to_webhook(WebhookId::new(at, 7), at);
    let kind = webhook.event.as_deref().unwrap().parse::<Kind>().unwrap();
    let kept = Row::read(kind, webhook.owner.as_deref().unwrap(), &webhook.body).unwrap();
    assert_eq!((&kept, kept.notification()), (&row, row.notification()));
    assert_eq!(kept.notification().unwrap().filter, origin.filter);
    for broken in ["", "[]", "{}", "{\"row\": {}}"] {
        assert!(Row::read(kind, "c", broken.as_bytes()).is_err());
    }
}

#[test]
fn the_language_of_a_participant_is_a_fact() {
    for (language, fact) in [
        (json!("pt-BR"), Some(Scalar::from("pt-BR"))),
        (json!(" en "), Some(Scalar::from("en"))),
        (json!(null), None),
        (json!({ "code": "en" }), None),
    ] {
        let row = json!({ "id": "p1", "email": "fay@example.com", "createdAt": 1_770_000_000_000_i64,
            "language": language });
        let notification = decoded(Kind::Participant, row).unwrap();
        assert_eq!(notification.people[0].facts.get(Facts::LANGUAGE), fact.as_ref(), "{language}");
    }
}

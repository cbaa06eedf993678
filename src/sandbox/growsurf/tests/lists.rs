//! What the lists of the API show, and that they agree with each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Asked, number, text};

#[tokio::test]
async fn paging_visits_every_participant_once_newest_first() {
    let asked = Asked::new().await;
    let rows = asked.all("/participants", "participants").await;
    assert_eq!(rows.len(), 300);
    let ids: BTreeSet<_> = rows.iter().map(|row| text(row, "id")).collect();
    let emails: BTreeSet<_> = rows.iter().map(|row| text(row, "email")).collect();
    assert_eq!((ids.len(), emails.len()), (300, 300));
    assert!(rows.is_sorted_by_key(|row| -number(row, "createdAt")));
    assert!(ids.iter().all(|id| id.len() == 6));

    for row in &rows {
        let by_id = asked.get(&format!("/participant/{}", text(row, "id"))).await;
        let email = text(row, "email").replace('@', "%40");
        assert_eq!(&by_id, row);
        assert_eq!(&asked.get(&format!("/participant/{email}")).await, row);
    }
    assert_eq!(asked.get("/participants").await["limit"], 10);
    for query in ["limit=0", "limit=101", "limit=x", "nextId=zzzzzz", "nextId=%00"] {
        assert_eq!(asked.status(&format!("campaign/demo01/participants?{query}")).await, 400);
    }
}

#[tokio::test]
async fn counts_rows_referrals_and_rewards_agree() {
    let asked = Asked::new().await;
    let people = asked.people().await;
    let mut awarded: BTreeMap<String, u64> = BTreeMap::new();
    for row in people.values().filter(|row| row["referralStatus"] == "CREDIT_AWARDED") {
        *awarded.entry(text(row, "referredBy")).or_default() += 1;
    }
    let total: u64 = awarded.values().sum();
    assert!((30..70).contains(&total), "{total}");
    for (id, row) in &people {
        let count = awarded.get(id).copied().unwrap_or(0);
        assert_eq!(row["referralCount"], count);
        assert_eq!(row["rewards"].as_array().unwrap().len() as u64, count);
        let rewards = asked.get(&format!("/participant/{id}/rewards")).await;
        assert_eq!(rewards["rewards"], row["rewards"]);
        if let Some(referrer) = row.get("referrer") {
            let whole = &people[&text(row, "referredBy")];
            assert_eq!(referrer["email"], whole["email"]);
            assert_eq!(referrer["referralCount"], whole["referralCount"]);
            assert!(number(whole, "createdAt") < number(row, "createdAt"));
        } else {
            assert_eq!(row["referralSource"], "DIRECT");
        }
    }
    let list = asked.all("/referrals?referralStatus=CREDIT_AWARDED", "referrals").await;
    assert_eq!(list.len() as u64, total);
    let campaign = asked.get("").await;
    assert_eq!(campaign["participantCount"], 300);
    assert_eq!(campaign["referralCount"], total);
    assert_eq!(campaign["winnerCount"], awarded.len());
    let by_type = |test: fn(&Value) -> bool| people.values().any(|row| test(&row["rank"]));
    assert!(by_type(Value::is_string) && by_type(Value::is_number));
}

#[tokio::test]
async fn referrals_are_sorted_and_invitations_are_masked() {
    let asked = Asked::new().await;
    let all = asked.all("/referrals", "referrals").await;
    let ids: BTreeSet<_> = all.iter().map(|row| text(row, "id")).collect();
    assert_eq!(ids.len(), all.len());
    let (invited, friends): (Vec<_>, Vec<_>) =
        all.iter().partition(|row| row["referralStatus"] == "INVITE_SENT");
    assert_eq!((invited.len(), friends.len()), (3, 99));
    assert_eq!(asked.get("").await["inviteCount"], 3);
    assert!(invited.iter().all(|row| row["email"] == "***************"));
    assert!(invited.iter().all(|row| row.get("firstName").is_none()));
    let people = asked.people().await;
    assert!(friends.iter().all(|row| people[&text(row, "id")]["email"] == row["email"]));

    for field in ["updatedAt", "createdAt", "email", "referralStatus"] {
        for desc in [true, false] {
            let path = format!("/referrals?sortBy={field}&desc={desc}");
            let mut rows = asked.all(&path, "referrals").await;
            assert_eq!(rows.len(), all.len(), "{path}");
            if desc {
                rows.reverse();
            }
            let key = |row: &Value| (row[field].as_i64(), row[field].as_str().map(str::to_owned));
            assert!(rows.is_sorted_by_key(key), "{path}");
        }
    }
    let sent = asked.all("/referrals?referralStatus=INVITE_SENT", "referrals").await;
    assert_eq!(sent.iter().collect::<Vec<_>>(), invited);
    let pages = [asked.get("/referrals?limit=100").await, asked.get("/referrals?offset=100").await];
    assert_eq!(pages[0]["nextOffset"], 100);
    assert_eq!((&pages[0]["more"], &pages[1]["more"]), (&json!(true), &json!(false)));
    assert_eq!(pages[1]["referrals"].as_array().unwrap().len(), 2);
    assert_eq!(pages[1]["nextId"], json!(null));

    let referrer = text(friends[0], "referredBy");
    let own = asked.all(&format!("/participant/{referrer}/referrals"), "referrals").await;
    let of_all: Vec<_> = all.iter().filter(|row| row["referredBy"] == referrer).collect();
    assert_eq!(own.iter().collect::<Vec<_>>(), of_all);
}

#[tokio::test]
async fn what_is_unknown_or_not_allowed_is_refused() {
    let asked = Asked::new().await;
    for path in ["campaign/demo01/participant/nobody", "campaign/demo01/participant/a%40b.c"] {
        let (status, body) = asked.api("GET", path, json!(null)).await;
        assert_eq!((status, &body["status"]), (400, &json!(400)));
        assert!(body["supportUrl"].is_string() && body["code"].is_string());
    }
    assert_eq!(asked.status("campaign/other").await, 404);
    assert_eq!(asked.status("campaign/demo01/nothing").await, 404);
    let request = http::Request::get("/growsurf/v2/campaigns");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(asked.0.clone(), request).await.unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn a_million_are_paged_by_time_without_being_made() {
    let asked = Asked::new().await;
    asked.put("program", json!({"participants": 1_000_000, "rewards_in_rows": false})).await;
    let first = asked.get("/participants?limit=100").await;
    let next = text(&first, "nextId");
    let second = asked.get(&format!("/participants?limit=100&nextId={next}")).await;
    assert_eq!(second["participants"][0]["id"], next);
    assert!(first["participants"][0].get("rewards").is_none());
    let path = "/referrals?sortBy=referralTriggeredAt&desc=true&referralStatus=CREDIT_AWARDED";
    let page = asked.get(&format!("{path}&limit=100")).await;
    assert!(
        page["referrals"].as_array().unwrap().is_sorted_by_key(|row| -number(row, "updatedAt"))
    );
}

#[tokio::test]
async fn affiliates_earn_commissions_and_payouts() {
    let asked = Asked::new().await;
    let campaigns = json!([{"id": "demo01", "name": "Partners", "type": "AFFILIATE"}]);
    asked.put("program", json!({"campaigns": campaigns})).await;
    let commissions = asked.all("/commissions", "commissions").await;
    let payouts = asked.all("/payouts", "payouts").await;
    assert!(commissions.is_sorted_by_key(|row| -number(row, "createdAt")));
    assert!(payouts.is_sorted_by_key(|row| -number(row, "issuedAt")));
    let paid = commissions.iter().filter(|row| row["status"] == "PAID").count();
    assert_eq!((payouts.len(), paid > 0), (paid, true));
    let referrer = text(&commissions[0], "referrerId");
    let own = asked.get(&format!("/participant/{referrer}/commissions")).await;
    assert_eq!(own["commissions"][0], commissions[0]);
    let told = asked.webhooks("").await;
    let of = |event: &str| told.iter().filter(|told| told["event"] == event).count();
    assert_eq!(of("NEW_COMMISSION_ADDED"), commissions.len());
    assert_eq!((of("NEW_PAYOUT_ISSUED"), of("PARTICIPANT_REACHED_A_GOAL")), (payouts.len(), 0));

    asked.put("program", json!({})).await;
    assert_eq!(asked.get("/commissions").await["commissions"], json!([]));
    assert_eq!(asked.get("/payouts").await, json!({"payouts": [], "limit": 10, "nextId": null}));
}

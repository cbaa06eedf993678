//! Contents of the API's lists, and their agreement with each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Client, number, text};

#[tokio::test]
async fn paging_visits_every_participant_once_newest_first() {
    let client = Client::new().await;
    let rows = client.all("/participants", "participants").await;
    assert_eq!(rows.len(), 300);
    let ids: BTreeSet<_> = rows.iter().map(|row| text(row, "id")).collect();
    let emails: BTreeSet<_> = rows.iter().map(|row| text(row, "email")).collect();
    assert_eq!((ids.len(), emails.len()), (300, 300));
    assert!(rows.is_sorted_by_key(|row| -number(row, "createdAt")));
    assert!(ids.iter().all(|id| id.len() == 6));

    for row in &rows {
        let by_id = client.get(&format!("/participant/{}", text(row, "id"))).await;
        let email = text(row, "email").replace('@', "%40");
        assert_eq!(&by_id, row);
        assert_eq!(&client.get(&format!("/participant/{email}")).await, row);
    }
    assert_eq!(client.get("/participants").await["limit"], 10);
    for query in ["limit=0", "limit=101", "limit=x", "nextId=zzzzzz", "nextId=%00"] {
        assert_eq!(client.status(&format!("campaign/demo01/participants?{query}")).await, 400);
    }
}

#[tokio::test]
async fn counts_rows_referrals_and_rewards_agree() {
    let client = Client::new().await;
    let people = client.people().await;
    let (mut awarded, mut pending) = (BTreeMap::new(), BTreeMap::new());
    for row in client.all("/referrals", "referrals").await {
        let count = match row["referralStatus"].as_str() {
            Some("CREDIT_AWARDED") => &mut awarded,
            Some("CREDIT_PENDING") => &mut pending,
            _ => continue,
        };
        *count.entry(text(&row, "referredBy")).or_insert(0_u64) += 1;
    }
    for (id, row) in &people {
        assert_eq!(row["referralCount"], awarded.get(id).copied().unwrap_or(0));
        assert_eq!(row["leadCount"], pending.get(id).copied().unwrap_or(0));
        let rewards = client.all(&format!("/participant/{id}/rewards"), "rewards").await;
        assert_eq!(json!(rewards), row["rewards"]);
        let has_approved = rewards.iter().any(|reward| reward["approvedAt"].is_i64());
        assert_eq!(row["isWinner"], has_approved);
        if let Some(referrer) = row.get("referrer") {
            let whole = &people[&text(row, "referredBy")];
            assert_eq!(referrer["email"], whole["email"]);
            assert_eq!(referrer["referralCount"], whole["referralCount"]);
            assert!(number(whole, "createdAt") < number(row, "createdAt"));
        } else {
            assert_eq!(row["referralSource"], "DIRECT");
        }
    }
    let campaign = client.get("").await;
    assert_eq!(campaign["participantCount"], 300);
    assert_eq!(campaign["referralCount"], awarded.values().sum::<u64>());
    let winners = people.values().filter(|row| row["isWinner"] == true).count();
    assert_eq!(campaign["winnerCount"], winners);
}

#[tokio::test]
async fn the_program_has_members_of_every_kind() {
    let client = Client::new().await;
    let people = client.people().await;
    let has = |is_so: &dyn Fn(&Value) -> bool| people.values().any(is_so);
    for tier in [10..=300, 5..=9, 1..=4, 0..=0] {
        assert!(has(&|row| tier.contains(&number(row, "referralCount"))), "{tier:?}");
    }
    for credit in ["CREDIT_AWARDED", "CREDIT_PENDING", "CREDIT_EXPIRED"] {
        assert!(has(&|row| row["referralStatus"] == credit), "{credit}");
    }
    assert!(has(&|row| row["unsubscribed"] == true));
    assert!(has(&|row| row["shareCount"]["copyRefLink"].is_u64()));
    let joined = |row: &Value| number(row, "createdAt");
    let times: Vec<i64> = people.values().map(joined).collect();
    let span = times.iter().max().unwrap() - times.iter().min().unwrap();
    assert!(span > 360 * 86_400_000, "{span}");

    // The rewards: both sides, approved or not, and of a reward that is switched off by now.
    let rewards: Vec<&Value> =
        people.values().flat_map(|row| row["rewards"].as_array().unwrap()).collect();
    for (field, value) in [("isReferrer", true), ("isReferrer", false), ("approved", false)] {
        assert!(rewards.iter().any(|reward| reward[field] == value), "{field} {value}");
    }
    let configured = client.get("/reward-configs").await["rewards"].as_array().unwrap().clone();
    let visible = client.get("").await["rewards"].as_array().unwrap().clone();
    assert_eq!((configured.len(), visible.len()), (3, 2));
    let off = configured.iter().find(|reward| !visible.contains(reward)).unwrap();
    assert_eq!(off["isVisible"], false);
    assert!(rewards.iter().any(|reward| reward["rewardId"] == off["id"]));
    let both = configured.iter().find(|reward| reward["type"] == "DOUBLE_SIDED").unwrap();
    assert_eq!(
        (&both["couponCode"], &both["referralCouponCode"]),
        (&json!("REFERRER-25"), &json!("FRIEND-10"))
    );
    let all = configured.iter().map(|reward| &reward["id"]).collect::<Vec<_>>();
    assert!(rewards.iter().all(|reward| all.contains(&&reward["rewardId"])));
}

#[tokio::test]
async fn participants_are_filtered_by_metadata() {
    let client = Client::new().await;
    let with = |row: &Value| row["metadata"]["shopUserId"] == "u-8";
    let people = client.people().await;
    let id = people.iter().find(|(_, row)| with(row)).unwrap().0;
    client
        .change(json!([{"join": {"email": "a@example.com", "metadata": {"plan": "pro"}}},
        {"join": {"email": "b@example.com", "metadata": {"plan": "pro", "seats": 3}}}]))
        .await;
    let found = client.get("/participants?metadata%5BshopUserId%5D=u-8").await;
    assert_eq!(found["participants"][0]["id"], *id);
    assert_eq!(found["participants"].as_array().unwrap().len(), 1);
    let pros = client.all("/participants?metadata[plan]=pro", "participants").await;
    assert_eq!(pros.len(), 2);
    let pro =
        client.all("/participants?metadata[plan]=pro&metadata[seats]=3", "participants").await;
    assert_eq!((pro.len(), &pro[0]["email"]), (1, &json!("b@example.com")));
}

#[tokio::test]
async fn referrals_are_sorted_and_invitations_are_masked() {
    let client = Client::new().await;
    let all = client.all("/referrals", "referrals").await;
    let ids: BTreeSet<_> = all.iter().map(|row| text(row, "id")).collect();
    assert_eq!(ids.len(), all.len());
    let (invited, friends): (Vec<_>, Vec<_>) =
        all.iter().partition(|row| row["referralStatus"] == "INVITE_SENT");
    assert_eq!((invited.len(), friends.len()), (3, 99));
    assert_eq!(client.get("").await["inviteCount"], 3);
    assert!(invited.iter().all(|row| row["email"] == "***************"));
    assert!(invited.iter().all(|row| row.get("firstName").is_none()));
    let people = client.people().await;
    assert!(friends.iter().all(|row| people[&text(row, "id")]["email"] == row["email"]));

    for field in ["updatedAt", "createdAt", "email", "referralStatus"] {
        for desc in [true, false] {
            let path = format!("/referrals?sortBy={field}&desc={desc}");
            let mut rows = client.all(&path, "referrals").await;
            assert_eq!(rows.len(), all.len(), "{path}");
            if desc {
                rows.reverse();
            }
            let key = |row: &Value| (row[field].as_i64(), row[field].as_str().map(str::to_owned));
            assert!(rows.is_sorted_by_key(key), "{path}");
        }
    }
    let sent = client.all("/referrals?referralStatus=INVITE_SENT", "referrals").await;
    assert_eq!(sent.iter().collect::<Vec<_>>(), invited);
    let first = client.get("/referrals?limit=100").await;
    let rest = format!("/referrals?nextId={}", text(&first, "nextId"));
    let pages = [first, client.get(&rest).await];
    assert_eq!((&pages[0]["more"], &pages[1]["more"]), (&json!(true), &json!(false)));
    assert_eq!(pages[1]["referrals"].as_array().unwrap().len(), 2);
    assert_eq!(pages[1]["nextId"], json!(null));

    let referrer = text(friends[0], "referredBy");
    let own = client.all(&format!("/participant/{referrer}/referrals"), "referrals").await;
    let of_all: Vec<_> = all.iter().filter(|row| row["referredBy"] == referrer).collect();
    assert_eq!(own.iter().collect::<Vec<_>>(), of_all);
}

#[tokio::test]
async fn what_is_unknown_or_not_allowed_is_refused() {
    let client = Client::new().await;
    for path in ["campaign/demo01/participant/nobody", "campaign/demo01/participant/a%40b.c"] {
        let (status, body) = client.api("GET", path, json!(null)).await;
        assert_eq!((status, &body["status"]), (400, &json!(400)));
        assert!(body["supportUrl"].is_string() && body["code"].is_string());
    }
    assert_eq!(client.status("campaign/other").await, 404);
    assert_eq!(client.status("campaign/demo01/nothing").await, 404);
    let request = http::Request::get("/growsurf/v2/campaigns");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(client.0.clone(), request).await.unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn affiliates_earn_commissions_and_payouts_and_customers_are_no_affiliates() {
    let client = Client::new().await;
    for list in ["commissions", "payouts"] {
        assert_eq!(client.status(&format!("campaign/demo01/{list}")).await, 422);
    }
    let campaigns = json!([{"id": "demo01", "name": "Partners", "type": "AFFILIATE"}]);
    client.put("program", json!({"campaigns": campaigns})).await;
    let commissions = client.all("/commissions", "commissions").await;
    let payouts = client.all("/payouts", "payouts").await;
    assert!(commissions.is_sorted_by_key(|row| -number(row, "createdAt")));
    let paid = commissions.iter().filter(|row| row["status"] == "PAID");
    let amount: i64 = paid.map(|row| number(row, "amount")).sum();
    let paid_out: i64 = payouts.iter().map(|row| number(row, "amount")).sum();
    assert!(paid_out > 0 && amount == paid_out, "{amount} {paid_out}");
    let reported = client.webhooks("").await;
    let of = |event: &str| reported.iter().filter(|reported| reported["event"] == event).count();
    assert_eq!(of("NEW_COMMISSION_ADDED"), commissions.len());
    assert_eq!((of("NEW_PAYOUT_ISSUED"), of("PARTICIPANT_REACHED_A_GOAL")), (payouts.len(), 0));

    let people = client.people().await;
    let (customers, affiliates): (Vec<_>, Vec<_>) =
        people.values().partition(|row| row["isAffiliate"] == false);
    assert_eq!((customers.len(), affiliates.len()), (99, 201));
    assert!(customers.iter().all(|row| row["referrer"].is_object() && row["shareUrl"].is_null()));
    assert!(affiliates.iter().all(|row| row["affiliateStatus"] == "APPROVED"));
    let path = format!("campaign/demo01/participant/{}/ref", text(customers[0], "id"));
    assert_eq!(client.api("POST", &path, json!(null)).await.0, 422);
}

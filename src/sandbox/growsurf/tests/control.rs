//! Effects of the control on the API: limits, faults, changes, webhooks, the program itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{AT, Client, number, text};

#[tokio::test]
async fn limits_are_announced_and_enforced() {
    let client = Client::limited();
    let campaigns = "/growsurf/v2/campaigns";
    let (status, headers, _) = client.send("GET", campaigns, json!(null)).await;
    assert_eq!(status, 200);
    assert_eq!(headers["ratelimit-policy"], "\"second\";q=50;w=5");
    assert_eq!(headers["ratelimit"], "\"second\";r=49;t=5");
    assert!(headers.contains_key("link"));
    for _ in 1..50 {
        assert_eq!(client.status("campaigns").await, 200);
    }
    let (status, headers, body) = client.send("GET", campaigns, json!(null)).await;
    assert_eq!((status, &headers["retry-after"]), (429, &"5".parse().unwrap()));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["code"], "RATE_LIMIT");

    client.put("limits", json!([50, 1, 20_000])).await;
    assert_eq!((client.status("campaigns").await, client.status("campaigns").await), (200, 429));
    let shown = client.requests().await;
    assert_eq!((&shown["total"], &shown["refused"]), (&json!(53), &json!(2)));
    let last = &shown["requests"][52];
    assert_eq!((&last["seq"], &last["path"]), (&json!(53), &json!(campaigns)));
    assert_eq!((&last["status"], &last["applied"]), (&json!(429), &json!(false)));
    let path = "/sandbox/growsurf/requests";
    assert_eq!(client.send("DELETE", path, json!(null)).await.0, 204);
    assert_eq!(client.requests().await["requests"], json!([]));
}

#[tokio::test]
async fn a_fourth_request_in_flight_is_refused() {
    let client = Client::new().await;
    client.put("faults", json!({"rules": [{"latency_ms": 50}]})).await;
    let ask = || client.status("campaigns");
    let mut statuses = <[u16; 4]>::from(tokio::join!(ask(), ask(), ask(), ask()));
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 429]);
    assert_eq!(client.requests().await["most_in_flight"], 4);
    assert_eq!(ask().await, 200);
}

#[tokio::test]
async fn faults_meet_the_requests_they_match() {
    let client = Client::new().await;
    let rule = json!({"match": {"path": "/referrals"}, "times": 1, "status": 503,
        "headers": {"Retry-After": "2"}, "body": {"name": "Oops"}});
    client.put("faults", json!({"rules": [rule, {"skip": 1, "drop": "before"}]})).await;
    assert_eq!(client.status("campaigns").await, 200);
    let path = "/growsurf/v2/campaign/demo01/referrals";
    let (status, headers, body) = client.send("GET", path, json!(null)).await;
    assert_eq!((status, body.as_str()), (503, "{\"name\":\"Oops\"}\n"));
    assert_eq!(headers["retry-after"], "2");
    assert!(headers.contains_key("ratelimit"));
    client.put("faults", json!({"rules": [{"status": 409}]})).await;
    let (status, body) = client.api("GET", "campaigns", json!(null)).await;
    assert_eq!((status, &body["code"]), (409, &json!("DUPLICATE_REQUEST_ERROR")));
    assert_eq!(client.requests().await["requests"][1]["status"], 503);
}

#[tokio::test]
async fn changes_show_up_in_rows_lists_and_webhooks() {
    let client = Client::new().await;
    let referrer = text(&client.get("/participants?limit=1").await["participants"][0], "id");
    let join =
        json!({"join": {"email": "New@example.com", "firstName": "Nia", "referredBy": referrer}});
    let ids = client.change(json!([join, {"join": {"email": "two@example.com"}}])).await;
    let friend = ids[0].as_str();
    let newest = client.get("/participants?limit=2").await;
    assert_eq!(newest["participants"][0]["id"], ids[1]);
    assert_eq!(newest["participants"][1]["id"], friend);
    let row = client.get("/participant/new%40example.com").await;
    assert_eq!((&row["id"], &row["referralStatus"]), (&json!(friend), &json!("CREDIT_PENDING")));
    let before = client.get(&format!("/participant/{referrer}")).await;
    assert_eq!(before["leadCount"], 1);

    client
        .change(json!([
            {"convert": {"friend": friend}}, {"reward": {"participant": friend}},
            {"share": {"participant": referrer, "channel": "email", "times": 2}},
            {"update": {"participant": friend, "fields":
                {"unsubscribed": true, "email": "newer@example.com"}}},
        ]))
        .await;
    let after = client.get(&format!("/participant/{referrer}")).await;
    assert_eq!(number(&after, "referralCount"), number(&before, "referralCount") + 1);
    let shares = |row: &Value| row["shareCount"]["email"].as_i64().unwrap_or(0);
    assert_eq!(shares(&after), shares(&before) + 2);
    let reward = after["rewards"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&reward["referredId"], &reward["approvedAt"]), (&json!(friend), &json!(AT)));
    let row = client.get("/participant/newer@example.com").await;
    assert_eq!((&row["unsubscribed"], &row["isWinner"]), (&json!(true), &json!(true)));
    let sides: Vec<_> =
        row["rewards"].as_array().unwrap().iter().map(|it| &it["isReferrer"]).collect();
    assert_eq!(sides, [false, true], "the friend's own side, and the one of no friend");
    assert_eq!(client.status("campaign/demo01/participant/new@example.com").await, 400);
    let path = "/referrals?sortBy=referralTriggeredAt&desc=true&referralStatus=CREDIT_AWARDED";
    let first = &client.get(path).await["referrals"][0];
    assert_eq!((&first["id"], &first["updatedAt"]), (&json!(friend), &json!(AT)));

    let reported = client.webhooks(&format!("since={AT}")).await;
    let events: Vec<_> = reported.iter().map(|reported| text(reported, "event")).collect();
    let [join, goal] = ["NEW_PARTICIPANT_ADDED", "PARTICIPANT_REACHED_A_GOAL"];
    assert_eq!(events, [join, join, goal, goal, goal]);
    assert_eq!(reported[2]["data"]["reward"]["id"], reward["id"]);
    assert_eq!(reported[2]["data"]["participant"]["referee"]["id"], friend);
    let of_friend = &reported[3]["data"];
    assert_eq!(of_friend["participant"]["id"], friend);
    assert_eq!(of_friend["participant"]["referrer"]["id"], referrer);
    assert_eq!(of_friend["reward"]["isReferrer"], false);
    assert_eq!(of_friend["reward"]["referralCouponCode"], "FRIEND-10");

    client.change(json!([{"delete": {"participant": referrer}}])).await;
    assert_eq!(client.status(&format!("campaign/demo01/participant/{referrer}")).await, 400);
    let orphan = client.get(&format!("/participant/{friend}")).await;
    assert_eq!(orphan["referralSource"], "DELETED_PARTICIPANT");
    assert!(orphan.get("referredBy").is_none() && orphan.get("referralStatus").is_none());
    assert_eq!(client.people().await.len(), 301);
    assert_eq!(client.get("").await["participantCount"], 301);

    for change in [
        json!({"convert": {"friend": friend}}),
        json!({"join": {"email": "two@example.com"}}),
        json!({"join": {"email": "three@example.com", "referredBy": referrer}}),
        json!({"configure": {"list": "webhooks", "id": "primary", "fields": {"colour": "red"}}}),
        json!({"dance": {}}),
    ] {
        let body = json!({"changes": [change]});
        let (status, _, body) = client.send("POST", "/sandbox/growsurf/changes", body).await;
        assert_eq!(status, 400, "{body}");
        assert!(body.contains("error"));
    }
}

#[tokio::test]
async fn webhooks_agree_with_rows_and_have_the_state_of_their_time() {
    let client = Client::new().await;
    let people = client.people().await;
    let reported = client.webhooks("").await;
    assert!(reported.is_sorted_by_key(|reported| number(reported, "createdAt")));
    let of =
        |event: &'static str| reported.iter().filter(move |reported| reported["event"] == event);
    for reported in of("NEW_PARTICIPANT_ADDED") {
        let data = &reported["data"];
        let row = &people[&text(data, "id")];
        for field in ["email", "firstName", "createdAt", "referredBy", "shareUrl", "metadata"] {
            assert_eq!(data[field], row[field]);
        }
        assert_eq!(reported["createdAt"], row["createdAt"]);
        assert_eq!((&data["shareCount"], &data["referralCount"]), (&json!(0), &json!(0)));
        assert!(data.get("rewards").is_none() && data.get("referralStatus").is_none());
        assert_eq!(data["campaign"]["id"], "demo01");
    }
    assert_eq!(of("NEW_PARTICIPANT_ADDED").count(), 300);

    let mut earned = BTreeMap::new();
    for reported in of("PARTICIPANT_REACHED_A_GOAL") {
        let (participant, reward) = (&reported["data"]["participant"], &reported["data"]["reward"]);
        let row = &people[&text(participant, "id")];
        let rewards = row["rewards"].as_array().unwrap();
        let same = rewards.iter().find(|of_row| of_row["id"] == reward["id"]).unwrap();
        for field in ["isReferrer", "rewardId", "referredId", "referrerId"] {
            assert_eq!(same[field], reward[field]);
        }
        let (other, id) = match reward["isReferrer"].as_bool().unwrap() {
            true => ("referee", "referredId"),
            false => ("referrer", "referrerId"),
        };
        if reward["type"] == "DOUBLE_SIDED" {
            assert_eq!(participant[other]["id"], same[id]);
        }
        assert!(number(participant, "referralCount") <= number(row, "referralCount"));
        earned.insert(text(reward, "id"), reward["approved"].clone());
    }
    let rewards = people.values().flat_map(|row| row["rewards"].as_array().unwrap());
    let of_rows: BTreeMap<_, _> =
        rewards.map(|reward| (text(reward, "id"), reward["approved"].clone())).collect();
    assert_eq!(earned, of_rows, "the last webhook of each reward");
    let goals = of("PARTICIPANT_REACHED_A_GOAL").count();
    assert!(goals > earned.len(), "an approval is a webhook of its own");
    let since = number(&reported[200], "createdAt");
    let place =
        reported.iter().position(|reported| number(reported, "createdAt") == since).unwrap();
    assert_eq!(client.webhooks(&format!("since={since}")).await, reported[place..]);
}

#[tokio::test]
async fn webhooks_have_the_published_fields() {
    let client = Client::new().await;
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let person = [
        "createdAt",
        "email",
        "firstName",
        "fraudReasonCode",
        "fraudRiskLevel",
        "id",
        "impressionCount",
        "isWinner",
        "lastName",
        "leadCount",
        "metadata",
        "monthlyReferralCount",
        "notes",
        "prevMonthlyReferralCount",
        "referralCount",
        "referralSource",
        "shareCount",
        "shareUrl",
        "uniqueImpressionCount",
        "unsubscribed",
        "vanityKeys",
    ];
    let and = |more: &[&str]| {
        let mut all: Vec<String> = person.iter().chain(more).map(|it| (*it).to_owned()).collect();
        all.sort();
        all
    };
    let first = client.people().await.into_values().next().unwrap();
    client
        .change(json!([
            {"join": {"email": "f@example.com", "referredBy": first["id"]}},
            {"convert": {"friend": "f@example.com"}},
        ]))
        .await;
    let reported = client.webhooks(&format!("since={AT}")).await;
    let [joined, goal, goal_of_friend] = &reported[..] else { panic!("{reported:?}") };
    assert_eq!(keys(joined), ["createdAt", "data", "event"]);
    assert_eq!(keys(&joined["data"]), and(&["campaign", "referredBy", "referrer"]));
    assert_eq!(keys(&joined["data"]["referrer"]), and(&[]));
    let campaign = ["currencyISO", "id", "name", "rewards", "type"];
    assert_eq!(keys(&joined["data"]["campaign"]), campaign);
    let reward = [
        "conversionsRequired",
        "couponCode",
        "description",
        "id",
        "imageUrl",
        "isActive",
        "isUnlimited",
        "isVisible",
        "limit",
        "limitDuration",
        "metadata",
        "nextMilestonePrefix",
        "nextMilestoneSuffix",
        "numberOfWinners",
        "order",
        "referralDescription",
        "title",
        "type",
    ];
    assert_eq!(keys(&joined["data"]["campaign"]["rewards"][0]), reward);
    assert_eq!(keys(&goal["data"]), ["campaign", "participant", "reward"]);
    assert_eq!(keys(&goal["data"]["participant"]), and(&["referee"]));
    assert_eq!(keys(&goal_of_friend["data"]["participant"]), and(&["referrer"]));
    let earned = [
        "approved",
        "approvedAt",
        "conversionsRequired",
        "couponCode",
        "createdAt",
        "description",
        "fulfilledAt",
        "id",
        "imageUrl",
        "isReferrer",
        "limit",
        "metadata",
        "referralCouponCode",
        "referralDescription",
        "referredId",
        "referrerId",
        "rewardId",
        "title",
        "type",
    ];
    assert_eq!(keys(&goal["data"]["reward"]), earned);
}

#[tokio::test]
async fn a_key_sees_and_does_what_its_scopes_say() {
    let client = Client::new().await;
    let id = client.people().await.into_keys().next().unwrap();
    let with = async |scopes: Value| {
        client.put("keys", json!({"sandbox": scopes})).await;
        let mut statuses = vec![client.status("campaigns").await];
        for path in ["", "/participants", "/referrals", "/reward-configs", "/webhooks"] {
            statuses.push(client.status(&format!("campaign/demo01{path}")).await);
        }
        statuses.push(client.status(&format!("campaign/demo01/participant/{id}/rewards")).await);
        let path = format!("campaign/demo01/participant/{id}");
        statuses.push(client.api("POST", &path, json!({"firstName": "Zoe"})).await.0);
        statuses
    };
    assert_eq!(with(json!(null)).await, [200; 8]);
    let read = with(json!(["program:read", "participant:read"])).await;
    assert_eq!(read, [200, 200, 200, 200, 200, 200, 403, 403]);
    let rewards = with(json!(["reward:read"])).await;
    assert_eq!(rewards, [403, 403, 403, 403, 403, 403, 200, 403]);
    client.put("keys", json!({"other": null})).await;
    let (status, body) = client.api("GET", "campaign/demo01", json!(null)).await;
    assert_eq!(
        (status, body["message"].as_str()),
        (403, Some("You do not have access to this resource."))
    );
}

#[tokio::test]
async fn a_delayed_credit_is_awarded_when_it_is_due_and_can_be_cancelled() {
    let client = Client::new().await;
    let people = client.people().await;
    let mut pending = people.values().filter(|row| row["referralStatus"] == "CREDIT_PENDING");
    let path = |row: &Value| format!("campaign/demo01/participant/{}", text(row, "id"));
    let [one, two] = [pending.next().unwrap(), pending.next().unwrap()].map(path);
    let status =
        async |path: &str| client.api("GET", path, json!(null)).await.1["referralStatus"].clone();
    for path in [&one, &two] {
        let (_, said) = client.api("POST", &format!("{path}/ref"), json!({"delayInDays": 7})).await;
        assert_eq!(said["success"], true);
        assert_eq!(status(path).await, "CREDIT_PENDING");
    }
    let cancelled = client.api("DELETE", &format!("{two}/ref"), json!(null)).await;
    assert_eq!((cancelled.0, &cancelled.1["success"]), (200, &json!(true)));
    let again = client.api("DELETE", &format!("{two}/ref"), json!(null)).await;
    assert_eq!((again.0, &again.1["success"]), (200, &json!(false)));
    let id = one.rsplit('/').next().unwrap();
    let days_ago = async |days: i64| {
        let convert = json!([{"convert": {"friend": id, "delayInDays": 7}}]);
        client.change_at(AT - days * 86_400_000, convert).await
    };
    days_ago(6).await;
    assert_eq!(status(&one).await, "CREDIT_PENDING");
    days_ago(7).await;
    assert_eq!([status(&one).await, status(&two).await], ["CREDIT_AWARDED", "CREDIT_PENDING"]);
    let reported = client.webhooks(&format!("since={AT}")).await;
    assert!(reported.iter().any(|reported| reported["event"] == "PARTICIPANT_REACHED_A_GOAL"));
    for days in [json!(91), json!("7"), json!(-1), json!(1.5)] {
        let (status, _) =
            client.api("POST", &format!("{two}/ref"), json!({"delayInDays": days})).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn the_api_updates_and_triggers() {
    let client = Client::new().await;
    let people = client.people().await;
    let pending = people.values().find(|row| row["referralStatus"] == "CREDIT_PENDING").unwrap();
    let path = format!("campaign/demo01/participant/{}", text(pending, "id"));
    let body = json!({"metadata": {"Customer id": 7, "b": "c"}, "firstName": "Zoe"});
    let (status, row) = client.api("POST", &path, body).await;
    assert_eq!((status, &row["firstName"]), (200, &json!("Zoe")));
    assert_eq!(row["metadata"], json!({"customerId": "7", "b": "c"}));
    let (_, row) = client.api("POST", &path, json!({"metadata": {"b": null}})).await;
    assert_eq!(row["metadata"], json!({"customerId": "7"}));
    assert_eq!(client.api("POST", &path, json!({"referralCount": 3})).await.0, 400);

    let path = format!("{path}/ref");
    assert_eq!(client.api("POST", &path, json!(null)).await.1["success"], true);
    let (status, again) = client.api("POST", &path, json!(null)).await;
    assert_eq!((status, &again["success"]), (200, &json!(false)));
    assert_eq!(again["message"], "Referral credit has already been awarded");
}

#[tokio::test]
async fn webhooks_and_integrations_are_configured() {
    let client = Client::new().await;
    let hook = client.get("/webhooks").await["webhooks"][0].clone();
    assert_eq!((&hook["id"], &hook["isEnabled"]), (&json!("primary"), &json!(true)));
    assert_eq!(hook["events"].as_array().unwrap().len(), 7);
    let off = json!({"isEnabled": false, "autoDisabledDueToFailures": true, "failureCount": 25});
    client
        .change(json!([
            {"configure": {"list": "webhooks", "id": "primary", "fields": off}},
            {"configure": {"list": "integrations", "id": "customerio", "fields": {"enabled": true}}},
        ]))
        .await;
    assert_eq!(client.get("/webhooks").await["webhooks"][0]["isEnabled"], false);
    assert_eq!(client.get("/integrations").await["integrations"][0]["enabled"], true);

    let path = format!("campaign/demo01/webhooks/{}", text(&hook, "id"));
    let (_, enabled) = client.api("PATCH", &path, json!({"isEnabled": true})).await;
    assert_eq!(enabled, hook);
    let (_, test) = client.api("POST", &format!("{path}/test"), json!(null)).await;
    assert_eq!((&test["success"], &test["response"]["statusCode"]), (&json!(true), &json!(200)));
    let none = json!({"events": []});
    assert_eq!(client.api("PATCH", &path, none).await.1["events"], json!([]));
    assert_eq!(client.api("POST", &format!("{path}/test"), json!(null)).await.0, 400);
    assert_eq!(client.api("PATCH", &path, json!({"colour": "red"})).await.0, 400);
}

#[tokio::test]
async fn a_program_is_replaced_and_checked() {
    let client = Client::new().await;
    client.change(json!([{"join": {"email": "a@example.com"}}])).await;
    let campaigns = json!([{"id": "one"}, {"id": "two", "type": "AFFILIATE"}]);
    let sent = json!({"campaigns": campaigns, "participants": 5, "started_at": 0, "ended_at": 8});
    client.put("program", sent).await;
    let (_, list) = client.api("GET", "campaigns", json!(null)).await;
    assert_eq!(list["campaigns"][1]["participantCount"], 5);
    let (_, one) = client.api("GET", "campaign/one/participants", json!(null)).await;
    let times: Vec<_> = one["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| number(row, "createdAt"))
        .collect();
    assert_eq!(times, [8, 6, 4, 2, 0]);
    let (_, two) = client.api("GET", "campaign/two/participants", json!(null)).await;
    assert_ne!(one["participants"][0]["email"], two["participants"][0]["email"]);

    client.put("program", json!({"participants": 0})).await;
    assert_eq!(client.people().await.len(), 0);
    assert_eq!(client.all("/referrals", "referrals").await.len(), 0);
    assert!(client.webhooks("").await.is_empty());
    for bad in [json!({"campaigns": []}), json!({"started_at": 9, "ended_at": 8}), json!({"x": 1})]
    {
        let answer = client.send("PUT", "/sandbox/growsurf/program", bad).await;
        assert_eq!(answer.0, 400);
    }
}

#[tokio::test]
async fn a_reset_of_the_sandbox_forgets_this_too() {
    let client = Client(crate::sandbox::router());
    client.change(json!([{"join": {"email": "a@example.com"}}])).await;
    client.put("limits", json!([50, 0, 20_000])).await;
    client.put("faults", json!({"rules": [{"status": 500}]})).await;
    assert_eq!(client.status("campaigns").await, 429);
    assert_eq!(client.send("POST", "/sandbox/reset", json!(null)).await.0, 204);
    assert_eq!(client.get("").await["participantCount"], 300);
    assert_eq!(client.requests().await["total"], 1);
}

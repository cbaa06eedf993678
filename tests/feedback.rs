//! Feedback: reports and actions of Customer.io reach GrowSurf, once.

use serde_json::{Value, json};

use crate::kit::eventually;
use crate::kit::growsurf::{CAMPAIGN, Growsurf};
use crate::kit::http;
use crate::kit::now_millis;
use crate::kit::relay::Setup;
use crate::kit::sandbox::Sandbox;
use crate::kit::stage::{KEY, Stage};
use crate::kit::webhooks::email;

/// Actions of people, and their effects.
impl Stage {
    /// Adds a participant and sends GrowSurf's webhook. Returns the participant's id.
    fn joins(&self, name: &str, referred_by: Option<&str>) -> String {
        let more = referred_by.map_or(json!({}), |referrer| json!({ "referredBy": referrer }));
        let id = self.adds(name, &more);
        self.play();
        id
    }

    /// Posts something as Customer.io does; returns the answer.
    #[track_caller]
    fn posts(&self, path: &str, body: &Value) -> Value {
        let answer = self.customerio_posts(path, body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    #[track_caller]
    fn reports(&self, report: &Value) -> Value {
        self.posts("/webhooks/customerio/reporting", report)["status"].clone()
    }

    #[track_caller]
    fn asks(&self, kind: &str, dedupe_key: &str, name: &str, more: &Value) -> Value {
        let mut ask = json!({
            "type": kind, "campaign": CAMPAIGN, "dedupe_key": dedupe_key, "email": email(name),
        });
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.posts("/webhooks/customerio/action", &ask)
    }

    /// Returns the statuses of the writes to this path, in order; null for one without an answer.
    fn writes(&self, path: &str) -> Vec<Value> {
        let requests = self.growsurf.requests()["requests"].as_array().unwrap().clone();
        let is_write =
            |it: &&Value| it["method"] == "POST" && it["path"].as_str().unwrap().ends_with(path);
        requests.iter().filter(is_write).map(|it| it["status"].clone()).collect()
    }
}

fn setup(setup: Setup) -> Setup {
    setup
        .set("customerio.action_keys", KEY)
        .set("customerio.reporting_keys", KEY)
        .set("feedback.writes_per_minute", "400")
}

/// Returns a report of Customer.io's on one person.
fn report(event_id: &str, object: &str, metric: &str, name: &str) -> Value {
    json!({
        "event_id": event_id, "object_type": object, "metric": metric,
        "timestamp": now_millis() / 1000,
        "data": { "identifiers": { "id": null, "email": email(name) }, "delivery_id": "D1" },
    })
}

#[test]
fn a_click_in_a_mail_reaches_growsurf_once_despite_faults() {
    let stage = Stage::set(setup);
    let fay = stage.joins("fay", None);
    assert_eq!(stage.sandbox.event("referral_program_joined").person(), email("fay"));
    let match_writes = json!({ "path": format!("participant/{fay}"), "method": "POST" });
    stage.growsurf.faults(&json!([
        { "match": match_writes, "times": 2, "status": 500 },
        { "match": match_writes, "times": 1, "drop": "after" },
    ]));
    let mut click = report("01CLICK", "email", "clicked", "fay");
    click["data"]["href"] = json!(format!("https://shop.example.com/?grsf={fay}&utm_source=mail"));
    assert_eq!(stage.reports(&click), "accepted");
    assert_eq!(stage.reports(&click), "duplicate");
    click["data"]["link_id"] = json!(2);
    assert_eq!(stage.reports(&click), "accepted");
    stage.relay.drained();

    let metadata = &stage.row(&fay)["metadata"];
    assert_eq!(metadata["emailReferralClicks"], "1", "{metadata}");
    assert!(metadata["lastEmailReferralClickAt"].as_str().unwrap().starts_with("20"));
    let writes = stage.writes(&format!("participant/{fay}"));
    assert_eq!(writes, [json!(500), json!(500), Value::Null, json!(200)]);
    assert_eq!(stage.sandbox.events_named("referral_link_clicked").len(), 1);
    assert_eq!(stage.relay.dead_letters(), 0);

    // GrowSurf's later reports of it change nothing, and the next click counts on.
    stage.play();
    let mut next = report("02CLICK", "email", "clicked", "fay");
    next["data"]["href"] = click["data"]["href"].clone();
    stage.reports(&next);
    let mut machine = next.clone();
    (machine["event_id"], machine["data"]["machine"]) = (json!("03CLICK"), json!(true));
    stage.reports(&machine);
    stage.relay.drained();
    assert_eq!(stage.row(&fay)["metadata"]["emailReferralClicks"], "2");
}

#[test]
fn a_trigger_whose_answer_is_lost_isnt_repeated_and_its_reward_arrives() {
    let stage = Stage::set(setup);
    let fay = stage.joins("fay", None);
    let bea = stage.joins("bea", Some(&fay));
    let path = format!("participant/{bea}/ref");
    stage.growsurf.faults(&json!([{ "match": { "path": path }, "times": 1, "drop": "after" }]));
    let asked = |key| stage.asks("trigger_referral", key, "bea", &json!({}))["status"].clone();
    assert_eq!(asked("first-order"), "accepted");
    assert_eq!(asked("first-order"), "duplicate");
    stage.relay.drained();
    assert_eq!(stage.row(&bea)["referralStatus"], "CREDIT_AWARDED");
    assert_eq!(stage.writes(&path), [Value::Null], "it was looked at before it went again");
    stage.play();
    let rewards = stage.sandbox.events_named("referral_reward_claimed");
    let earners: Vec<_> = rewards.iter().map(|event| event.person().to_owned()).collect();
    assert_eq!(earners, [email("fay"), email("bea")], "both sides, once");

    // Nobody referred Fay: that is no passing trouble.
    stage.asks("trigger_referral", "first-order", "fay", &json!({}));
    stage.relay.drained();
    assert_eq!(stage.relay.dead_letters(), 1);
    let printed = stage.relay.command(&["dead-letters", "list", "--all"]).expect(0);
    assert!(printed.contains("nobody referred this participant"), "{printed}");
}

#[test]
fn a_campaign_that_sets_itself_off_comes_to_an_end() {
    let stage = Stage::set(setup);
    let fay = stage.joins("fay", None);
    // A campaign that `referral_shared` starts, and that records a share: each message anew.
    let (mut round, mut answer) = (0, json!("accepted"));
    while answer == "accepted" {
        round += 1;
        assert!(round < 100, "it goes on for ever");
        let document =
            stage.asks("record_share", &format!("D{round}"), "fay", &json!({"channel": "sms"}));
        answer = document["status"].clone();
        if answer == "accepted" {
            let started = || stage.sandbox.events_named("referral_shared").len() == round;
            eventually("the campaign is started again", started);
        } else {
            let reason = document["reason"].as_str().unwrap();
            assert!(reason.contains("feedback.asks_per_hour"), "{reason}");
        }
    }
    assert_eq!((round, answer), (21, json!("parked")));
    let printed = stage.relay.command(&["replay", "--parked"]).expect(0);
    assert_eq!(stage.relay.metric("relay_parked_webhooks"), Some(1.0), "{printed}");
    stage.relay.drained();
    assert_eq!(stage.row(&fay)["metadata"]["recordedShares"], "20");
    assert_eq!(stage.sandbox.events_named("referral_shared").len(), 20);
}

#[test]
fn who_unsubscribes_at_customerio_does_at_growsurf_and_only_that_is_taken_back() {
    let stage = Stage::set(setup);
    let (fay, bea) = (stage.joins("fay", None), stage.joins("bea", None));
    stage.growsurf.update(&bea, &json!({ "unsubscribed": true }));
    stage.relay.command(&["sync"]).expect(0);
    stage.relay.drained();
    let said = |id: &str, metric, seconds: i64| {
        for name in ["fay", "bea"] {
            let mut report = report(&format!("{id}{name}"), "customer", metric, name);
            report["timestamp"] = json!(now_millis() / 1000 + seconds);
            stage.reports(&report);
        }
        stage.relay.drained();
        [&fay, &bea].map(|who| stage.row(who)["unsubscribed"].clone())
    };
    assert_eq!(said("1", "unsubscribed", -2), [json!(true), json!(true)]);
    assert_eq!(said("2", "subscribed", -1), [json!(false), json!(true)]);
}

#[test]
fn without_comparing_only_the_relays_own_unsubscription_is_taken_back() {
    let stage = Stage::set(setup);
    let (fay, bea) = (stage.joins("fay", None), stage.joins("bea", None));
    stage.growsurf.update(&bea, &json!({ "unsubscribed": true }));
    // Both within one second, as Customer.io's clock has it.
    let at = now_millis() / 1000;
    let said = |id: &str, metric| {
        for name in ["fay", "bea"] {
            let mut report = report(&format!("{id}{name}"), "customer", metric, name);
            report["timestamp"] = json!(at);
            stage.reports(&report);
        }
        stage.relay.drained();
        [&fay, &bea].map(|who| {
            let row = stage.row(who);
            let mark = row["metadata"]["cioUnsubscribed"].is_string();
            (row["unsubscribed"].clone(), mark)
        })
    };
    assert_eq!(said("1", "unsubscribed"), [(json!(true), true), (json!(true), false)]);
    assert_eq!(said("2", "subscribed"), [(json!(false), false), (json!(true), false)]);
    // Her own unsubscription right after a report isn't taken for the relay's.
    stage.growsurf.update(&fay, &json!({ "unsubscribed": true }));
    stage.relay.command(&["sync"]).expect(0);
    stage.relay.drained();
    assert_eq!(stage.sandbox.attributes(&email("fay"))["unsubscribed"], true);
}

#[test]
fn whom_a_campaign_unsubscribes_at_growsurf_stays_subscribed_at_customerio() {
    let stage = Stage::set(setup);
    let (fay, bea) = (stage.joins("fay", None), stage.joins("bea", None));
    stage.asks("update_participant", "quiet", "fay", &json!({ "unsubscribed": true }));
    stage.relay.drained();
    assert_eq!(stage.row(&fay)["unsubscribed"], true);
    stage.growsurf.update(&bea, &json!({ "unsubscribed": true }));
    let compares = || {
        stage.relay.command(&["sync"]).expect(0);
        stage.relay.drained();
        ["fay", "bea"].map(|who| stage.sandbox.attributes(&email(who))["unsubscribed"].clone())
    };
    assert_eq!(compares(), [Value::Null, json!(true)]);
    // Her own later changes are sent.
    stage.growsurf.update(&fay, &json!({ "unsubscribed": false }));
    compares();
    stage.growsurf.update(&fay, &json!({ "unsubscribed": true }));
    assert_eq!(compares(), [json!(true), json!(true)]);
}

#[test]
fn an_added_participant_joins_like_any_other() {
    let stage = Stage::set(setup);
    let fay = stage.joins("fay", None);
    let more = json!({ "referred_by": fay, "first_name": "Gil", "metadata": { "plan": "pro" } });
    assert_eq!(stage.asks("add_participant", "winback", "gil", &more)["status"], "accepted");
    stage.relay.drained();
    let row = stage.row(&email("gil"));
    assert_eq!((&row["firstName"], &row["metadata"]["plan"]), (&json!("Gil"), &json!("pro")));
    stage.play();
    let friend = stage.sandbox.event("referral_friend_signed_up");
    assert_eq!(
        (friend.person(), &friend.data()["friend_email"]),
        (&*email("fay"), &json!(email("gil")))
    );
    // Erased, nothing of them is left here.
    stage.relay.command(&["erase", &email("gil")]).expect(0);
    assert_eq!(stage.relay.setup().holding("gil@example.com"), Vec::<String>::new());
}

#[test]
fn an_erased_referrer_is_not_named_to_growsurf() {
    let stage = Stage::set(setup);
    let referred = json!({ "referred_by": email("rae") });
    stage.asks("add_participant", "winback", "gil", &referred);
    stage.relay.drained();
    let printed = stage.relay.command(&["dead-letters", "list", "--all"]).expect(0);
    assert!(printed.contains("referredBy is nobody."), "GrowSurf's own words: {printed}");

    stage.relay.command(&["erase", &email("rae")]).expect(0);
    assert_eq!(stage.relay.setup().holding(&email("rae")), Vec::<String>::new());
    stage.relay.command(&["dead-letters", "redeliver", "--all"]).expect(0);
    stage.asks("add_participant", "winback", "hal", &referred);
    stage.relay.drained();
    assert_eq!(stage.relay.dead_letters(), 0);
    for name in ["gil", "hal"] {
        assert_eq!(stage.row(&email(name))["email"], email(name));
    }
    assert_eq!(stage.relay.setup().holding(&email("rae")), Vec::<String>::new());
}

#[test]
fn a_wrong_key_of_growsurfs_stops_what_goes_there_and_nothing_else() {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    growsurf.program(0, 2, 1);
    let setup = growsurf.asked_by(setup(Setup::new(&sandbox)));
    let relay = setup.set("growsurf.api_key", "revoked").start();
    let stage = Stage { sandbox, growsurf, relay };
    stage.joins("fay", None);
    let more = json!({ "metadata": { "plan": "pro" } });
    assert_eq!(stage.asks("update_participant", "plan-1", "fay", &more)["status"], "accepted");
    let state = "relay_growsurf_state{state=\"halted\"}";
    eventually("GrowSurf is halted", || stage.relay.metric(state) == Some(1.0));
    stage.relay.destination_is("running");
    let ready = http::get(stage.relay.operator_url("/readyz"));
    assert!(ready.body.contains("GrowSurf is halted"), "{ready:?}");
    let Stage { sandbox: _sandbox, growsurf, relay } = stage;
    let relay = relay.restart_with(|setup| setup.set("growsurf.api_key", "sandbox"));
    relay.drained();
    let row = growsurf.ask(&format!("campaign/{CAMPAIGN}/participant/{}", email("fay")));
    assert_eq!(row["metadata"]["plan"], "pro");
}

#[test]
fn a_campaign_whose_key_was_taken_away_holds_up_no_other() {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    let named = |id: &str| json!({ "id": id, "name": id, "type": "REFERRAL" });
    growsurf.program_with(&json!({ "campaigns": [named("spring"), named("autumn")] }));
    let with_key_of = |campaigns: &[&str]| -> String {
        let table = |id: &&str| {
            let key = if campaigns.contains(id) { "api_key = \"sandbox\"\n" } else { "" };
            format!("[[growsurf.campaigns]]\nid = \"{id}\"\n{key}")
        };
        ["spring", "autumn"].iter().map(table).collect()
    };
    let both = with_key_of(&["spring", "autumn"]);
    let relay = growsurf
        .asked_by(setup(Setup::new(&sandbox)))
        .unset("growsurf.api_key")
        .file(&both)
        .start();
    let mut stage = Stage { sandbox, growsurf, relay };
    stage.growsurf.faults(&json!([{ "match": { "method": "POST" }, "status": 500 }]));
    for (campaign, name) in [("spring", "sue"), ("autumn", "abe")] {
        let answer = stage.asks("add_participant", "1", name, &json!({ "campaign": campaign }));
        assert_eq!(answer["status"], "accepted", "{answer}");
    }
    stage.relay = stage.relay.restart_with(|setup| setup.file(&with_key_of(&["autumn"])));
    stage.growsurf.faults(&json!([]));
    stage.relay.drained();
    let row = |campaign: &str, name: &str| -> Value {
        stage.growsurf.ask(&format!("campaign/{campaign}/participant/{}", email(name)))
    };
    assert_eq!(row("autumn", "abe")["email"], email("abe"));
    let printed = stage.relay.command(&["dead-letters", "list", "--all"]).expect(0);
    assert!(printed.contains("\"spring\"") && printed.contains("growsurf.campaigns"), "{printed}");

    // With its key back, what it waited for goes as well.
    let relay = stage.relay.restart_with(|setup| setup.file(&both));
    relay.command(&["dead-letters", "redeliver", "--all"]).expect(0);
    relay.drained();
    let row = stage.growsurf.ask(&format!("campaign/spring/participant/{}", email("sue")));
    assert_eq!(row["email"], email("sue"));
}

#[test]
fn check_says_what_comes_back_and_that_the_right_to_write_was_not_tried() {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    growsurf.program(0, 2, 1);
    let lines = |setup: Setup, keys: &[(&str, &str)], file: &str| -> Vec<String> {
        let setup = keys.iter().fold(setup, |setup, (name, key)| setup.set(name, *key));
        let printed = setup.file(file).command(&["check"]).expect(0);
        let is_of = |line: &&str| {
            ["reports ", "actions ", "pages ", "growsurf "]
                .iter()
                .any(|what| line.get(6..).is_some_and(|rest| rest.starts_with(what)))
        };
        printed.lines().filter(is_of).map(str::to_owned).collect()
    };
    let pages = format!(
        "[page]\norigins = [\"https://shop.example.com\"]\n\
         [[growsurf.campaigns]]\nid = \"{CAMPAIGN}\"\npage_key = \"pk_spring\"\n"
    );
    let keys = [("customerio.reporting_keys", KEY), ("customerio.action_keys", KEY)];
    let all = lines(growsurf.asked_by(Setup::new(&sandbox)), &keys, &pages);
    let [campaign, reports, actions, pages, writes] = &all[..] else { panic!("{all:?}") };
    assert!(campaign.starts_with("ok    growsurf"), "{campaign}");
    assert!(reports.starts_with("ok    reports"), "{reports}");
    assert!(actions.starts_with("ok    actions") && actions.contains("20 an hour"), "{actions}");
    let origin = format!("https://shop.example.com may post clicks of {CAMPAIGN}");
    assert!(pages.starts_with("ok    pages") && pages.contains(&origin), "{pages}");
    assert!(writes.starts_with("note  growsurf"), "{writes}");
    for part in [
        "clicks in messages, unsubscriptions, webhook actions are written",
        "at most 60 a minute",
        "participant:write, which only a write can test",
    ] {
        assert!(writes.contains(part), "{writes}");
    }
    assert_eq!(growsurf.requests()["requests"].to_string().matches("\"POST\"").count(), 0);

    let without_key = lines(Setup::new(&sandbox), &keys[1..], "");
    assert!(matches!(&without_key[..], [actions] if actions.contains("parked")), "{without_key:?}");
    let nothing = lines(growsurf.asked_by(Setup::new(&sandbox)), &[], "");
    assert!(matches!(&nothing[..], [campaign] if campaign.starts_with("ok ")), "{nothing:?}");
}

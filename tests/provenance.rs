//! Sources of webhooks: they select the reader, at receipt and at every replay; the shape never does.

use serde_json::{Value, json};

use crate::kit::http::{self, Answer};
use crate::kit::ids::{event_id, signature};
use crate::kit::now_millis;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{Webhook, email, goal_reached, guide, joined, participant};

const GROWSURF: &str = "/webhooks/growsurf";

/// The keys that Customer.io signs with.
const REPORTS: &str = "the-reporting-key-of-the-tests";
const ACTIONS: &str = "the-action-key-of-the-tests";

/// Returns a setup of two campaigns with their own secrets beside the common one.
fn setup(sandbox: &Sandbox) -> Setup {
    let file = "[[growsurf.campaigns]]\nid = \"spring\"\nwebhook_secrets = [\"secret-of-spring-1\"]\n\
                [[growsurf.campaigns]]\nid = \"autumn\"\nwebhook_secrets = [\"secret-of-autumn-1\"]\n";
    Setup::new(sandbox)
        .file(file)
        .set("customerio.reporting_keys", REPORTS)
        .set("customerio.action_keys", ACTIONS)
        .set("api.token", "the-token-of-the-tests")
}

#[track_caller]
fn signed(relay: &Relay, secret: &str, body: &[u8]) -> Answer {
    let proof = signature(secret, now_millis(), body);
    http::send(relay.post(GROWSURF, body.to_vec(), Some(proof)))
}

#[track_caller]
fn from_customerio(relay: &Relay, path: &str, key: &str, body: &[u8]) -> Answer {
    relay.customerio_posts(path, key, now_millis() / 1_000, body)
}

#[track_caller]
fn from_server(relay: &Relay, body: &[u8]) -> Answer {
    let request = relay.post("/v1/events", body.to_vec(), None);
    http::send(request.bearer_auth("the-token-of-the-tests"))
}

fn number(relay: &Relay, what: &str) -> i64 {
    relay.setup().number(&format!("SELECT COUNT(*) FROM {what}"))
}

/// Bytes that are no JSON object, however near they come.
fn unreadable() -> Vec<Vec<u8>> {
    let body = joined("fay").body();
    let (body, text) = (body.as_bytes(), body.as_str());
    let deep = |levels: usize| [b"{\"a\":".repeat(levels), b"1".to_vec(), b"}".repeat(levels)];
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
    vec![
        Vec::new(),
        b" ".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\"text\"".to_vec(),
        [b"[", body, b"]"].concat(),
        [b"\xef\xbb\xbf", body].concat(),
        [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
        utf16(u16::to_be_bytes),
        [body, b"\0"].concat(),
        [&body[..body.len() - 1], b",\"x\":\"\0\"}"].concat(),
        [&body[..body.len() - 1], b",\"x\":1e400}"].concat(),
        [&body[..body.len() - 1], b",\"x\":\"\xff\"}"].concat(),
        [&body[..body.len() - 1], b",\"x\":\"\xed\xa0\x80\"}"].concat(),
        body[..body.len() - 1].to_vec(),
        deep(128).concat(),
        deep(2_000).concat(),
    ]
}

/// Returns the body in the store, in hexadecimal digits.
fn kept(relay: &Relay, id: &str, body: &[u8]) -> bool {
    let id = id.replace('-', "");
    let sql = if crate::kit::ON_POSTGRES {
        format!(
            "replace(id::text, '-', '') = '{id}' AND encode(body, 'hex') = '{}'",
            hex::encode(body)
        )
    } else {
        format!("lower(hex(id)) = '{id}' AND lower(hex(body)) = '{}'", hex::encode(body))
    };
    number(relay, &format!("inbox WHERE {sql}")) == 1
}

#[test]
fn what_looks_like_another_campaigns_rest_row_writes_nothing_there() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let row = participant("eve");
    let of_autumn = json!({"id": "autumn", "name": "Autumn"});
    let at = now_millis();
    for body in [
        json!({"fetched": "participant", "at": at, "campaign": of_autumn, "filter": "all", "row": row}),
        json!({"at": at, "campaign_name": "Autumn", "filter": "all", "shares": true, "row": row}),
        json!({"event": "participant", "owner": "autumn", "source": "growsurf_api", "at": at, "row": row}),
        json!({"event": "REST_PARTICIPANT", "campaign": of_autumn, "at": at, "row": row}),
    ] {
        let answer = signed(&relay, "secret-of-spring-1", body.to_string().as_bytes());
        let names_autumn = body.get("campaign").is_some();
        assert_eq!(answer.status, if names_autumn { 401 } else { 200 }, "{body}");
        if !names_autumn {
            assert_eq!(answer.json()["status"], "parked", "{body}");
        }
    }
    for _ in 0..2 {
        let printed = relay.setup().command(&["replay", "--parked"]).expect(0);
        assert!(printed.contains("led to 0 new calls, 2 still parked"), "{printed}");
    }
    relay.drained();
    assert_eq!(sandbox.people(), Vec::<Value>::new());
    for table in ["people", "participants", "effects"] {
        assert_eq!(number(&relay, table), 0, "{table}");
    }
}

#[test]
fn what_names_no_campaign_is_of_the_one_whose_own_secret_signed_it_on_replay_as_well() {
    let sandbox = Sandbox::start();
    let ignoring = setup(&sandbox).set("growsurf.ignore_emails", email("rae"));
    let mut relay = ignoring.start();
    let nameless = |name: &str| joined(name).without("/data/campaign").body();
    let guided = guide("PARTICIPANT_CREATED", "ned").without("/participant/campaignId");
    let guided = guided.with("/participant/id", "ned").body();
    for (secret, body, status) in [
        ("secret-of-spring-1", nameless("fay"), "accepted"),
        ("secret-of-spring-1", nameless("rae"), "parked"),
        ("secret-of-autumn-1", guided, "accepted"),
        // Nobody vouches for a campaign, and there are two.
        (SECRET, nameless("ann"), "parked"),
    ] {
        let answer = signed(&relay, secret, body.as_bytes());
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!(status)), "{answer:?}");
    }
    let named = |id: &str| joined("eve").with("/data/campaign/id", id).body();
    assert_eq!(signed(&relay, "secret-of-spring-1", named("autumn").as_bytes()).status, 401);
    assert_eq!(signed(&relay, "secret-of-spring-1", named("other").as_bytes()).status, 401);
    let nowhere = guide("PARTICIPANT_CREATED", "eve").without("/participant/campaignId");
    let own = joined("eve").with("/data/campaign/id", "spring");
    for elsewhere in [
        nowhere.clone().with("/campaign", "autumn"),
        nowhere.clone().with("/campaignId", "autumn"),
        nowhere.clone().with("/campaign", json!({"id": "autumn"})),
        nowhere.clone().with("/participant/campaign", "autumn"),
        nowhere.with("/participant/campaign", json!({"id": "autumn"})),
        own.clone().with("/campaign", "autumn"),
        own.clone().with("/data/campaignId", "autumn"),
        own.clone().with("/data/participant", json!({"campaignId": "autumn"})),
        own.clone().with("/data/campaign", "autumn"),
        own.with("/data/campaign", json!({})).with("/data/campaignId", "autumn"),
    ] {
        let answer = signed(&relay, "secret-of-spring-1", elsewhere.body().as_bytes());
        assert_eq!(answer.status, 401, "{}", elsewhere.body());
    }
    relay.terminate();
    let relay = relay.setup().clone().unset("growsurf.ignore_emails").start();
    let printed = relay.setup().command(&["replay", "--parked"]).expect(0);
    assert!(printed.contains("1 still parked"), "{printed}");
    relay.drained();
    let ids: Vec<String> = sandbox.events().iter().map(|event| event.id().to_owned()).collect();
    for key in ["joined:spring:fay", "joined:autumn:ned", "joined:spring:rae"] {
        assert!(ids.contains(&event_id(key)), "{key}");
    }
    assert_eq!(ids.len(), 3);
}

#[test]
fn the_same_bytes_of_another_owner_or_source_are_another_webhook() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let body = joined("fay").without("/data/campaign").body();
    for secret in ["secret-of-spring-1", "secret-of-autumn-1"] {
        for status in ["accepted", "duplicate"] {
            let answer = signed(&relay, secret, body.as_bytes());
            assert_eq!(answer.json()["status"], status, "{secret}: {answer:?}");
        }
    }
    // To Customer.io's endpoint the same bytes are a report, and no very good one.
    let reported =
        |body: &[u8]| from_customerio(&relay, "/webhooks/customerio/reporting", REPORTS, body);
    for _ in 0..2 {
        assert_eq!(reported(body.as_bytes()).json()["status"], "parked");
    }
    assert_eq!(number(&relay, "inbox"), 3);
    relay.drained();
    let mut ids: Vec<String> = sandbox.events().iter().map(|event| event.id().to_owned()).collect();
    ids.sort();
    let mut expected = ["joined:spring:fay", "joined:autumn:fay"].map(event_id).to_vec();
    expected.sort();
    assert_eq!(ids, expected);
}

#[test]
fn authentic_bytes_that_cannot_be_read_are_parked_as_they_came() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let mut parked = 0;
    for body in unreadable() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let mut reasons = Vec::new();
        for secret in [SECRET, "secret-of-spring-1"] {
            let (first, again) = (signed(&relay, secret, &body), signed(&relay, secret, &body));
            let (first, again) = (first.json(), again.json());
            assert_eq!((&first["status"], &again), (&json!("parked"), &first), "{shown:?}");
            assert!(kept(&relay, first["id"].as_str().unwrap(), &body), "{shown:?}");
            reasons.push(first["reason"].as_str().unwrap().to_owned());
            parked += 1;
        }
        assert_eq!(reasons[0], reasons[1]);
        let is_beyond = reasons[0].starts_with("the body can't be read: ");
        assert!(is_beyond || reasons[0].contains("JSON"), "{shown:?}: {}", reasons[0]);
        assert!(!reasons[0].contains("fay") && !reasons[0].contains(char::is_control));
        let report = from_customerio(&relay, "/webhooks/customerio/reporting", REPORTS, &body);
        let report = report.json();
        assert_eq!((&report["status"], &report["reason"]), (&json!("parked"), &json!(reasons[0])));
        assert!(kept(&relay, report["id"].as_str().unwrap(), &body), "{shown:?}");
        parked += 1;

        let action = from_customerio(&relay, "/webhooks/customerio/action", ACTIONS, &body);
        for answer in [action, from_server(&relay, &body)] {
            assert_eq!(
                (answer.status, answer.json()["status"].as_u64()),
                (400, Some(400)),
                "{shown:?}"
            );
        }
    }
    assert_eq!(number(&relay, "inbox"), parked);
    assert_eq!(relay.metric("relay_parked_webhooks"), Some(parked as f64));
    let printed = relay.setup().command(&["replay", "--parked"]).expect(0);
    assert!(printed.contains(&format!("{parked} still parked")), "{printed}");
    assert!(printed.contains("not JSON") && !printed.contains("internal"), "{printed}");
    assert_eq!(relay.metric("relay_parked_webhooks"), Some(parked as f64));
}

#[test]
fn half_surrogates_and_zeros_in_what_can_be_read_cost_a_character_not_the_webhook() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let body = joined("fay").body();
    let renamed = body.replace("\"Fay\"", "\"Fay\\ud83d\"");
    assert_ne!(body, renamed);
    assert_eq!(signed(&relay, SECRET, renamed.as_bytes()).json()["status"], "accepted");
    let event = json!({"event": "A\u{0}B", "data": {}}).to_string();
    let answer = signed(&relay, SECRET, event.as_bytes()).json();
    assert_eq!(answer["status"], "parked", "{answer}");
    assert!(!answer["reason"].as_str().unwrap().contains('\0'), "{answer}");
    let column = if crate::kit::ON_POSTGRES { "chr(65533)" } else { "char(65533)" };
    assert_eq!(number(&relay, &format!("inbox WHERE event = 'A' || {column} || 'B'")), 1);
    relay.drained();
    assert_eq!(sandbox.events().len(), 1);
}

/// Every source's usual body, sent to every other's endpoint, and then everything planned again.
#[test]
fn bodies_of_one_source_are_nothing_but_text_to_another() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let named = |webhook: Webhook| webhook.with("/data/campaign/id", "spring").body();
    let report = json!({
        "event_id": "01R", "object_type": "email", "metric": "clicked", "timestamp": 1_780_000_000,
        "data": {"identifiers": {"email": email("fay")}, "href": "https://x.org/?grsf=fay"},
    });
    let action = json!({
        "type": "update_participant", "campaign": "spring", "dedupe_key": "k", "email": email("fay"),
        "first_name": "Eve",
    });
    let purchase =
        json!({"event": "purchase", "campaign": "spring", "id": "o", "email": email("fay")});
    assert_eq!(
        signed(&relay, SECRET, named(joined("fay")).as_bytes()).json()["status"],
        "accepted"
    );
    relay.drained();
    let before = sandbox.events().len();
    let [report, action, purchase] = [report, action, purchase].map(|body| body.to_string());
    for body in [&report, &action, &purchase] {
        assert_eq!(signed(&relay, SECRET, body.as_bytes()).json()["status"], "parked", "{body}");
    }
    for body in [&action, &purchase, &named(joined("eve"))] {
        let answer =
            from_customerio(&relay, "/webhooks/customerio/reporting", REPORTS, body.as_bytes());
        assert_eq!(answer.json()["status"], "parked", "{body}");
    }
    for body in [&report, &purchase, &named(joined("eve"))] {
        let answer =
            from_customerio(&relay, "/webhooks/customerio/action", ACTIONS, body.as_bytes());
        assert_eq!(answer.status, 422, "{body}");
    }
    for body in [&report, &action, &named(joined("eve"))] {
        assert_eq!(from_server(&relay, body.as_bytes()).status, 422, "{body}");
    }
    for arguments in [&["replay"][..], &["replay", "--parked"]] {
        let printed = relay.setup().command(arguments).expect(0);
        assert!(printed.contains("to 0 new calls"), "{printed}");
    }
    relay.drained();
    assert_eq!(sandbox.events().len(), before);
    assert_eq!(number(&relay, "inbox"), 7);
}

#[test]
fn ids_over_200_bytes_are_refused_or_parked_by_source() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let (fits, long) = ("x".repeat(200), "x".repeat(201));
    let spring = |name: &str| joined(name).with("/data/campaign/id", "spring");
    let goal = |id: &str| goal_reached("rae", id).with("/data/campaign/id", "spring");
    for (webhook, field) in [
        (spring("fay").with("/data/id", &*long), "data.id"),
        (spring("fay").with("/data/campaign/id", &*long), "the campaign's id"),
        (goal(&long), "the reward's id"),
        (guide("PARTICIPANT_CREATED", "fay").with("/participant/id", &*long), "participant.id"),
    ] {
        let answer = signed(&relay, SECRET, webhook.body().as_bytes()).json();
        let reason = answer["reason"].as_str().unwrap();
        assert!(reason.contains(field) && reason.contains("longer than 200 bytes"), "{answer}");
    }
    // Only their part of the webhook is left out.
    for part in [
        spring("gus").with("/data/referredBy", &*long),
        spring("ann").with("/data/vanityKeys", json!([long, "ann-1"])),
        guide("PARTICIPANT_CREATED", "hal").with("/participant/referralCode", &*long),
    ] {
        let parked = relay.count("relay_parked_webhooks");
        let answer = signed(&relay, SECRET, part.body().as_bytes()).json();
        assert_eq!(answer["status"], "accepted", "{answer}");
        assert_eq!(relay.count("relay_parked_webhooks"), parked + 1.0, "{answer}");
    }
    let longest = spring("bob").with("/data/id", &*fits);
    assert_eq!(signed(&relay, SECRET, longest.body().as_bytes()).json()["status"], "accepted");

    let purchase = |id: &str, who: &str| {
        json!({"event": "purchase", "campaign": "spring", "id": id, "participant_id": who})
            .to_string()
    };
    let letters = "é".repeat(101);
    for (body, field) in [
        (purchase(&letters, "bob"), "id"),
        (purchase("o1", &letters), "participant_id"),
        (purchase(&long, "bob"), "id"),
    ] {
        let answer = from_server(&relay, body.as_bytes());
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        let expected = format!("{field} is longer than 200 bytes");
        assert_eq!((answer.status, detail), (422, expected));
    }
    let accepted = from_server(&relay, purchase("o1", &fits).as_bytes());
    assert_eq!(accepted.json()["status"], "accepted", "{accepted:?}");
    let action = json!({
        "type": "record_share", "campaign": "spring", "dedupe_key": letters, "email": email("ann"),
        "channel": "x",
    });
    let path = "/webhooks/customerio/action";
    let answer = from_customerio(&relay, path, ACTIONS, action.to_string().as_bytes());
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(
        answer.json()["detail"].as_str().unwrap().contains("dedupe_key is longer"),
        "{answer:?}"
    );
    let report = json!({
        "event_id": long, "object_type": "customer", "metric": "unsubscribed",
        "data": {"identifiers": {"email": email("ann")}},
    });
    let path = "/webhooks/customerio/reporting";
    let answer = from_customerio(&relay, path, REPORTS, report.to_string().as_bytes()).json();
    assert_eq!(
        (&answer["status"], &answer["reason"]),
        (&json!("parked"), &json!("event_id is longer than 200 bytes"))
    );
    assert_eq!(number(&relay, "inbox WHERE parked IS NOT NULL"), 8);
    let printed = relay.setup().command(&["replay", "--parked"]).expect(0);
    assert!(printed.contains("8 still parked") && !printed.contains("internal"), "{printed}");
    relay.drained();
    let mut events = sandbox.event_lines();
    events.sort();
    let joined =
        ["ann", "bob", "gus", "hal"].map(|name| format!("referral_program_joined {}", email(name)));
    let purchase = format!("purchase {}", email("bob"));
    assert_eq!(events, [&[purchase], joined.as_slice()].concat());
}

#[test]
fn an_address_with_an_invisible_character_is_no_address() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    for invisible in
        ["\u{200f}", "\u{ad}", "\u{2066}", "\u{fe0f}", "\u{e0001}", "\u{3164}", "\u{34f}"]
    {
        let address = format!("fa{invisible}y@example.com");
        let webhook = joined("fay").with("/data/email", &*address);
        let answer = signed(&relay, SECRET, webhook.body().as_bytes()).json();
        let reason = answer["reason"].as_str().unwrap();
        assert!(
            reason.contains("data.email") && !reason.contains(invisible),
            "{invisible:?}: {answer}"
        );
        let event = json!({"event": "purchase", "campaign": "spring", "id": "o", "email": address});
        assert_eq!(from_server(&relay, event.to_string().as_bytes()).status, 422, "{invisible:?}");
    }
    relay.drained();
    assert_eq!(sandbox.people(), Vec::<Value>::new());
}

/// Returns a body without a campaign, of each source.
fn nameless() -> [(&'static str, String); 5] {
    let guided = guide("PARTICIPANT_CREATED", "ned").without("/participant/campaignId");
    let referred = guide("PARTICIPANT_REFERRED", "ova").referred_by("ned");
    let shared =
        json!({"event": "referral_shared", "email": email("ned"), "id": "s1", "channel": "sms"});
    let bought = json!({"event": "purchase", "email": email("ned"), "id": "o1", "value": 9, "currency": "EUR"});
    let asked = json!({
        "type": "record_share", "email": email("ned"), "dedupe_key": "k1", "channel": "sms",
    });
    [
        (GROWSURF, guided.body()),
        (GROWSURF, referred.without("/participant/campaignId").body()),
        ("/v1/events", shared.to_string()),
        ("/v1/events", bought.to_string()),
        ("/webhooks/customerio/action", asked.to_string()),
    ]
}

#[track_caller]
fn sent_to(relay: &Relay, path: &str, body: &str) -> Answer {
    match path {
        GROWSURF => signed(relay, SECRET, body.as_bytes()),
        "/v1/events" => from_server(relay, body.as_bytes()),
        _ => from_customerio(relay, path, ACTIONS, body.as_bytes()),
    }
}

/// Settings that name these campaigns.
fn naming(setup: Setup, campaigns: &[&str]) -> Setup {
    let tables = campaigns.iter().map(|id| format!("[[growsurf.campaigns]]\nid = \"{id}\"\n"));
    setup.file(&tables.collect::<String>())
}

fn nameless_setup(sandbox: &Sandbox) -> Setup {
    Setup::new(sandbox)
        .set("customerio.action_keys", ACTIONS)
        .set("api.token", "the-token-of-the-tests")
        .set("growsurf.api_key", "sandbox")
        .set("growsurf.base_url", format!("{}/growsurf/v2", sandbox.url()))
}

#[test]
fn what_names_no_campaign_stays_in_the_one_it_was_planned_in_whatever_the_settings_name_later() {
    for (before, after) in [
        (&["spring"][..], &["autumn"][..]),
        (&["spring"], &["spring", "autumn"]),
        (&["spring"], &[]),
        (&[], &["spring"]),
    ] {
        let sandbox = Sandbox::start();
        let mut relay = naming(nameless_setup(&sandbox), before).start();
        // Whom the others are about is known in every campaign.
        for campaign in ["spring", "autumn"] {
            let known = joined("ned").with("/data/campaign/id", campaign).body();
            assert_eq!(signed(&relay, SECRET, known.as_bytes()).json()["status"], "accepted");
        }
        let mut accepted = 0;
        for (path, body) in nameless() {
            let answer = sent_to(&relay, path, &body);
            // Without a campaign in the settings, what your own systems say has to name one.
            let expected = if before.is_empty() && path != GROWSURF { 422 } else { 200 };
            assert_eq!(answer.status, expected, "{before:?} {path} {body}: {answer:?}");
            if expected == 200 {
                assert_eq!(answer.json()["status"], "accepted", "{before:?} {path} {body}");
                accepted += 1;
            }
        }
        assert!(accepted >= 2);
        relay.drained();
        let (events, people) = (sandbox.events().len(), sandbox.people());
        let effects = number(&relay, "effects");
        relay.terminate();
        let relay = naming(relay.setup().clone(), after).start();
        for (path, body) in nameless().into_iter().filter(|(path, _)| *path == GROWSURF) {
            assert_eq!(sent_to(&relay, path, &body).json()["status"], "duplicate");
        }
        for arguments in [&["replay"][..], &["replay", "--parked"]] {
            let printed = relay.setup().command(arguments).expect(0);
            assert!(printed.contains("led to 0 new calls"), "{before:?} {after:?}: {printed}");
        }
        relay.drained();
        assert_eq!(number(&relay, "effects"), effects, "{before:?} {after:?}");
        assert_eq!((sandbox.events().len(), sandbox.people()), (events, people));
    }
}

#[test]
fn what_is_parked_takes_the_settings_campaign_when_it_is_replayed_and_keeps_it() {
    let sandbox = Sandbox::start();
    let setup = nameless_setup(&sandbox).set("growsurf.ignore_emails", email("ned"));
    let mut relay = naming(setup, &["spring"]).start();
    let body = guide("PARTICIPANT_CREATED", "ned").without("/participant/campaignId").body();
    assert_eq!(signed(&relay, SECRET, body.as_bytes()).json()["status"], "parked");
    for (campaigns, calls) in [(&["autumn"][..], 2), (&["spring"], 0), (&[], 0)] {
        relay.terminate();
        let setup = relay.setup().clone().unset("growsurf.ignore_emails");
        relay = naming(setup, campaigns).start();
        let printed = relay.setup().command(&["replay"]).expect(0);
        assert!(printed.contains(&format!("led to {calls} new calls")), "{campaigns:?}: {printed}");
    }
    relay.drained();
    let events = sandbox.events_named("referral_program_joined");
    let campaigns: Vec<&Value> = events.iter().map(|event| &event.data()["campaign_id"]).collect();
    assert_eq!(campaigns, ["autumn"]);
}

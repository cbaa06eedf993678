//! Answers to GrowSurf, and stored webhooks: statuses, signatures, limits, parking, replay.
//!
//! What belongs here: the endpoint. What doesn't: what an accepted webhook leads to (`mapping`).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use serde_json::{Value, json};

use crate::kit::http::{self, Answer};
use crate::kit::ids::signature;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{Webhook, campaign_ended, goal_reached, guide, joined};
use crate::kit::{TIMEOUT, eventually, now_millis};

const PATH: &str = "/webhooks/growsurf";

#[track_caller]
fn post(relay: &Relay, path: &str, body: &str, signature: Option<String>) -> Answer {
    http::send(relay.post(path, body.to_owned(), signature))
}

/// Posts a webhook signed with this secret.
#[track_caller]
fn signed_with(relay: &Relay, secret: &str, webhook: &Webhook) -> Answer {
    let body = webhook.body();
    post(relay, PATH, &body, Some(signature(secret, now_millis(), body.as_bytes())))
}

/// Asserts that the answer is a problem document with this status and these words.
#[track_caller]
fn assert_problem(answer: &Answer, status: u16, words: &[&str]) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let document = answer.json();
    assert_eq!(document["status"], status);
    assert!(!document["title"].as_str().unwrap().is_empty());
    let detail = document["detail"].as_str().unwrap();
    for word in words {
        assert!(detail.contains(word), "{detail} lacks {word}");
    }
}

/// Returns the number of webhooks that the store has kept.
fn kept(relay: &Relay) -> u64 {
    u64::try_from(relay.setup().number("SELECT COUNT(*) FROM inbox")).unwrap()
}

#[test]
fn a_slash_behind_a_path_changes_nothing() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    for (path, name) in [("/webhooks/growsurf/", "fay"), ("/api/growsurf-to-cio//", "rae")] {
        let body = joined(name).body();
        let signed = Some(signature(SECRET, now_millis(), body.as_bytes()));
        let answer = post(&relay, path, &body, signed);
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("accepted")), "{path}");
    }
    assert_eq!(http::get(relay.url("/healthz/?verbose=1")).status, 200);
    assert_eq!(http::get(relay.url("/webhooks/growsurf/")).status, 405);
    for path in ["/", "//", "/nothing/", "/webhooks/"] {
        assert_problem(&http::get(relay.url(path)), 404, &["nothing at this path"]);
    }
}

#[test]
fn an_accepted_webhook_is_answered_with_its_id() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let answer = relay.send(&joined("fay"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    let id = document["id"].as_str().unwrap();
    assert_eq!(document, json!({"success": true, "status": "accepted", "id": id}));
    assert_eq!(id.len(), 36, "{id}");
}

#[test]
fn both_paths_take_the_same_webhooks() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    for (path, webhook) in [
        ("/webhooks/growsurf", joined("fay")),
        ("/api/growsurf-to-cio", joined("rae")),
        ("/webhooks/growsurf", guide("PARTICIPANT_CREATED", "ann")),
        ("/api/growsurf-to-cio", guide("PARTICIPANT_CREATED", "ben")),
    ] {
        let body = webhook.body();
        let proof = signature(SECRET, now_millis(), body.as_bytes());
        let answer = post(&relay, path, &body, Some(proof));
        assert_eq!(answer.json()["status"], "accepted", "{path} {answer:?}");
    }
    relay.drained();
    assert_eq!(sandbox.event_lines().len(), 4);
}

#[test]
fn the_same_bytes_again_are_a_duplicate() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let webhook = joined("fay");
    let id = relay.accept(&webhook);
    for _ in 0..3 {
        assert_eq!(relay.must("duplicate", &webhook)["id"], id);
    }
    relay.drained();
    assert_eq!(sandbox.calls().len(), 2);
    assert_eq!(kept(&relay), 1);
}

#[test]
fn what_is_not_understood_is_parked_with_the_reason() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    for (webhook, reason) in [
        (joined("fay").with("/event", "PARTICIPANT_TELEPORTED"), "PARTICIPANT_TELEPORTED"),
        (joined("fay").without("/event"), "event is missing"),
        (joined("fay").without("/createdAt"), "createdAt is missing"),
        (joined("fay").at(1_554_479_231), "createdAt"),
        (joined("fay").at(now_millis() + 25 * 3_600_000), "createdAt"),
        (joined("fay").without("/data/email"), "data.email is missing"),
        (joined("fay").with("/data/email", "nobody"), "data.email"),
        (joined("fay").without("/data/campaign"), "data.campaign.id is missing"),
        (joined("fay").without("/data"), "data is missing"),
        (goal_reached("rae", "prew_1").without("/data/reward/id"), "data.reward.id is missing"),
        (goal_reached("rae", "prew_1").without("/data/participant"), "data.participant is missing"),
        (campaign_ended(&[]).without("/data/winners"), "data.winners is missing"),
        (guide("PARTICIPANT_REFERRED", "fay"), "referrer is missing"),
        (guide("PARTICIPANT_VANISHED", "fay"), "PARTICIPANT_VANISHED"),
        (
            guide("PARTICIPANT_CREATED", "fay").without("/participant/email"),
            "participant.email is missing",
        ),
        (Webhook(json!({"hello": "world"})), "data is missing"),
        (Webhook(json!({})), "data is missing"),
    ] {
        let document = relay.must("parked", &webhook);
        let reported = document["reason"].as_str().unwrap();
        assert!(reported.contains(reason), "{reported} doesn't name {reason}");
    }
    relay.drained();
    assert!(sandbox.calls().is_empty());
    assert_eq!(relay.metric("relay_parked_webhooks"), Some(17.0));
}

#[test]
fn a_parked_webhook_is_no_duplicate_of_itself() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let webhook = joined("fay").with("/event", "PARTICIPANT_TELEPORTED");
    relay.must("parked", &webhook);
    relay.must("parked", &webhook);
}

#[test]
fn one_person_who_cannot_be_mapped_does_not_stop_the_others() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay").referred_by("rae").without("/data/referrer/email"));
    relay.accept(&joined("ann").referred_by("ray").without("/data/email"));
    relay.drained();
    let reported =
        ["referral_friend_signed_up ray@example.com", "referral_program_joined fay@example.com"];
    assert_eq!(sandbox.event_lines(), reported);
    assert_eq!(relay.metric("relay_parked_webhooks"), Some(2.0));
}

#[test]
fn an_unproven_webhook_is_refused_and_nothing_of_it_is_kept() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let body = joined("fay").body();
    let now = now_millis();
    let right = signature(SECRET, now, body.as_bytes());
    let tampered = body.replace("fay@", "eve@");
    let ten_days_ago = now - 10 * 24 * 3_600_000;
    for (case, body, proof) in [
        ("missing", &body, None),
        ("empty", &body, Some(String::new())),
        ("no signature at all", &body, Some("hello".to_owned())),
        ("another secret", &body, Some(signature("not-the-secret", now, body.as_bytes()))),
        ("tampered body", &tampered, Some(right.clone())),
        (
            "tampered time",
            &body,
            Some(right.replace(&format!("ts={now}"), &format!("ts={}", now + 1))),
        ),
        ("too old", &body, Some(signature(SECRET, ten_days_ago, body.as_bytes()))),
        ("from the future", &body, Some(signature(SECRET, now + 2 * 86_400_000, body.as_bytes()))),
        ("cut", &body, Some(right[..right.len() - 2].to_owned())),
    ] {
        let answer = post(&relay, PATH, body, proof);
        assert_problem(&answer, 401, &[]);
        assert!(!answer.header("www-authenticate").is_empty(), "{case}");
    }
    assert_eq!(kept(&relay), 0);
    assert_eq!(relay.metric("relay_webhooks_total{outcome=\"unauthorized\"}"), Some(9.0));
    // The right one is taken all the same, at the end as at the beginning.
    assert_eq!(post(&relay, PATH, &body, Some(right)).json()["status"], "accepted");
}

#[test]
fn the_signature_is_read_by_name_in_any_order() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let body = joined("fay").body();
    let right = signature(SECRET, now_millis(), body.as_bytes());
    let (ts, v) = right.split_once(',').unwrap();
    let answer = post(&relay, PATH, &body, Some(format!("{v}, {ts}, later=1")));
    assert_eq!(answer.json()["status"], "accepted");
}

#[test]
fn the_signature_is_checked_before_the_body_is_read() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let answer = post(&relay, PATH, "this is not json", None);
    assert_problem(&answer, 401, &[]);
}

#[test]
fn the_age_of_signatures_is_a_setting() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("growsurf.signature_max_age", "5m").start();
    let body = joined("fay").body();
    let minutes = |minutes: i64| {
        let proof = signature(SECRET, now_millis() - minutes * 60_000, body.as_bytes());
        post(&relay, PATH, &body, Some(proof)).status
    };
    assert_eq!(minutes(6), 401);
    assert_eq!(minutes(4), 200);
}

#[test]
fn two_secrets_are_both_good_while_one_replaces_the_other() {
    let sandbox = Sandbox::start();
    let relay =
        Setup::new(&sandbox).set("growsurf.webhook_secrets", "old-secret, new-secret").start();
    assert_eq!(signed_with(&relay, "old-secret", &joined("fay")).status, 200);
    assert_eq!(signed_with(&relay, "new-secret", &joined("rae")).status, 200);
    assert_eq!(signed_with(&relay, SECRET, &joined("ann")).status, 401);
    assert_eq!(signed_with(&relay, "old-secret, new-secret", &joined("ann")).status, 401);
}

#[test]
fn a_campaigns_own_secret_vouches_for_that_campaign_only() {
    let sandbox = Sandbox::start();
    let file = "[[growsurf.campaigns]]\nid = \"ct8f71\"\nwebhook_secrets = [\"spring\"]\n\
                [[growsurf.campaigns]]\nid = \"autumn\"\nwebhook_secrets = [\"leaves\"]\n";
    let relay = Setup::new(&sandbox).file(file).start();
    let autumn = |name: &str| joined(name).with("/data/campaign/id", "autumn");
    assert_eq!(signed_with(&relay, "spring", &joined("fay")).status, 200);
    assert_eq!(signed_with(&relay, "leaves", &autumn("fay")).status, 200);
    assert_eq!(signed_with(&relay, SECRET, &autumn("rae")).status, 200);
    for webhook in [
        joined("eve").with("/data/campaign/id", "autumn"),
        joined("eve").with("/data/campaign/id", "another"),
        campaign_ended(&["eve"]).with("/data/id", "autumn"),
        guide("PARTICIPANT_CREATED", "eve").with("/participant/campaignId", "autumn"),
    ] {
        assert_problem(&signed_with(&relay, "spring", &webhook), 401, &["ct8f71"]);
    }
    assert_eq!(kept(&relay), 3);
}

#[test]
fn unsigned_webhooks_are_accepted_only_if_the_settings_allow_them() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).unset("growsurf.webhook_secrets");
    let mut relay = setup.set("growsurf.allow_unsigned", "true").start();
    assert_eq!(post(&relay, PATH, &joined("fay").body(), None).json()["status"], "accepted");
    let log = relay.whole_log().join("\n");
    assert!(log.contains("allow_unsigned"), "{log}");
}

#[test]
fn what_is_no_json_object_and_could_be_anybodys_is_refused_saying_where() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).unset("growsurf.webhook_secrets");
    let relay = setup.set("growsurf.allow_unsigned", "true").start();
    let deep = "[".repeat(200_000);
    for (body, words) in [
        ("", &["not JSON"][..]),
        ("{\"event\":\n  oops}", &["not JSON", "line 2", "column 3"]),
        ("{\"event\": \"NEW_PARTICIPANT_ADDED\"", &["not JSON", "line 1"]),
        ("[1]", &["not an object"]),
        ("\"text\"", &["not an object"]),
        ("null", &["not an object"]),
        (&deep, &["can't be read", "127 levels"]),
    ] {
        assert_problem(&post(&relay, PATH, body, None), 400, words);
    }
    let broken = b"{\"event\": \"\xff\"}".to_vec();
    assert_problem(&http::send(relay.post(PATH, broken, None)), 400, &["not JSON"]);
    assert_eq!(kept(&relay), 0);
}

#[test]
fn a_body_over_the_limit_is_refused_however_it_is_sent() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("server.max_body", "4kB").start();
    let large = joined("fay").with("/data/metadata/essay", "x".repeat(4_000)).body();
    let proof = || Some(signature(SECRET, now_millis(), large.as_bytes()));
    let announced = http::send(relay.post(PATH, large.clone(), proof()));
    assert_problem(&announced, 413, &["server.max_body"]);
    assert_eq!(announced.header("connection"), "close", "the rest of it isn't read");
    let chunked = http::chunked(&large);
    assert_problem(&http::send(relay.post(PATH, chunked, proof())), 413, &["server.max_body"]);
    assert_eq!(kept(&relay), 0);
    relay.accept(&joined("fay"));
}

#[test]
fn a_campaign_with_a_thousand_winners_fits_the_default_limit() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("mapping.events.referral_campaign_ended", "ended").start();
    let names: Vec<String> = (0..1_000).map(|number| format!("w{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut webhook = campaign_ended(&names);
    for winner in webhook.0["data"]["winners"].as_array_mut().unwrap() {
        winner["metadata"] = json!({"essay": "x".repeat(4_000)});
    }
    relay.accept(&webhook);
    relay.drained();
    assert_eq!(sandbox.events().len(), 1_000);
}

#[test]
fn other_paths_and_methods_are_problems_too() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    assert_problem(&http::get(relay.url("/nowhere")), 404, &[]);
    assert_problem(&http::get(relay.url("/")), 404, &[]);
    let answer = http::get(relay.url(PATH));
    assert_problem(&answer, 405, &["POST"]);
    assert_eq!(answer.header("allow"), "POST");
    assert_problem(&post(&relay, "/healthz", "{}", None), 405, &[]);
}

#[test]
fn people_of_ignored_addresses_are_parked() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox);
    let relay =
        setup.set("growsurf.ignore_emails", "*@test.example.org,tester@example.com").start();
    let reason = relay.must("parked", &joined("tester"))["reason"].clone();
    assert!(reason.as_str().unwrap().contains("ignore_emails"), "{reason}");
    relay.must("parked", &joined("fay").with("/data/email", "Fay@TEST.example.org"));
    // Their part in another person's webhook is ignored as well.
    relay.accept(&joined("ann").referred_by("tester"));
    relay.accept(&joined("ben"));
    relay.drained();
    let reported =
        ["referral_program_joined ann@example.com", "referral_program_joined ben@example.com"];
    assert_eq!(sandbox.event_lines(), reported);
    assert_eq!(sandbox.people().len(), 2);
}

#[test]
fn a_replay_of_everything_changes_nothing() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    for webhook in [
        joined("fay").referred_by("rae"),
        guide("PARTICIPANT_CREATED", "gus").referred_by("rae"),
        goal_reached("rae", "prew_1"),
    ] {
        relay.accept(&webhook);
    }
    relay.must("parked", &joined("zoe").without("/data/email"));
    relay.drained();
    let before = sandbox.calls().len();
    for arguments in [&["replay"][..], &["replay", "--dry-run"], &["replay", "--since", "1h"]] {
        let printed = relay.command(arguments).expect(0);
        assert!(printed.contains("4 webhooks"), "{printed}");
        assert!(printed.contains(" 0 new calls"), "{printed}");
        assert!(printed.contains("1 still parked"), "{printed}");
    }
    relay.drained();
    assert_eq!(sandbox.calls().len(), before);
    assert_eq!(sandbox.events().len(), 5);
}

#[test]
fn a_parked_webhook_is_replayed_once_the_settings_allow_it() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("growsurf.ignore_emails", "*@example.com").start();
    let webhook = joined("fay");
    relay.must("parked", &webhook);
    relay.must("parked", &joined("rae").with("/event", "PARTICIPANT_TELEPORTED"));
    let relay = relay.restart_with(|setup| setup.unset("growsurf.ignore_emails"));
    assert_eq!(relay.metric("relay_parked_webhooks"), Some(2.0));
    let dry = relay.command(&["replay", "--parked", "--dry-run"]).expect(0);
    assert!(
        dry.contains("2 webhooks would be planned again; 1 of them would lead to 2 new calls"),
        "{dry}"
    );
    let printed = relay.command(&["replay", "--parked"]).expect(0);
    assert!(printed.contains("led to 2 new calls, 1 still parked"), "{printed}");
    assert!(printed.contains("PARTICIPANT_TELEPORTED"), "{printed}");
    relay.drained();
    let event = sandbox.event("referral_program_joined");
    assert_eq!((event.person(), event.timestamp()), ("fay@example.com", webhook.seconds()));
    assert_eq!(relay.metric("relay_parked_webhooks"), Some(1.0));
    relay.must("duplicate", &webhook);
}

#[test]
fn a_parked_webhook_that_is_sent_again_is_planned_then() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("growsurf.ignore_emails", "*@example.com").start();
    let webhook = joined("fay");
    let id = relay.must("parked", &webhook)["id"].clone();
    let relay = relay.restart_with(|setup| setup.unset("growsurf.ignore_emails"));
    assert_eq!(relay.must("accepted", &webhook)["id"], id);
    relay.must("duplicate", &webhook);
    relay.drained();
    assert_eq!(sandbox.event_lines(), ["referral_program_joined fay@example.com"]);
    assert_eq!((kept(&relay), relay.metric("relay_parked_webhooks")), (1, Some(0.0)));
}

#[test]
fn odd_but_readable_json_is_taken() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let webhook = joined("fay")
        .with("/data/referralCount", "3")
        .with("/data/shareCount", json!({"email": 2, "facebook": 5}))
        .with("/data/email", "  FAY@Example.COM ")
        .with("/data/vanityKeys", Value::Null)
        .with("/data/surprise", json!({"new": ["field"]}));
    relay.accept(&webhook);
    relay.drained();
    let attributes = sandbox.attributes("fay@example.com");
    assert_eq!(
        (&attributes["total_referrals"], &attributes["total_shares"]),
        (&json!(3), &json!(7))
    );
}

#[test]
fn slow_senders_are_not_waited_for() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.header_timeout", "300ms");
    let relay = setup.set("server.body_timeout", "300ms").start();
    // Half of the headers, and never the rest.
    assert_eq!(half_a_request(&relay, "POST /webhooks/growsurf HTTP/1.1\r\nHost: a\r\n"), "");
    // All of them, and half of the body.
    let request = head(10) + "{\"a\"";
    let answer = half_a_request(&relay, &request);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert_eq!(kept(&relay), 0);
    relay.accept(&joined("fay"));
}

/// Returns the head of a webhook that looks signed, with a body of so many bytes.
fn head(length: usize) -> String {
    let proof = format!("ts={},v={}", now_millis(), "0".repeat(64));
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\
         GrowSurf-Signature: {proof}\r\n\r\n"
    )
}

/// Says so much and listens until the relay hangs up.
fn half_a_request(relay: &Relay, text: &str) -> String {
    let mut stream = TcpStream::connect(relay.address()).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_memory_for_bodies_is_bounded() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.max_body", "128KiB");
    let relay = setup.set("server.body_memory", "128KiB").start();
    // Who announces much and sends nothing takes nothing from others.
    let announce = || {
        let mut stream = TcpStream::connect(relay.address()).unwrap();
        stream.write_all(head(130_000).as_bytes()).unwrap();
        stream
    };
    let large = |name| joined(name).with("/data/essay", "x".repeat(100_000));
    let mut greedy: Vec<TcpStream> = (0..20).map(|_| announce()).collect();
    relay.accept(&large("ann"));
    // Who sends a part of it and stops does.
    let webhook = large("fay");
    eventually("the memory is in use", || {
        let mut stream = announce();
        stream.write_all(&[b' '; 50_000]).unwrap();
        greedy.push(stream);
        relay.send(&large("rae")).status == 503
    });
    let answer = relay.send(&webhook);
    assert_problem(&answer, 503, &["server.body_memory"]);
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    // A usual webhook gets in all the same.
    relay.accept(&joined("ned"));
    drop(greedy);
    eventually("it is given back", || relay.send(&webhook).status == 200);
}

#[test]
fn the_client_is_named_by_proxies_that_are_trusted() {
    let sandbox = Sandbox::start();
    let refused_client = |trusted: &str| {
        let setup = Setup::new(&sandbox).set("server.trusted_proxies", trusted);
        let mut relay = setup.start();
        let request = relay.post(PATH, "{}", None).header("X-Forwarded-For", "203.0.113.9");
        assert_eq!(http::send(request).status, 401);
        relay.terminate();
        let log = relay.whole_log().into_iter();
        let lines = log.map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let mut refused = lines.filter(|line| line["message"] == "refused a webhook");
        refused.next().unwrap()["client.ip"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused_client(""), "127.0.0.1");
    assert_eq!(refused_client("127.0.0.0/8"), "203.0.113.9");
}

#[test]
fn many_senders_at_once_are_all_served() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    thread::scope(|scope| {
        for sender in 0..16 {
            let relay = &relay;
            scope.spawn(move || {
                for number in 0..20 {
                    let webhook = joined(&format!("s{sender}n{number}"));
                    let webhook = webhook.referred_by(&format!("rae{sender}"));
                    relay.accept(&webhook);
                    relay.must("duplicate", &webhook);
                }
            });
        }
        // Whatever is planned again meanwhile is nothing new.
        for _ in 0..3 {
            let printed = relay.command(&["replay"]).expect(0);
            assert!(printed.contains(" 0 new calls"), "{printed}");
        }
    });
    relay.drained();
    assert_eq!(sandbox.events_named("referral_program_joined").len(), 320);
    assert_eq!(sandbox.events_named("referral_friend_signed_up").len(), 320);
    assert!(sandbox.events().iter().all(|event| event.shown["repeats"] == 0));
    assert_eq!(relay.dead_letters(), 0);
}

#[test]
fn one_webhook_sent_many_times_at_once_is_planned_once() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let same = joined("fay").referred_by("rae");
    let at = same.seconds() * 1_000;
    let accepted: usize = thread::scope(|scope| {
        let senders: Vec<_> = (0..16)
            .map(|sender| {
                // Half of them send the same bytes, half of them the same in other bytes.
                let other = same.clone().at(at + 1_000 + sender);
                let webhook = if sender % 2 == 0 { same.clone() } else { other };
                let relay = &relay;
                scope.spawn(move || relay.send(&webhook).json()["status"] == "accepted")
            })
            .collect();
        senders.into_iter().map(|sender| usize::from(sender.join().unwrap())).sum()
    });
    assert_eq!(accepted, 9, "one of those with the same bytes, and all others");
    relay.drained();
    let reported =
        ["referral_friend_signed_up rae@example.com", "referral_program_joined fay@example.com"];
    assert_eq!(sandbox.event_lines(), reported);
    assert_eq!(sandbox.events()[0].shown["repeats"], 0);
}

#[test]
fn a_replay_gives_every_reason_and_says_how_many_webhooks_it_does_not_list() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let long = "b".repeat(201);
    for number in 0..22 {
        let webhook = joined(&format!("fay{number}")).referred_by("rae");
        let webhook = webhook.with("/data/vanityKeys", json!([long]));
        relay.send(&webhook.with("/data/referrer/id", long.as_str()));
    }
    let printed = relay.setup().command(&["replay", "--parked"]).expect(0);
    assert!(printed.contains("22 still parked"), "{printed}");
    let reasons = "a key of data.vanityKeys is longer than 200 bytes; data.referrer.id is longer";
    let listed = printed.lines().filter(|line| line.contains("vanityKeys") && line.contains("; "));
    assert_eq!(listed.count(), 20, "{reasons}: {printed}");
    assert!(printed.ends_with("  and 2 more\n"), "{printed}");
}

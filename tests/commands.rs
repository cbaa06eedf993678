//! The command line: exit codes, what is printed, and settings from every place.
//!
//! What belongs here: commands that need no running relay, and the start of `serve`. Dead letters
//! and replay beside a running relay are in `delivery` and `receiving`.

use std::fs;

use serde_json::{Value, json};

use crate::kit::http;
use crate::kit::ids::{event_id, signature};
use crate::kit::now_millis;
use crate::kit::process::{Process, binary};
use crate::kit::relay::{Finished, Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{Webhook, email, guide, joined};

/// Settings with a Customer.io that nobody asks anything of.
fn setup() -> Setup {
    Setup::towards("http://127.0.0.1:9")
}

/// Asserts that the settings are refused with all of these words.
#[track_caller]
fn assert_refused(finished: Finished, words: &[&str]) {
    let printed = finished.expect(64);
    for word in words {
        assert!(printed.contains(word), "{printed:?} lacks {word}");
    }
}

#[test]
fn the_version_is_printed() {
    let printed = setup().command(&["--version"]).expect(0);
    assert_eq!(printed, concat!("referral-relay ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let printed = setup().command(&["--help"]).expect(0);
    for word in [
        "serve",
        "check",
        "settings",
        "explain",
        "dead-letters",
        "replay",
        "erase",
        "backup",
        "restore",
        "store",
        "healthcheck",
        "sandbox",
        "openapi",
        "completions",
        "man",
        "64",
        "config/default.toml",
    ] {
        assert!(printed.contains(word), "{printed}");
    }
}

#[test]
fn settings_prints_each_value_and_its_origin() {
    let setup = setup().variable("RELAY__STORE__PASSWORD", "hush-hush-hush-hush");
    let printed = setup.command(&["settings", "--json"]).expect(0);
    assert!(!printed.contains("hush"), "{printed}");
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let shown = |key: &str| {
        let settings = printed["settings"].as_array().unwrap();
        settings.iter().find(|it| it["key"] == key).unwrap().clone()
    };
    let password = json!({
        "key": "store.password", "value": "set", "place": "RELAY__STORE__PASSWORD"
    });
    assert_eq!(shown("store.password"), password);
    let region = json!({
        "key": "customerio.region", "value": "us", "place": "built-in defaults"
    });
    assert_eq!(shown("customerio.region"), region);
    let printed = setup.command(&["settings"]).expect(0);
    let is_region = |line: &str| line.starts_with("customerio.region ") && line.contains(" us ");
    assert!(printed.lines().any(is_region), "{printed}");
    let refused = setup.variable("RELAY__LOG__LEVEL", "inof").command(&["settings"]);
    assert_refused(refused, &["RELAY__LOG__LEVEL: log.level: expected"]);
}

#[test]
fn bad_usage_is_64() {
    for arguments in [
        &[][..],
        &["--frobnicate"],
        &["frobnicate"],
        &["serve", "--frobnicate"],
        &["dead-letters"],
        &["dead-letters", "redeliver"],
        &["dead-letters", "redeliver", "--all", "7"],
        &["dead-letters", "show", "seven"],
        &["sandbox", "--listen", "somewhere"],
        &["replay", "--since", "the other day"],
        &["erase"],
        &["erase", "nobody"],
        &["erase", "fay@example.com", "--wait", "a while"],
        &["backup"],
        &["restore"],
        &["completions", "smalltalk"],
    ] {
        let finished = setup().command(arguments);
        assert_eq!(finished.code, Some(64), "{arguments:?} {finished:?}");
        assert!(!finished.stderr.is_empty() && finished.stdout.is_empty(), "{finished:?}");
    }
}

#[test]
fn arguments_that_are_refused_are_repeated_without_hidden_characters() {
    for arguments in [
        &["effect", "a\u{202e}b"][..],
        &["--con\u{202e}"],
        &["dead-letters", "redeliver", "1\n2\u{1b}[31m"],
        &["check", "\u{200f}\u{9b}31m"],
        &["--config\u{ad}=x"],
    ] {
        let printed = setup().command(arguments).expect(64);
        let is_hidden = |it: char| !it.is_ascii() || (it.is_ascii_control() && it != '\n');
        assert!(!printed.contains(is_hidden), "{printed:?}");
        assert!(printed.contains("\\u"), "{printed:?}");
        assert!(!printed.contains("1\n2"), "{printed:?}");
        // Its own line breaks stay.
        assert!(printed.lines().count() > 2, "{printed:?}");
    }
}

#[test]
fn unknown_keys_stop_the_start_and_are_named_with_what_was_meant() {
    let finished = setup().set("log.levl", "debug").command(&["serve"]);
    assert_refused(finished, &["RELAY__LOG__LEVL", "unknown key", "RELAY__LOG__LEVEL"]);
    let finished = setup().file("[delivery]\nbackof_base = \"1s\"\n").command(&["serve"]);
    assert_refused(finished, &["config/relay.toml", "delivery.backof_base", "backoff_base"]);
}

#[test]
fn all_missing_fields_are_reported_at_once() {
    let finished = setup()
        .unset("growsurf.webhook_secrets")
        .unset("customerio.site_id")
        .unset("customerio.api_key")
        .set("delivery.backoff_base", "soon")
        .set("customerio.region", "mars")
        .set("server.max_body", "-3")
        .command(&["serve"]);
    assert_refused(
        finished,
        &[
            "growsurf.webhook_secrets",
            "RELAY__GROWSURF__WEBHOOK_SECRETS",
            "customerio.site_id",
            "customerio.api_key",
            "CIO_API_KEY",
            "delivery.backoff_base",
            "soon",
            "customerio.region",
            "mars",
            "server.max_body",
        ],
    );
}

#[test]
fn a_settings_file_that_is_named_must_be_there_and_be_toml() {
    let finished = setup().command(&["serve", "--config", "nowhere.toml"]);
    assert_refused(finished, &["nowhere.toml"]);
    let setup = setup().file("[log\nlevel = 1");
    assert_refused(setup.command(&["serve"]), &["relay.toml", "not valid TOML", "line 1"]);
}

#[test]
fn secrets_are_never_shown_in_problems() {
    let setup = setup().set("growsurf.webhook_secrets", "").set("admin.tokem", "hush-hush");
    let printed = setup.file("[customerio]\napi_key = 4711\n").unset("customerio.api_key");
    let printed = printed.command(&["serve"]).expect(64);
    assert!(!printed.contains("hush-hush") && !printed.contains("4711"), "{printed}");
}

#[test]
fn settings_come_from_file_environment_and_secret_files_in_this_order() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox)
        .file("[mapping.events]\nreferral_program_joined = \"from the file\"\n[log]\nlevel = \"error\"\n")
        .set("mapping.events.referral_program_joined", "from the environment")
        .set("log.level", "info")
        .set("delivery.probe_every", "1m 30s")
        .unset("customerio.site_id")
        .unset("customerio.api_key")
        .variable("CIO_SITE_ID", "the-guides-site")
        .variable("CIO_API_KEY", "the-guides-key")
        .unset("growsurf.webhook_secrets");
    let file = setup.folder().join("secrets");
    fs::write(&file, "first,with a comma\n0012\n").unwrap();
    let file = file.display().to_string();
    let relay = setup.set("growsurf.webhook_secrets_file", file).start();
    let mut statuses = Vec::new();
    for secret in ["first,with a comma", "0012", "12"] {
        let body = joined("fay").body();
        let proof = signature(secret, now_millis(), body.as_bytes());
        let request = relay.post("/webhooks/growsurf", body, Some(proof));
        statuses.push(http::send(request).status);
    }
    assert_eq!(statuses, [200, 200, 401]);
    relay.drained();
    assert_eq!(sandbox.event_lines(), ["from the environment fay@example.com"]);
}

#[test]
fn the_guides_variables_may_be_empty_and_lose_to_ours() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).variable("CIO_SITE_ID", "").variable("CIO_API_KEY", " ");
    setup.command(&["check"]).expect(0);
}

#[test]
fn a_busy_address_fails_the_start_and_is_named() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let address = relay.address();
    let printed = Setup::new(&sandbox).set("server.listen", address).command(&["serve"]).expect(1);
    assert!(printed.contains(address) && printed.contains("server.listen"), "{printed}");
}

#[test]
fn healthcheck_finds_the_running_relay() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    let address = relay.address().to_owned();
    let printed = relay.command(&["healthcheck", "--address", &address]).expect(0);
    assert!(printed.contains("ready"), "{printed}");
    // As in a container, where the settings name the address.
    let other = Setup::new(&sandbox).set("server.listen", address.as_str());
    other.command(&["healthcheck"]).expect(0);
    relay.kill();
    let printed = other.command(&["healthcheck"]).expect(1);
    assert!(printed.contains(&address), "{printed}");
    // A stand-in that runs alone, as its container's variable names it.
    let alone = other.variable("RELAY_SANDBOX_LISTEN", sandbox.address());
    alone.command(&["healthcheck"]).expect(0);
    alone.variable("RELAY_SANDBOX_LISTEN", "8090").command(&["healthcheck"]).expect(64);
}

#[test]
fn a_store_to_throw_away_needs_a_folder_that_can_be_written_to() {
    let setup = setup().variable("TMPDIR", "/proc");
    let printed = setup.command(&["serve", "--sandbox=127.0.0.1:0"]).expect(1);
    assert!(printed.contains("set TMPDIR to a folder"), "{printed}");
}

#[test]
fn the_sandbox_refuses_a_wrong_file_even_in_settings_that_it_replaces() {
    let file = "[store]\nurl = \"postgres://db\"\n[growsurf]\nwebhook_secret = \"a\"\n";
    let setup = setup().unset("store.url").file(file);
    let refused = setup.command(&["serve", "--sandbox=127.0.0.1:0"]);
    let names = ["config/relay.toml", "store.url", "growsurf.webhook_secret"];
    assert_refused(refused, &names);
}

/// Returns the output of `explain --json` for a webhook.
#[track_caller]
fn explained(webhook: &Webhook, code: i32) -> Value {
    let finished = setup().command_with(&["explain", "--json", "-"], &webhook.body());
    assert_eq!(finished.code, Some(code), "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

#[test]
fn explain_says_where_its_event_id_is_not_the_one_that_is_sent() {
    let notes =
        |webhook: &Webhook| explained(webhook, 0)["lanes"][0]["calls"][1]["notes"].to_string();
    assert!(notes(&guide("PARTICIPANT_CREATED", "fay")).contains("a secret of its own"));
    assert!(!notes(&joined("fay")).contains("a secret of its own"));
}

#[test]
fn explain_shows_lanes_effects_and_the_exact_requests_as_json() {
    let webhook = joined("fay").referred_by("rae");
    let document = explained(&webhook, 0);
    assert_eq!(document["event"], "NEW_PARTICIPANT_ADDED");
    assert_eq!(document["shape"], "growsurf");
    assert_eq!(document["campaign"], "ct8f71");
    assert_eq!(document["status"], "accepted");
    assert_eq!(document["unmapped"], json!([]));
    let lanes = document["lanes"].as_array().unwrap();
    let people: Vec<&Value> = lanes.iter().map(|lane| &lane["person"]).collect();
    assert_eq!(
        people,
        [&json!({"email": "fay@example.com"}), &json!({"email": "rae@example.com"})]
    );
    let effects = ["joined:ct8f71:fay", "friend_signed_up:ct8f71:fay"];
    for (lane, effect) in lanes.iter().zip(effects) {
        let calls = lane["calls"].as_array().unwrap();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0]["call"], "identify");
        assert_eq!(calls[0]["request"]["method"], "PUT");
        assert_eq!(calls[1]["call"], "track");
        assert_eq!(calls[1]["effect_key"], effect);
        assert_eq!(calls[1]["event_id"], event_id(effect));
        assert_eq!(calls[1]["request"]["body"]["id"], event_id(effect));
        assert_eq!(calls[1]["request"]["body"]["timestamp"], webhook.seconds());
    }
    let url = "http://127.0.0.1:9/api/v1/customers/fay%40example.com/events";
    assert_eq!(lanes[0]["calls"][1]["request"]["url"], url);
}

#[test]
fn explain_promises_exactly_what_is_sent() {
    let sandbox = Sandbox::start();
    // One call a request, as `explain` shows them.
    let relay = Setup::new(&sandbox).set("delivery.batch_calls", "1").start();
    let webhook = joined("fay").referred_by("rae");
    relay.accept(&webhook);
    relay.drained();
    let shape = |method: &Value, path: &Value, body: &Value| {
        let mut body = body.clone();
        if let Some(data) = body.get_mut("data") {
            data.as_object_mut().unwrap().remove("tracked_at");
        }
        json!([method, path, body]).to_string()
    };
    let is_call = |sent: &&Value| sent["path"] != "/api/v1/accounts/region";
    let mut sent: Vec<String> = sandbox
        .requests()
        .iter()
        .filter(is_call)
        .map(|sent| shape(&sent["method"], &sent["path"], &sent["body"]))
        .collect();
    let document = explained(&webhook, 0);
    let lanes = document["lanes"].as_array().unwrap();
    let mut promised: Vec<String> = lanes
        .iter()
        .flat_map(|lane| lane["calls"].as_array().unwrap())
        .map(|call| &call["request"])
        .map(|request| shape(&request["method"], &request["path"], &request["body"]))
        .collect();
    sent.sort();
    promised.sort();
    assert_eq!(sent, promised);
}

#[test]
fn explain_shows_the_same_for_people_and_touches_nothing() {
    let setup = setup();
    fs::write(setup.folder().join("webhook.json"), joined("fay").referred_by("rae").body())
        .unwrap();
    let printed = setup.command(&["explain", "webhook.json"]).expect(0);
    for words in [
        "event     NEW_PARTICIPANT_ADDED",
        "status    accepted",
        "person 1  email fay@example.com",
        "person 2  email rae@example.com",
        "effect joined:ct8f71:fay",
        "PUT http://127.0.0.1:9/api/v1/customers/rae%40example.com",
        "\"referral_tier\": \"active\"",
    ] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    assert!(!setup.folder().join("relay.db").exists());
}

#[test]
fn explain_reads_reports_and_actions_and_supposes_that_they_are_of_a_participant() {
    let explained = |body: &Value, code: i32| -> Value {
        let setup = setup().set("growsurf.api_key", "a-key");
        let finished = setup.command_with(&["explain", "--json", "-"], &body.to_string());
        assert_eq!(finished.code, Some(code), "{finished:?}");
        serde_json::from_str(&finished.stdout).unwrap()
    };
    let posts = |document: &Value| -> Vec<(String, Value)> {
        let lanes = document["lanes"].as_array().unwrap().iter();
        let calls = lanes.flat_map(|lane| lane["calls"].as_array().unwrap());
        let post = |call: &Value| {
            let request = &call["request"];
            (request["path"].as_str().unwrap().to_owned(), request["body"].clone())
        };
        calls.map(post).collect()
    };
    let click = json!({
        "event_id": "01REPORT", "object_type": "email", "metric": "clicked",
        "data": {
            "identifiers": {"email": "fay@example.com"},
            "href": "https://shop.example.com/?grsf=fay001"
        }
    });
    let document = explained(&click, 0);
    assert_eq!(
        (&document["event"], &document["shape"]),
        (&json!("email_clicked"), &json!("report"))
    );
    let supposed = document["supposed"].as_str().unwrap();
    assert!(supposed.starts_with("fay@example.com is participant fay001 of"), "{supposed}");
    let [_, (_, event), (write, metadata)] = &posts(&document)[..] else { panic!("{document}") };
    assert_eq!(event["name"], "referral_link_clicked");
    assert!(write.ends_with("/participant/fay001"), "{write}");
    assert_eq!(metadata["metadata"]["emailReferralClicks"], 1);

    let unsubscribed = json!({
        "event_id": "03REPORT", "object_type": "customer", "metric": "unsubscribed",
        "data": {"identifiers": {"email": "fay@example.com"}}
    });
    let document = explained(&unsubscribed, 0);
    let call = &document["lanes"][1]["calls"][0];
    let body = json!({"unsubscribed": true, "metadata": {"cioUnsubscribed": call["event_id"]}});
    assert_eq!(call["request"]["body"], body);
    assert!(call["notes"][0].as_str().unwrap().contains("doesn't say so already"), "{call}");

    let mut trigger = json!({
        "type": "trigger_referral", "campaign": "ct8f71", "dedupe_key": "first-order",
        "email": "fay@example.com", "delay_in_days": 14
    });
    let document = explained(&trigger, 0);
    assert_eq!((&document["shape"], &document["campaign"]), (&json!("action"), &json!("ct8f71")));
    let path = "campaign/ct8f71/participant/PARTICIPANT/ref".to_owned();
    assert_eq!(posts(&document), [(path, json!({"delayInDays": 14}))]);

    trigger["email"] = json!("{{customer.email}}");
    let document = explained(&trigger, 1);
    assert_eq!(document["status"], "refused");
    assert!(
        document["reason"].as_str().unwrap().starts_with("email is {{customer.email}}"),
        "{document}"
    );
    let opened = json!({"event_id": "02REPORT", "object_type": "email", "metric": "opened"});
    assert_eq!(explained(&opened, 0)["lanes"], json!([]));
}

#[test]
fn explain_exits_1_for_what_would_be_parked_and_says_why() {
    let document = explained(&joined("fay").with("/event", "PARTICIPANT_TELEPORTED"), 1);
    assert_eq!(document["status"], "parked");
    assert!(document["reason"].as_str().unwrap().contains("PARTICIPANT_TELEPORTED"));
    let finished = setup().command_with(&["explain"], "this is not json");
    assert_eq!(finished.code, Some(1));
    let printed = &finished.stdout;
    assert!(
        printed.contains("not JSON") && printed.contains("parked if it is signed"),
        "{printed}"
    );
    let event = json!({"event": "purchase", "id": "o1", "email": email("fay"), "campaign": "c"});
    let read = |source| setup().command_with(&["explain", "--source", source], &event.to_string());
    assert!(read("server").expect(0).contains("event     purchase"));
    assert!(read("growsurf").expect(1).contains("event \"purchase\" is not known"));
    setup().command(&["explain", "nowhere.json"]).expect(1);
}

#[test]
fn explain_guesses_that_a_backend_sends_an_event_and_supposes_its_participant() {
    let setup = Setup::towards("http://127.0.0.1:9");
    let events = [
        json!({
            "event": "referral_converted", "campaign": "ct8f71", "email": email("fay"),
            "conversion_value": 49.5, "currency": "EUR", "product": "Pro",
        }),
        json!({
            "event": "purchase", "campaign": "ct8f71", "id": "order-1042", "email": email("fay"),
            "value": 20, "currency": "EUR",
        }),
        json!({
            "event": "referral_shared", "campaign": "ct8f71", "id": "share-77",
            "participant_id": "x9a7uu", "channel": "whatsapp",
        }),
    ];
    for event in events {
        let finished = setup.command_with(&["explain", "--json"], &event.to_string());
        let document: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!((finished.code, &document["shape"]), (Some(0), &json!("server")), "{document}");
        let calls = &document["lanes"][0]["calls"];
        assert_eq!(calls[1]["request"]["body"]["name"], event["event"], "{document}");
        let supposed = document["supposed"].as_str().unwrap();
        let is_referred = event["event"] == "referral_converted";
        assert_eq!(supposed.ends_with(", referred by another"), is_referred, "{document}");
    }
}

#[test]
fn what_looks_into_a_store_does_not_make_one() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox);
    for command in [["replay", "--parked"], ["dead-letters", "list"]] {
        let printed = setup.command(&command).expect(1);
        assert!(
            printed.contains("there is no store") && printed.contains("store.url"),
            "{printed}"
        );
    }
    let printed = setup.command(&["check"]).expect(0);
    assert!(printed.contains("ok    store        there is none at "), "{printed}");
    setup.command(&["replay"]).expect(1);
    setup.clone().start().terminate();
    let printed = setup.command(&["check"]).expect(0);
    assert!(printed.contains(" accepts writes; 0 pending calls"), "{printed}");
    let printed = setup.command(&["replay"]).expect(0);
    assert!(printed.starts_with("0 webhooks planned again"), "{printed}");
}

#[test]
fn serve_with_a_sandbox_prints_a_curl_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.args(["serve", "--sandbox=127.0.0.1:0"]).current_dir(folder.path());
    command.env("RELAY__SERVER__LISTEN", "0.0.0.0:0");
    let mut process = Process::spawn(command);
    let relay = process.wait_for("the relay's address", |line| {
        let rest = line.split_once("The relay listens on  http://")?.1;
        Some(rest.split_whitespace().next()?.to_owned())
    });
    assert!(relay.starts_with("127.0.0.1:"), "{relay} leads to no listener");
    let sandbox = process.wait_for("the sandbox's address", |line| {
        Some(line.split_once("stand-in, is at  http://")?.1.trim().to_owned())
    });
    let proof = process.wait_for("the signature", |line| {
        let rest = line.split_once("GrowSurf-Signature: ")?.1;
        Some(rest.split('\'').next()?.to_owned())
    });
    let body = process.wait_for("the body", |line| {
        Some(line.split_once("-d '")?.1.strip_suffix('\'')?.to_owned())
    });
    let request = http::client().post(format!("http://{relay}/webhooks/growsurf"));
    let answer = http::send(request.header("GrowSurf-Signature", proof).body(body));
    assert_eq!(answer.json()["status"], "accepted", "{answer:?}");
    // As from outside a container: by another address than the printed one.
    let outside = format!("http://{}/health", relay.replace("127.0.0.1", "127.0.0.2"));
    assert_eq!(http::get(outside).status, 200);
    crate::kit::eventually("the friend's event is there", || {
        http::get(format!("http://{sandbox}/sandbox/events")).json()["events"]
            .as_array()
            .is_some_and(|events| events.len() == 2)
    });
    // The commands that give the pages something to show.
    let printed = process.output().into_iter();
    let odd = printed.skip_while(|line| !line.contains("becomes a dead letter:"));
    let odd = odd.take_while(|line| !line.starts_with("Or read the history"));
    // Log lines may stand between them.
    let odd = odd.filter(|line| line.starts_with("curl ") || line.starts_with("  -"));
    let odd = odd.collect::<Vec<_>>().join("\n");
    let output = std::process::Command::new("bash").args(["-ec", &odd]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("\"parked\""), "{printed}");
    crate::kit::eventually("there is a dead letter and a parked webhook", || {
        let metrics = http::get(format!("http://{relay}/metrics")).body;
        metrics.contains("relay_dead_letters 1\n") && metrics.contains("relay_parked_webhooks 1\n")
    });
    let (pages, token) = process.wait_for("the pages' address", |line| {
        let (pages, rest) = line.split_once("operators are at  ")?.1.split_once("  (token: ")?;
        Some((pages.to_owned(), rest.split(',').next()?.to_owned()))
    });
    let request = http::client().post(format!("{pages}/login"));
    let form = request.header("Content-Type", "application/x-www-form-urlencoded");
    let answer = http::send(form.body(format!("token={token}&name=Kim")));
    assert_eq!((answer.status, answer.header("location")), (303, "/ui"), "{answer:?}");
    process.signal("TERM");
    assert_eq!(process.wait().code(), Some(0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

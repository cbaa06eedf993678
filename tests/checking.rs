//! `check`: what it finds, what it says can't arrive, and what it never shows.

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::kit::growsurf::Growsurf;
use crate::kit::relay::{API_KEY, SECRET, Setup};
use crate::kit::sandbox::Sandbox;

/// Settings with a Customer.io that nobody asks anything of.
fn setup() -> Setup {
    Setup::towards("http://127.0.0.1:9")
}

#[test]
fn spoiled_secrets_stop_the_start_and_are_named() {
    let secret = "hush-hush-hush-hush";
    for spoiled in [
        format!("\u{feff}{secret}"),
        format!("\"{secret}\""),
        format!("{secret} "),
        format!("{secret}\r"),
        format!("{secret}\u{a0}"),
        format!("{secret}\u{200b}"),
    ] {
        let setup = setup().set("growsurf.webhook_secrets", &spoiled);
        for command in ["serve", "check"] {
            let printed = setup.command(&[command]).expect(64);
            assert!(printed.contains("RELAY__GROWSURF__WEBHOOK_SECRETS"), "{spoiled:?} {printed}");
            assert!(!printed.contains(secret) && !printed.contains("Fit to run."), "{printed}");
        }
        let file = setup.folder().join("secret");
        fs::write(&file, format!("{spoiled}\n")).unwrap();
        let setup = setup.unset("growsurf.webhook_secrets");
        let setup = setup.set("growsurf.webhook_secrets_file", file.display().to_string());
        let printed = setup.command(&["check"]).expect(64);
        assert!(printed.contains("WEBHOOK_SECRETS_FILE") && !printed.contains(secret), "{printed}");
    }
}

#[test]
fn check_prints_a_table_of_what_is_fit() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox);
    let printed = setup.command(&["check"]).expect(0);
    for line in ["ok    settings", "ok    store", "ok    credentials", "ok    workspace"] {
        assert!(printed.lines().any(|printed| printed.starts_with(line)), "{line}: {printed}");
    }
    assert!(!printed.contains(SECRET) && !printed.contains(API_KEY), "{printed}");
}

#[test]
fn check_says_what_cannot_arrive_and_what_would_bring_it() {
    let sandbox = Sandbox::start();
    let missing = |setup: &Setup| -> Vec<String> {
        let printed = setup.command(&["check", "--json"]).expect(0);
        let document: Value = serde_json::from_str(&printed).unwrap();
        let missing = document["cannot_arrive"].as_array().unwrap().clone();
        let verdict =
            if missing.iter().any(|it| it["promised"] == true) { "incomplete" } else { "fit" };
        assert_eq!(document["verdict"], verdict, "{printed}");
        let what = |it: &Value| it["what"].as_str().unwrap().to_owned();
        missing.iter().map(what).collect()
    };
    let setup = Setup::new(&sandbox);
    let printed = setup.command(&["check"]).expect(0);
    assert!(!printed.contains("Fit to run."), "{printed}");
    assert!(printed.contains("It works, but 3 things marked MISS can't arrive."), "{printed}");
    for (event, fix) in [
        ("referral_converted", "growsurf.api_key and sync.enabled"),
        ("referral_shared", "growsurf.api_key and sync.enabled"),
        ("referral_shared", ", or customerio.action_keys with growsurf.api_key"),
        ("history", "referral-relay backfill"),
    ] {
        let is_it = |line: &&str| line.starts_with("MISS  arrival") && line.contains(event);
        let line = printed.lines().find(is_it).unwrap_or_else(|| panic!("no {event} in {printed}"));
        assert!(line.contains(fix), "{line}");
    }
    let (converted, shared, clicked) =
        ("referral_converted", "referral_shared", "referral_link_clicked");
    let (bought, changes, history) = ("purchase", "changes", "history");
    let all = [converted, shared, clicked, bought, changes, history];
    assert_eq!(missing(&setup), all);

    let with_token = setup.clone().set("api.token", "the-token-of-the-server");
    assert_eq!(missing(&with_token), [clicked, changes, history]);
    let off = setup.clone().set("mapping.events.referral_shared", "");
    let off = off.set("mapping.events.referral_link_clicked", "");
    assert_eq!(missing(&off), [converted, bought, changes, history]);
    let with_page = setup.clone().file(
        "[page]\norigins = [\"https://shop.example.com\"]\n[[growsurf.campaigns]]\n\
         id = \"demo01\"\npage_key = \"pk_spring\"\nshares_from = \"page\"\n",
    );
    assert_eq!(missing(&with_page), [converted, bought, changes, history]);
}

#[test]
fn check_says_fit_once_all_that_the_guide_promises_can_arrive() {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    growsurf.program(3, 2, 1);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let printed = setup.command(&["check"]).expect(0);
    assert!(printed.contains("set sync.enabled = true"), "{printed}");
    assert!(!printed.contains("Fit to run."), "{printed}");
    let setup = setup.set("sync.enabled", "true");
    let printed = setup.command(&["check"]).expect(0);
    assert!(
        printed.contains("no backfill has read the time before the relay of demo01"),
        "{printed}"
    );
    assert!(!printed.contains("Fit to run."), "{printed}");
    setup.command(&["backfill"]).expect(0);
    let printed = setup.command(&["check"]).expect(0);
    assert!(printed.contains("the history of demo01 is in the store"), "{printed}");
    assert!(printed.contains("\nFit to run.\n"), "{printed}");
}

#[test]
fn check_lists_what_growsurf_announces_to_remove() {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    growsurf.program(3, 2, 1);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let printed = setup.command(&["check"]).expect(0);
    assert!(!printed.contains("going to remove"), "{printed}");
    let sunset = "Sat, 01 Jan 2028 00:00:00 GMT";
    let of_list = json!({ "path": "/participants" });
    growsurf.faults(&json!([{ "match": of_list, "headers": { "sunset": sunset } }]));
    let printed = setup.command(&["check"]).expect(0);
    let line = format!(
        "note  growsurf     GrowSurf is going to remove GET /campaign/{{id}}/participants, \
         Sunset: {sunset}; look for a newer relay"
    );
    assert_eq!(printed.lines().filter(|it| *it == line).count(), 1, "{printed}");
}

#[test]
fn check_prints_json_whatever_it_finds() {
    let sandbox = Sandbox::start();
    let document = |setup: &Setup, code: i32| -> Value {
        let finished = setup.command(&["check", "--json"]);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        serde_json::from_str(&finished.stdout).unwrap()
    };
    let fit = document(&Setup::new(&sandbox), 0);
    let first = json!({
        "grade": "ok",
        "about": "settings",
        "detail": "every key is known and every value is valid",
    });
    assert_eq!(fit["findings"][0], first);
    let missing = &fit["cannot_arrive"][0];
    assert_eq!(
        (&missing["what"], &missing["promised"]),
        (&json!("referral_converted"), &json!(true))
    );
    assert!(missing["reason"].is_string() && missing["fix"].is_string(), "{missing}");
    assert_eq!(document(&setup(), 1)["verdict"], "broken");
    let refused = document(&Setup::new(&sandbox).set("server.max_body", "-3"), 64);
    assert_eq!(refused["verdict"], "refused");
    assert_eq!(refused["findings"][0]["grade"], "fail");
}

#[test]
fn no_command_shows_the_password_of_a_database() {
    for url in [
        "postgres://relay:hush-hush@127.0.0.1:9/relay",
        "postgres://relay:hush%2Dhush@127.0.0.1:9/relay",
        "postgres://relay@127.0.0.1:9/relay?password=hush-hush",
        "postgres://127.0.0.1:9/relay?user=relay&password=hush-hush&sslmode=require",
        "postgres://relay@127.0.0.1:9/relay?sslpassword=hush-hush",
        "postgres://relay:hush-hush@127.0.0.1:9?password=hush-hush",
        "postgres://relay:hush-hush@127.0.0.1:nine/relay",
        "postgres://relay@127.0.0.1:9/relay?sslmode=hush-hush",
        "postgres://relay@127.0.0.1:9/relay?options=-cfoo%3Dhush-hush",
        "postgres://relay@127.0.0.1:9/relay?application_name=hush-hush",
        "postgres://relay@127.0.0.1:9/relay?connect_timeout=hush-hush",
        "postgres://relay@127.0.0.1:9/relay?pool=hush-hush",
        "postgres://relay:hush-hush/x@127.0.0.1:9/relay",
        "host=127.0.0.1 port=9 user=relay password=hush-hush",
        "sqlite:postgres://relay:hush-hush@127.0.0.1:9/relay",
        "sqlite:relay:hush-hush@127.0.0.1:9/relay",
        "sqlite:host=127.0.0.1 password=hush-hush",
    ] {
        let setup = setup().set("store.url", url);
        let commands: [&[&str]; 7] = [
            &["check"],
            &["check", "--json"],
            &["serve"],
            &["replay"],
            &["store", "copy", "--from", url, "--to", "sqlite:other.db"],
            &["store", "copy", "--from", "sqlite:other.db", "--to", url],
            &["store", "copy", url, "--to", "sqlite:other.db"],
        ];
        for command in commands {
            let finished = setup.command(command);
            assert_ne!(finished.code, Some(0), "{command:?} {finished:?}");
            let printed = finished.stdout + &finished.stderr;
            let is_shown = printed.contains("hush-hush") || printed.contains("hush%2Dhush");
            assert!(!is_shown, "{command:?} {printed}");
            let made = fs::read_dir(setup.folder()).unwrap();
            let is_url = |name: &str| name.contains("postgres") || name.contains("hush");
            let mut made = made.map(|it| it.unwrap().file_name().to_string_lossy().into_owned());
            assert!(!made.any(|name| is_url(&name)), "{command:?}");
        }
    }
}

#[test]
fn check_makes_no_store_of_an_empty_file() {
    let setup = setup();
    let store = setup.folder().join("relay.db");
    let setup = setup.set("store.url", format!("sqlite:{}", store.display()));
    for make in ["", "CREATE TABLE a (b); DROP TABLE a"] {
        fs::write(&store, "").unwrap();
        Connection::open(&store).unwrap().execute_batch(make).unwrap();
        let before = fs::read(&store).unwrap();
        let printed = setup.command(&["check", "--full"]).expect(1);
        assert!(printed.contains("ok    store        there is none at sqlite:"), "{printed}");
        assert_eq!(fs::read(&store).unwrap(), before, "{make:?}");
        for beside in ["relay.db-wal", "relay.db-shm", "relay.db.lock"] {
            assert!(!setup.folder().join(beside).exists(), "{beside}");
        }
    }
    // Where a relay was at work, an empty file is what is left of a store.
    fs::write(&store, "").unwrap();
    fs::write(setup.folder().join("relay.db.lock"), "").unwrap();
    let printed = setup.command(&["check"]).expect(1);
    assert!(
        printed.contains("FAIL  store") && printed.contains("a relay has used it"),
        "{printed}"
    );
    assert!(fs::read(&store).unwrap().is_empty());
}

#[test]
fn check_refuses_a_campaign_whose_webhooks_nothing_verifies() {
    let setup = setup().unset("growsurf.webhook_secrets").file(
        "[[growsurf.campaigns]]\nid = \"c1\"\nwebhook_secrets = [\"secret-of-campaign-1\"]\n\
         [[growsurf.campaigns]]\nid = \"c2\"\n",
    );
    for command in ["check", "serve"] {
        let printed = setup.command(&[command]).expect(64);
        assert!(printed.contains("each webhook of campaign c2 would be answered 401"), "{printed}");
        assert!(!printed.contains("Fit to run."), "{printed}");
    }
}

#[test]
fn check_fails_on_wrong_credentials() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/accounts/region"}, "status": 401}]));
    let finished = Setup::new(&sandbox).command(&["check"]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.contains("FAIL  credentials"), "{finished:?}");
    assert!(finished.stderr.contains("not fit to run"), "{finished:?}");
}

#[test]
fn check_fails_on_what_it_cannot_reach() {
    let printed = setup().command(&["check"]).expect(1);
    assert!(printed.contains("FAIL  customer.io"), "{printed}");
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox);
    fs::write(setup.folder().join("file"), "").unwrap();
    let inside = format!("sqlite:{}", setup.folder().join("file/relay.db").display());
    let setup = setup.set("store.url", inside);
    let printed = setup.command(&["check"]).expect(1);
    assert!(printed.contains("FAIL  store"), "{printed}");
    assert!(printed.contains("ok    credentials"), "the rest is checked as well: {printed}");
    setup.command(&["serve"]).expect(1);
}

#[test]
fn check_reports_bad_settings_as_findings() {
    let printed = setup().unset("growsurf.webhook_secrets").command(&["check"]).expect(64);
    assert!(
        printed.contains("FAIL  settings     ") && printed.contains("webhook_secrets"),
        "{printed}"
    );
}

//! In which form each layer may hold a value.

use proptest::prelude::{ProptestConfig, any, proptest};
use secrecy::ExposeSecret;

use crate::config::problem::Problems;
use crate::config::tests::Setup;

fn problems_of(text: &str) -> String {
    let loaded = Setup::empty().file("config/relay.toml", text).load_any();
    loaded.err().map(|problems| problems.to_string()).unwrap_or_default()
}

#[test]
fn a_variable_is_read_as_its_key_wants_it() {
    let load = |name: &str, value: &str| Setup::empty().variable(name, value).load_any();
    let shown = |name: &str, value: &str, key: &str| {
        let settings = load(name, value).unwrap_or_else(|problems| panic!("{value}: {problems}"));
        let setting = settings.summary().iter().find(|it| it.key == key).cloned();
        setting.unwrap().value
    };
    for (name, value, key, expected) in [
        (
            "RELAY__SERVER__TRUSTED_PROXIES",
            "::1, 10.0.0.7,,",
            "server.trusted_proxies",
            "::1, 10.0.0.7",
        ),
        ("RELAY__SERVER__TRUSTED_PROXIES", "", "server.trusted_proxies", ""),
        ("RELAY__SYNC__DELETIONS", "forget", "sync.deletions", "forget"),
        ("RELAY__PAGE__JOIN", "false", "page.join", "false"),
        ("RELAY__SERVER__MAX_BODY", "4096", "server.max_body", "4096"),
        ("RELAY__SERVER__MAX_BODY", "8MiB", "server.max_body", "8MiB"),
        ("RELAY__STORE__PASSWORD", "0012", "store.password", "set"),
    ] {
        assert_eq!(shown(name, value, key), expected, "{name}={value}");
    }
    let settings = load("RELAY__DELIVERY__IN_FLIGHT", "0500").unwrap();
    assert_eq!(settings.delivery.in_flight, 500);
    for (name, value) in [
        ("RELAY__PAGE__JOIN", "yes"),
        ("RELAY__PAGE__JOIN", "1"),
        ("RELAY__PAGE__JOIN", "true "),
        ("RELAY__DELIVERY__IN_FLIGHT", "1.5"),
        ("RELAY__DELIVERY__IN_FLIGHT", "8\r"),
        ("RELAY__STORE__PASSWORD", " a"),
        ("RELAY__STORE__PASSWORD", "a\n"),
        ("RELAY__GROWSURF__WEBHOOK_SECRETS", "a,b "),
        ("RELAY__GROWSURF__WEBHOOK_SECRETS", "\"a\",\"b\""),
        ("RELAY__GROWSURF__WEBHOOK_SECRETS", "a,\tb"),
        ("RELAY__GROWSURF__IGNORE_EMAILS", "*@a.example,\u{200b}*@b.example"),
        ("RELAY__CUSTOMERIO__REGION", "eu\u{a0}"),
    ] {
        assert!(load(name, value).is_err(), "{name}={value:?}");
    }
}

#[test]
fn a_file_that_a_variable_names_has_one_line_end_and_items_by_lines() {
    let secrets = |text: &str| {
        let setup = Setup::empty().file("secrets", text);
        let settings =
            setup.variable("RELAY__GROWSURF__WEBHOOK_SECRETS_FILE", "secrets").load_any()?;
        let secrets = settings.growsurf.webhook_secrets.iter();
        Ok::<_, Problems>(secrets.map(|it| it.expose_secret().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(secrets("a,b\n\n0012\n").unwrap(), ["a,b", "0012"]);
    for text in ["a\r\nb\r\n", "a\n b\n", "\u{feff}a\n"] {
        assert!(secrets(text).is_err(), "{text:?}");
    }
    for text in ["a\r\n", "a\n\n", "\u{feff}a\n"] {
        let setup = Setup::empty().file("password", text);
        let loaded = setup.variable("RELAY__STORE__PASSWORD_FILE", "password").load_any();
        assert!(loaded.is_err(), "{text:?}");
    }
}

#[test]
fn a_wrong_value_is_reported_even_if_a_variable_replaces_it() {
    let setup = Setup::new().toml("[server]\nmax_connections = \"many\"");
    let shown = setup.variable("RELAY__SERVER__MAX_CONNECTIONS", "7").problems();
    let expected = "config/relay.toml: server.max_connections: expected a whole number, got the text \
                    \"many\"";
    assert_eq!(shown, expected);
    let setup = Setup::new().toml("[server]\nlisten = \"me\"\n[admin]\ntoken = [1]");
    let setup = setup.variable("RELAY__ADMIN__TOKEN", "hush-hush-hush-hush");
    let shown = setup.variable("RELAY__SERVER__LISTEN", "127.0.0.1:1").problems();
    assert!(shown.contains("server.listen: expected an IP"), "{shown}");
    assert!(shown.contains("admin.token: expected text in quotes, got a number"), "{shown}");
}

#[test]
fn wrong_types_name_key_place_and_both_types() {
    for (text, expected) in [
        ("server = 5", "config/relay.toml: server: expected a table of keys, got a number"),
        (
            "[server]\nlisten = 8080",
            "config/relay.toml: server.listen: expected text in quotes, got 8080",
        ),
        (
            "[growsurf]\nallow_unsigned = \"no\"",
            "config/relay.toml: growsurf.allow_unsigned: expected true or false, got the text \"no\"",
        ),
        (
            "[admin]\ntoken = 4711",
            "config/relay.toml: admin.token: expected text in quotes, or a list of texts such as \
             [\"a\", \"b\"], got a number",
        ),
        (
            "[growsurf]\nwebhook_secrets = \"hush\"",
            "config/relay.toml: growsurf.webhook_secrets: expected a list of texts such as \
             [\"a\", \"b\"], got text",
        ),
        (
            "[[growsurf.campaigns]]\nidd = \"a\"",
            "config/relay.toml: growsurf.campaigns[0].idd: unknown key; \
             did you mean growsurf.campaigns[0].id?",
        ),
        (
            "[growsurf]\ncampaigns = \"hush\"",
            "config/relay.toml: growsurf.campaigns: expected tables under [[...]], got text",
        ),
        (
            "[mapping]\nevents = \"hush\"",
            "config/relay.toml: mapping.events: expected a table of keys, got text",
        ),
        (
            "[mapping.metadata]\nplan = 1",
            "config/relay.toml: mapping.metadata.plan: expected text in quotes, got 1",
        ),
    ] {
        assert_eq!(problems_of(text), expected, "{text}");
    }
}

#[test]
fn broken_toml_is_one_problem_with_a_position_and_no_excerpt() {
    for (text, position) in [
        ("[admin]\ntoken = \"hush", "line 2, column "),
        ("[admin]\ntoken = hush", "line 2, column "),
        ("[admin]\ntoken = \"a\"\ntoken = \"hush\"", "line 3, column 1: duplicate key"),
        ("hush hush", "line 1, column "),
    ] {
        let shown = problems_of(text);
        let start = format!("config/relay.toml: not valid TOML: {position}");
        assert!(shown.starts_with(&start), "{shown}");
        assert!(!shown.contains("hush"), "{shown}");
        assert_eq!(shown.lines().count(), 1, "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_panics(text in any::<String>(), lines in "[a-z\\[\\]=\"\n0-9. -]{0,60}") {
        problems_of(&text);
        problems_of(&lines);
    }

    #[test]
    fn no_broken_line_is_quoted(tail in "[\\[\\]=\"'{}#, \\\\0-9.-]{0,12}") {
        let shown = problems_of(&format!("[admin]\ntoken = \"hush{tail}"));
        assert!(!shown.contains("hush"), "{shown}");
    }
}

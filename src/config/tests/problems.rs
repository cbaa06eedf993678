//! Refused settings, and their reports, which show no secret.

use crate::config::tests::Setup;

#[test]
fn all_problems_are_reported_at_once() {
    let setup = Setup::empty()
        .toml(
            "[server]\nlisen = \"127.0.0.1:1\"\nmax_body = \"8 apples\"\ntrusted_proxies = [\"me\"]\n\
             [delivery]\nbackoff_base = \"1h\"\nin_flight = 0\n[colour]\nred = 1",
        )
        .variable("RELAY__LOG__LEVEL", "inof")
        .variable("RELAY__DELIVERY__LEASE", "15s")
        .variable("RELAY__CUSTOMERIO__CALLS_PER_SECOND", "many")
        .variable("RELAY__ADMIN__TOKEN_FILE", "config/missing");
    let shown = setup.problems();
    let lines: Vec<&str> = shown.lines().collect();
    for expected in [
        "config/relay.toml: server.lisen: unknown key; did you mean server.listen?",
        "config/relay.toml: colour: unknown key",
        "RELAY__CUSTOMERIO__CALLS_PER_SECOND: customerio.calls_per_second: expected a whole \
         number, got \"many\"",
        "config/relay.toml: server.max_body: expected a size such as \"8MiB\", \"500kB\" or \
         bytes, got \"8 apples\"",
        "config/relay.toml: server.trusted_proxies: expected an IP address or network such as \
         \"10.0.0.7\" or \"10.0.0.0/8\", got \"me\"",
        "built-in defaults: customerio.api_key: is not set; Customer.io shows it, CIO_API_KEY \
         sets it",
        "config/relay.toml: delivery.in_flight: expected a whole number from 1 to 1024, got 0",
        "built-in defaults: delivery.backoff_cap: shorter than delivery.backoff_base",
        "RELAY__LOG__LEVEL: log.level: expected a level such as \"info\" or directives such as \
         \"info,hyper=warn\", got \"inof\"",
    ] {
        assert!(lines.contains(&expected), "{expected}\nis not in\n{shown}");
    }
    for start in [
        "RELAY__ADMIN__TOKEN_FILE: admin.token: can't read config/missing: ",
        "built-in defaults: growsurf.webhook_secrets: no secret is set; ",
        "RELAY__DELIVERY__LEASE: delivery.lease: must be longer than customerio.timeout",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}\n{shown}");
    }
    // Those, and the site ID.
    assert_eq!(lines.len(), 13, "{shown}");
}

#[test]
fn refuses_values_without_sense() {
    for (text, expected) in [
        ("[server]\nlisten = \":8080\"", "server.listen: expected an IP address and port"),
        ("[server]\nmax_body = 0", "server.max_body: expected a size from 1024 to"),
        ("[server]\nbody_memory = \"1MiB\"", "server.body_memory: smaller than server.max_body"),
        ("[server]\noperator_listen = \"0.0.0.0:8080\"", "the same address as server.listen"),
        ("[server]\nheader_timeout = \"0s\"", "expected a duration of at least 1 ms, got \"0s\""),
        ("[store]\nurl = \"postgres://u:hush@h\"", "name of a database, as in"),
        ("[store]\nurl = \"postgres://u:hush@h\"", "got \"postgres://u:...@h\""),
        ("[store]\nconnections = 1", "store.connections: expected a whole number from 2 to 1000"),
        ("[[growsurf.campaigns]]\nid = \"a\"\nwebhook_secrets = [\" \"]", "starts with a blank"),
        ("[[growsurf.campaigns]]\nid = \"a\"\nwebhook_secrets = [\"\"]", "holds a blank secret"),
        ("[growsurf]\nignore_emails = [\"*\"]", "a pattern of e-mail addresses"),
        ("[[growsurf.campaigns]]\nwebhook_secrets = []", "campaigns[0].id: is missing or blank"),
        (
            &format!("[[growsurf.campaigns]]\nid = \"{}\"", "a".repeat(201)),
            "campaigns[0].id: is longer than 200 bytes",
        ),
        (
            "[[growsurf.campaigns]]\nid = \"a\"\n[[growsurf.campaigns]]\nid = \"a\"",
            "growsurf.campaigns[1].id: \"a\" is another campaign's id too",
        ),
        (
            "[[growsurf.campaigns]]\nid = \"a\"\nconversions_from = \"shop\"",
            "campaigns[0].conversions_from: expected \"auto\" or \"server\", got \"shop\"",
        ),
        (
            "[[growsurf.campaigns]]\nid = \"a\"\npage_key = \"pk spring\"\n\
             [page]\norigins = [\"https://a.example\"]",
            "campaigns[0].page_key: is not at least 8 letters",
        ),
        (
            "[page]\norigins = [\"https://a.example\"]\n\
             [[growsurf.campaigns]]\nid = \"a\"\npage_key = \"pk_spring\"\n\
             [[growsurf.campaigns]]\nid = \"b\"\npage_key = \"pk_spring\"",
            "campaigns[1].page_key: is another campaign's too",
        ),
        ("[page]\norigins = [\"https://a.example/\"]", "page.origins: expected an origin as"),
        ("[page]\norigins = [\"https://a.example:443\"]", "here \"https://a.example\""),
        ("[page]\norigins = [\"https://*.a.example\"]", "a browser sends no"),
        ("[page]\norigins = [\"https://u:hush@a.example\"]", "got \"https://...@a.example\""),
        ("[page]\norigins = [\"null\"]", "page.origins: expected an origin as"),
        ("[page]\norigins = [\"https://a.example\"]", "because no campaign has a page_key"),
        ("[page]\nposts_per_minute = 0", "page.posts_per_minute: expected a whole number from 1"),
        ("[customerio]\nregion = \"EU\"", "expected \"us\" or \"eu\", got \"EU\""),
        ("[customerio]\nbase_url = \"http://u:hush@h\"", "got \"http://...@h\""),
        ("[customerio]\ncalls_per_second = -1", "from 1 to 1000000, got -1"),
        ("[mapping.events]\nreferral_shared = \"referral_converted\"", "is the name of"),
        // Of two alike, the renamed one is at fault, whichever is read first.
        (
            "[mapping.attributes]\nfirst_name = \"last_name\"",
            "mapping.attributes.first_name: \"last_name\" is the name of last_name too",
        ),
        (
            "[mapping.attributes]\nlast_name = \"first_name\"",
            "mapping.attributes.last_name: \"first_name\" is the name of first_name too",
        ),
        ("[mapping.events]\nreferral_shared = \" a\"", "starts with a blank"),
        ("[mapping.attributes]\nfirst_name = \"email\"", "is reserved by Customer.io"),
        ("[mapping.metadata]\nfirst_name = \"name\"", "in mapping.attributes too"),
        ("[mapping.metadata]\ncio_id = \"id\"", "is reserved by Customer.io"),
        ("[mapping.metadata]\n\"a.b\" = \"c\"", "mapping.metadata.a.b: \"a.b\" has a dot"),
        ("[mapping]\ntiers = []", "mapping.tiers: no tier starts at 0"),
        ("[[mapping.tiers]]\nname = \"a\"", "mapping.tiers[0].at_least: is missing"),
        ("[[mapping.tiers]]\nname = \"\"\nat_least = 0", "mapping.tiers[0].name: is missing"),
        ("[[mapping.tiers]]\nname = \"a\"\nat_least = -1", "must not be negative"),
        (
            "[[mapping.tiers]]\nname = \"a\"\nat_least = 0\n[[mapping.tiers]]\nname = \"b\"\n\
             at_least = 0",
            "mapping.tiers[1].at_least: another tier starts at 0 too",
        ),
    ] {
        let shown = Setup::new().toml(text).problems();
        assert!(shown.contains(expected), "{text}\n{shown}");
        assert!(shown.starts_with("config/relay.toml: "), "{text}\n{shown}");
        assert_eq!(shown.lines().count(), 1, "{text}\n{shown}");
        assert!(!shown.contains("hush"), "{text}\n{shown}");
    }
}

#[test]
fn each_problem_is_reported_without_its_consequences() {
    let tiers = |last: &str| {
        let each = |n: i32| format!("[[mapping.tiers]]\nname = \"{n}\"\nat_least = {n}\n");
        format!("{}[[mapping.tiers]]\n{last}", (0..=10).map(each).collect::<String>())
    };
    for (text, expected) in [
        ("[mapping.events]\nreferral_foo = \"a\"", &["mapping.events.referral_foo: unknown"][..]),
        ("[mapping.attributes]\nplan = \"a\"", &["mapping.attributes.plan: unknown key"]),
        (
            &tiers(""),
            &["mapping.tiers[11].name: is missing", "mapping.tiers[11].at_least: is missing"],
        ),
        (
            &tiers("name = 5\nat_least = \"x\""),
            &[
                "mapping.tiers[11].name: expected text",
                "mapping.tiers[11].at_least: expected a whole",
            ],
        ),
        (&tiers("name = \"a\"\nat_lest = 11"), &["[11].at_lest: unknown key; did you mean"]),
        (
            "[[growsurf.campaigns]]\napi_key = 5\n[[growsurf.campaigns]]\nidd = \"a\"",
            &[
                "growsurf.campaigns[0].api_key: expected text in quotes",
                "growsurf.campaigns[0].id: is missing or blank",
                "growsurf.campaigns[1].idd: unknown key; did you mean growsurf.campaigns[1].id?",
            ],
        ),
        ("[server]\nmax_body = 1.5", &["server.max_body: expected a size such as"]),
    ] {
        let shown = Setup::new().toml(text).problems();
        for expected in expected {
            assert!(shown.contains(expected), "{text}\n{shown}");
        }
        assert_eq!(shown.lines().count(), expected.len(), "{text}\n{shown}");
    }
}

#[test]
fn a_key_is_set_by_one_variable_of_a_kind() {
    let setup = Setup::new()
        .variable("RELAY__SERVER__LISTEN", "127.0.0.1:1")
        .variable("RELAY__server__listen", "127.0.0.1:2");
    let rule = "RELAY__server__listen: server.listen: RELAY__SERVER__LISTEN sets the same key; \
                remove one of them";
    assert_eq!(setup.problems(), rule);
}

#[test]
fn a_secret_in_the_place_of_its_files_path_is_not_shown() {
    for value in ["hush-0123456789abcdef", "hush/0123456789abcdef=", ""] {
        let shown = Setup::new().variable("RELAY__API__TOKEN_FILE", value).problems();
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("api.token: can't read the file that it names: "), "{shown}");
    }
    let shown = Setup::new().variable("RELAY__API__TOKEN_FILE", "/missing/token").problems();
    assert!(shown.contains("can't read /missing/token: "), "{shown}");
}

#[test]
fn a_key_for_pages_needs_their_origins() {
    let key = "[[growsurf.campaigns]]\nid = \"a\"\npage_key = \"pk_spring\"\n";
    let shown = Setup::new().toml(key).problems();
    assert!(shown.contains("page.origins: is empty, and"), "{shown}");
    assert_eq!(shown.lines().count(), 1, "{shown}");
    let with_origins = format!("{key}[page]\norigins = [\"https://shop.example.com\"]");
    let settings = Setup::new().toml(&with_origins).settings();
    assert_eq!(settings.page.posts.origins, ["https://shop.example.com"]);
    assert_eq!(settings.page.posts.max_body, 4_000);
}

#[test]
fn a_broken_file_is_one_problem() {
    let mut setup = Setup::new().toml("[customerio\napi_key = \"hush\"");
    // The broken file may well have set what is missing.
    setup.variables.clear();
    let shown = setup.problems();
    let start = "config/relay.toml: not valid TOML: line 1, column ";
    assert!(shown.starts_with(start), "{shown}");
    assert_eq!(shown.lines().count(), 1, "{shown}");
}

#[test]
fn no_secret_is_ever_shown() {
    let setup = Setup::new()
        .toml(
            "[admin]\ntoken = \"hush-token-of-all\"\n\
             [[growsurf.campaigns]]\nid = \"a\"\nwebhook_secrets = [\"hush-campaign\"]",
        )
        .file("hush", "hush-file\n")
        .variable("RELAY__GROWSURF__WEBHOOK_SECRETS_FILE", "hush");
    let settings = setup.settings();
    assert!(!format!("{settings:?}").contains("hush-"), "{settings:?}");
    let summary = format!("{:?}", settings.summary());
    assert!(!summary.contains("hush-"), "{summary}");

    let broken = setup
        .toml(
            "[admin]\ntoken = [\"hush-token-of-all\"]\nhush = \"hush-unknown\"\n\
             [growsurf]\nwebhook_secrets = [\"hush-a\", 1]\n\
             [[growsurf.campaign]]\nwebhook_secrets = [\"hush-campaign\"]",
        )
        .variable("RELAY__CUSTOMERIO__APIKEY", "hush-key")
        .variable("RELAY__DELIVERY__IN_FLIGHT_FILE", "hush");
    let problems = broken.load().unwrap_err();
    assert!(problems.list().len() >= 5, "{problems}");
    assert!(!format!("{problems} {problems:?}").contains("hush-"), "{problems}");
}

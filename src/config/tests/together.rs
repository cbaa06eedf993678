//! Refusals of settings that could never work together.

use crate::config::tests::Setup;

/// Asserts that the file is refused for one reason that contains these words.
#[track_caller]
fn assert_refused(toml: &str, words: &[&str]) {
    let shown = Setup::new().toml(toml).problems();
    assert_eq!(shown.lines().count(), 1, "{toml}\n{shown}");
    assert!(shown.starts_with("config/relay.toml: "), "{shown}");
    for word in words {
        assert!(shown.contains(word), "{toml}\n{shown}\nlacks {word}");
    }
    assert!(!shown.contains("hush"), "{shown}");
}

fn campaign(keys: &str) -> String {
    format!("[[growsurf.campaigns]]\nid = \"a\"\n{keys}\n")
}

#[test]
fn keys_that_growsurf_would_rename_are_refused_with_the_form_that_works() {
    for (toml, words) in [
        (
            "[customerio]\nidentify_by = \"metadata.user_id\"",
            ["customerio.identify_by", "here \"userId\""],
        ),
        ("[mapping.metadata]\nplan = \"sub plan\"", ["mapping.metadata.plan", "\"subPlan\""]),
        ("[mapping]\nreward_value_key = \"Amount\"", ["mapping.reward_value_key", "\"amount\""]),
        ("[mapping]\nreward_value_key = \"\"", ["mapping.reward_value_key", "letters and digits"]),
        ("[mapping.metadata]\nplan = \"\"", ["mapping.metadata.plan", "letters and digits"]),
        ("[mapping.metadata]\ngdpr = \"gdprAgreements\"", ["mapping.metadata.gdpr", "reserves"]),
    ] {
        assert_refused(toml, &words);
    }
    let long = format!("[mapping.metadata]\nplan = \"{}\"", "k".repeat(41));
    assert_refused(&long, &["mapping.metadata.plan", "at most 40"]);
}

#[test]
fn a_source_that_nothing_could_use_is_refused() {
    let server = campaign("conversions_from = \"server\"");
    assert_refused(&server, &["campaigns[0].conversions_from", "RELAY__API__TOKEN"]);
    let with_token = format!("{server}[api]\ntoken = \"the-token-of-the-server\"");
    Setup::new().toml(&with_token).settings();
    let page = campaign("shares_from = \"page\"");
    assert_refused(&page, &["campaigns[0].shares_from", "page_key"]);
}

#[test]
fn a_prefix_that_makes_the_name_of_another_attribute_is_refused() {
    let spring = campaign("attribute_prefix = \"spring_\"");
    let other = |prefix: &str| {
        format!("[[growsurf.campaigns]]\nid = \"b\"\nattribute_prefix = \"{prefix}\"\n")
    };
    let attributes = |toml: &str| format!("{spring}[mapping.attributes]\n{toml}");
    for (toml, word) in [
        (format!("{spring}[mapping.metadata]\nspring_total_referrals = \"plan\""), "metadata"),
        (attributes("referral_code = \"spring_total_referrals\""), "mapping.attributes"),
        (attributes("last_name = \"spring_total_referrals\""), "mapping.attributes"),
        (
            campaign("attribute_prefix = \"e\"") + "[mapping.attributes]\ntotal_shares = \"mail\"",
            "reserved",
        ),
    ] {
        assert_refused(&toml, &["campaigns[0].attribute_prefix", word]);
    }
    let both = format!("{}{}", campaign("attribute_prefix = \"a_\""), other("a_b_"));
    let toml = format!("{both}[mapping.attributes]\ntotal_shares = \"x\"\ntotal_rewards = \"b_x\"");
    let shown = Setup::new().toml(&toml).problems();
    assert!(shown.contains("of campaign b"), "{shown}");
    for fit in [
        both,
        format!("{spring}{}", other("spring_")),
        format!("{spring}[mapping.metadata]\ntotal_x = \"plan\""),
    ] {
        Setup::new().toml(&fit).settings();
    }
    // Names of the person have no prefix.
    Setup::new()
        .toml(&format!("{spring}[mapping.metadata]\nspring_first_name = \"plan\""))
        .settings();
}

#[test]
fn ids_that_growsurf_never_gives_are_refused() {
    for id in ["ct 8f71", "ct8f71/", "ct8f71?", "caf\u{e9}", &"a".repeat(201)] {
        assert_refused(&format!("[[growsurf.campaigns]]\nid = \"{id}\""), &["campaigns[0].id"]);
    }
}

#[test]
fn a_secret_of_two_campaigns_is_refused() {
    let secrets = |id: &str, secret: &str| {
        let secret = format!("webhook_secrets = [\"hush-of-this-campaign\", \"{secret}\"]");
        format!("[[growsurf.campaigns]]\nid = \"{id}\"\n{secret}\n")
    };
    let toml = secrets("a", "hush-1-of-this-campaign") + &secrets("b", "hush-2-of-this-campaign");
    assert_refused(&toml, &["campaigns[1].webhook_secrets", "campaign a"]);
}

#[test]
fn a_campaign_whose_webhooks_nothing_verifies_is_refused() {
    let load = |toml: &str| {
        let mut setup = Setup::new();
        setup.variables.retain(|(name, _)| !name.contains("SECRETS"));
        setup.toml(toml)
    };
    let spring = campaign("webhook_secrets = [\"hush-hush-hush-hush\"]");
    for autumn in ["id = \"b\"", "id = \"b\"\nwebhook_secrets = []"] {
        let toml = format!("{spring}[[growsurf.campaigns]]\n{autumn}\n");
        let shown = load(&toml).problems();
        assert_eq!(shown.lines().count(), 1, "{shown}");
        for word in ["growsurf.campaigns[1].webhook_secrets", "campaign b", "401"] {
            assert!(shown.contains(word), "{shown}");
        }
        let of_all = "RELAY__GROWSURF__WEBHOOK_SECRETS";
        load(&toml).variable(of_all, "hush-of-all-campaigns").settings();
    }
    load(&format!("[growsurf]\nallow_unsigned = true\n{}", campaign(""))).settings();
}

#[test]
fn one_metadata_key_for_both_sides_of_a_reward_is_refused() {
    for keys in [
        "reward_value_key = \"rewardForReferred\"",
        "friend_reward_value_key = \"amount\"",
        "reward_value_key = \"value\"\nfriend_reward_value_key = \"value\"",
    ] {
        let shown = Setup::new().toml(&format!("[mapping]\n{keys}")).problems();
        assert!(
            shown.contains("mapping.friend_reward_value_key: is mapping.reward_value_key"),
            "{shown}"
        );
    }
}

#[test]
fn a_secret_that_pages_would_show_is_refused() {
    let toml = campaign("page_key = \"hush-of-pages\"\nwebhook_secrets = [\"hush-of-pages\"]");
    let toml = format!("{toml}[page]\norigins = [\"https://a.example\"]");
    assert_refused(&toml, &["campaigns[0].page_key", "everybody can read"]);
}

#[test]
fn addresses_that_cannot_work_are_refused() {
    for (toml, words) in [
        (
            "[customerio]\nregion = \"eu\"\nbase_url = \"https://track.customer.io\"",
            ["customerio.base_url", "customerio.region"],
        ),
        (
            "[growsurf]\nbase_url = \"https://api.growsurf.com\"",
            ["growsurf.base_url", "the path /v2"],
        ),
        ("[growsurf]\nwebhook_url = \"mailto:ann@example.com\"", ["growsurf.webhook_url", "URL"]),
        ("[growsurf]\nwebhook_url = \"https://a.example/#b\"", ["growsurf.webhook_url", "URL"]),
        (
            "[server]\nlisten = \"0.0.0.0:8080\"\noperator_listen = \"127.0.0.1:8080\"",
            ["server.operator_listen", "the same address as server.listen"],
        ),
        (
            "[server]\nlisten = \"127.0.0.1:8080\"\noperator_listen = \"[::]:8080\"",
            ["server.operator_listen", "part of it"],
        ),
        (
            "[store]\nurl = \"postgres://u:hush@db/r\"\npassword = \"hush\"",
            ["store.password", "store.url as well"],
        ),
    ] {
        assert_refused(toml, &words);
    }
}

#[test]
fn tokens_that_cannot_be_sent_or_could_be_guessed_are_refused() {
    for section in ["admin", "api"] {
        let token = |text: &str| format!("[{section}]\ntoken = {text}");
        let key = format!("{section}.token");
        assert_refused(&token("\"hush-hush-hush\""), &[&key, "16 bytes", "openssl"]);
        assert_refused(&token("[\"hush-hush-hush-1\", \"hush\"]"), &[&key, "16 bytes"]);
        assert_refused(&token("\"hush hush hush hush\""), &[&key, "no header can carry"]);
        assert_refused(&token("\"hush-hush-hush-\u{e9}\""), &[&key, "no header can carry"]);
        assert_refused(&token("[\"hush-hush-hush-1\", \"\"]"), &[&key]);
    }
    let key = "[growsurf]\napi_key = \"hush hush\"";
    assert_refused(key, &["growsurf.api_key", "no header can carry"]);
}

#[test]
fn spoiled_values_are_refused_in_every_place() {
    for (toml, words) in [
        (
            "[growsurf]\nwebhook_secrets = [\"hush \"]",
            ["growsurf.webhook_secrets", "ends with a blank"],
        ),
        (
            "[growsurf]\nwebhook_secrets = [\"'hush'\"]",
            ["growsurf.webhook_secrets", "quotation marks"],
        ),
        ("[customerio]\napi_key = \"\\ufeffhush\"", ["customerio.api_key", "byte order mark"]),
        ("[store]\ntombstone_key = \"hush\\r\"", ["store.tombstone_key", "carriage return"]),
        ("[customerio]\nsite_id = \"site\\u00a0\"", ["customerio.site_id", "blank"]),
        ("[customerio]\nbase_url = \" http://127.0.0.1:9\"", ["customerio.base_url", "blank"]),
        ("[server]\ntrusted_proxies = [\"10.0.0.7\\u200b\"]", ["trusted_proxies", "U+200B"]),
        ("[[growsurf.campaigns]]\nid = \"a\\u200b\"", ["campaigns[0].id", "U+200B"]),
        ("[mapping.metadata]\n\"plan\\u200b\" = \"plan\"", ["mapping.metadata", "U+200B"]),
        (
            "[customerio]\nsite_id = '\"site'",
            ["customerio.site_id", "starts with a quotation mark"],
        ),
        ("[customerio]\nsite_id = \"site'\"", ["customerio.site_id", "ends with a quotation mark"]),
        ("[customerio]\nsite_id = \"site,\"", ["customerio.site_id", "a comma"]),
        ("[customerio]\nbase_url = 'http://127.0.0.1:9/\"'", ["customerio.base_url", "quotation"]),
        ("[growsurf]\nbase_url = 'https://a.example/v2;'", ["growsurf.base_url", "a semicolon"]),
        ("[growsurf]\nignore_emails = ['\"*@a.example']", ["growsurf.ignore_emails", "quotation"]),
        ("[growsurf]\nignore_emails = [\"*@a.example'\"]", ["growsurf.ignore_emails", "quotation"]),
        ("[growsurf]\nignore_emails = [\"*@a.example;\"]", ["growsurf.ignore_emails", "semicolon"]),
        (
            "[growsurf]\nignore_emails = [\"*@a.example;*@b.example\"]",
            ["growsurf.ignore_emails", "a pattern"],
        ),
        ("[growsurf]\napi_key = '\"hush'", ["growsurf.api_key", "quotation mark"]),
        ("[growsurf]\napi_key = \"hush,\"", ["growsurf.api_key", "a comma"]),
        (
            "[[growsurf.campaigns]]\nid = \"a\"\nwebhook_secrets = [\"hush,\"]",
            ["campaigns[0].webhook_secrets", "a comma"],
        ),
        ("[customerio]\nreporting_keys = [\"hush;\"]", ["customerio.reporting_keys", "semicolon"]),
        ("[api]\ntoken = \"hush-hush-hush-hush,\"", ["api.token", "a comma"]),
        (
            "[[growsurf.campaigns]]\nid = \"a\"\napi_key = \"hush,\"",
            ["campaigns[0].api_key", "a comma"],
        ),
        ("[mapping]\nreward_value_key = \"amount'\"", ["mapping.reward_value_key", "quotation"]),
    ] {
        assert_refused(toml, &words);
    }
    let name = "RELAY__GROWSURF__WEBHOOK_SECRETS";
    for (value, why) in [
        ("hush ", "ends with a blank"),
        ("\"hush\"", "quotation marks"),
        ("\u{201c}hush\u{201d}", "quotation marks"),
        ("\u{feff}hush", "byte order mark"),
        ("hush\r", "carriage return"),
        ("hush\n", "line break"),
        ("hush\u{a0}", "blank"),
        ("hush   # the old one", "comment"),
    ] {
        let shown = Setup::new().variable(name, value).problems();
        let start = format!("{name}: growsurf.webhook_secrets: ");
        assert!(shown.starts_with(&start) && shown.contains(why), "{value:?} {shown}");
        assert!(!shown.contains("hush"), "{shown}");
    }
    for (text, why) in [
        ("\u{feff}hush\n", "byte order mark"),
        ("hush\r\n", "carriage return"),
        ("hush \n", "ends with a blank"),
        ("'hush'\n", "quotation marks"),
    ] {
        let setup = Setup::new().file("hidden", text).variable(&format!("{name}_FILE"), "hidden");
        let shown = setup.problems();
        assert!(shown.starts_with(&format!("{name}_FILE: ")) && shown.contains(why), "{shown}");
        assert!(!shown.contains("hush"), "{shown}");
    }
    for (name, key) in [
        ("CIO_SITE_ID", "customerio.site_id"),
        ("CIO_API_KEY", "customerio.api_key"),
        ("RELAY__GROWSURF__IGNORE_EMAILS", "growsurf.ignore_emails"),
        ("RELAY__GROWSURF__API_KEY", "growsurf.api_key"),
    ] {
        for spoiled in ["\"hush*@a.example", "hush*@a.example'", "hush*@a.example;"] {
            let shown = Setup::new().variable(name, spoiled).problems();
            assert!(shown.contains(&format!("{key}: ")) && !shown.contains("hush"), "{shown}");
            let setup = Setup::new().file("hidden", &format!("{spoiled}\n"));
            let shown = setup.variable(&format!("{name}_FILE"), "hidden").problems();
            assert!(shown.contains(&format!("{key}: ")) && !shown.contains("hush"), "{shown}");
        }
    }
    let shown = Setup::new().variable("CIO_SITE_ID", "hu\"sh").problems();
    assert!(shown.contains("customerio.site_id: is no site ID"), "{shown}");
    // A password is another's choice, and a name is for people.
    Setup::new().variable("RELAY__STORE__TOMBSTONE_KEY", "hush-hush-hush-hush;").settings();
    Setup::new().toml("[mapping.events]\nreferral_shared = \"shared 'it'\"").settings();
    Setup::new().variable("RELAY__GROWSURF__IGNORE_EMAILS", "*@a.example,").settings();
    Setup::new().file("hidden", "hush\n").variable(&format!("{name}_FILE"), "hidden").settings();
}

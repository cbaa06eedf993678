//! Warnings of settings that work and may harm.

use crate::config::tests::Setup;

/// Asserts that the settings are accepted, with one warning that contains these words.
#[track_caller]
fn assert_warned(setup: Setup, words: &[&str]) {
    let warnings = setup.settings().warnings;
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    for word in words {
        assert!(warning.contains(word), "{warning:?} lacks {word}");
    }
    assert!(!warning.contains("hush"), "{warning}");
}

fn variable(name: &str, value: &str) -> Setup {
    Setup::new().variable(name, value)
}

#[test]
fn warns_of_what_has_no_effect() {
    let name = "RELAY__CUSTOMERIO__TRUST_METADATA_ID";
    assert_warned(variable(name, "true"), &["customerio.identify_by"]);
    let name = "RELAY__GROWSURF__ALLOW_UNSIGNED";
    assert_warned(variable(name, "true"), &["no effect", "a secret is set"]);
    let name = "RELAY__STORE__TLS_CA_FILE";
    assert_warned(variable(name, "/ca.pem"), &["store.tls_ca_file", "names a file"]);
}

#[test]
fn warns_of_secrets_that_could_be_guessed() {
    let toml = "[[growsurf.campaigns]]\nid = \"a\"\nwebhook_secrets = [\"hush\"]";
    assert_warned(Setup::new().toml(toml), &["growsurf.campaigns[0].webhook_secrets", "16 bytes"]);
    let name = "RELAY__CUSTOMERIO__ACTION_KEYS";
    assert_warned(variable(name, "hush,hush2"), &["customerio.action_keys", "guessed"]);
    let both = variable("RELAY__ADMIN__TOKEN", "hush-the-token-of-both");
    let both = both.variable("RELAY__API__TOKEN", "hush-the-token-of-both");
    assert_warned(both, &["admin.token", "api.token"]);
}

#[test]
fn warns_of_unencrypted_connections() {
    for (name, host) in [
        ("RELAY__CUSTOMERIO__BASE_URL", "cio.example.com"),
        ("RELAY__CUSTOMERIO__BASE_URL", "10.0.0.7"),
    ] {
        assert_warned(variable(name, &format!("http://{host}:8090")), &["http://", host]);
    }
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let setup = variable("RELAY__CUSTOMERIO__BASE_URL", &format!("http://{host}:8090"));
        assert!(setup.settings().warnings.is_empty(), "{host}");
    }
    let growsurf = variable("RELAY__GROWSURF__BASE_URL", "http://growsurf.example.com/v2");
    assert!(growsurf.settings().warnings.is_empty(), "nothing is asked without a key");
    let asked = growsurf.variable("RELAY__GROWSURF__API_KEY", "hush-key");
    assert_warned(asked, &["growsurf.base_url", "https://"]);

    let name = "RELAY__STORE__URL";
    for mode in ["disable", "prefer"] {
        let url = format!("postgres://relay:hush@db.example.com/relay?sslmode={mode}");
        assert_warned(variable(name, &url), &["store.url", "relay:...@db", "sslmode"]);
        let url = format!("postgres://relay:hush@127.0.0.1/relay?sslmode={mode}");
        assert!(variable(name, &url).settings().warnings.is_empty());
    }
    let name = "RELAY__SERVER__TRUSTED_PROXIES";
    assert_warned(variable(name, "10.0.0.0/8,0.0.0.0/0"), &["server.trusted_proxies"]);
}

#[test]
fn warns_of_proxies_that_calls_go_through() {
    let proxy = "http://ann:hush@proxy.example.com:3128";
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        assert_warned(variable(name, proxy), &["track.customer.io", "proxy.example.com:3128"]);
    }
    let plain = variable("http_proxy", proxy);
    assert!(plain.settings().warnings.is_empty(), "Customer.io is called by https");
    let local = plain.variable("RELAY__CUSTOMERIO__BASE_URL", "http://127.0.0.1:8090");
    assert!(local.settings().warnings.is_empty(), "no proxy reaches this machine");
    let spared = variable("HTTPS_PROXY", proxy).variable("NO_PROXY", "customer.io");
    assert!(spared.settings().warnings.is_empty());
    let both = variable("HTTPS_PROXY", proxy).variable("RELAY__GROWSURF__API_KEY", "hush-key");
    let warnings = both.variable("no_proxy", "track.customer.io").settings().warnings;
    assert!(warnings[0].contains("api.growsurf.com"), "{warnings:?}");
}

#[test]
fn warns_of_a_secret_that_does_not_say_whose_webhook_it_is() {
    let toml = "[growsurf]\nwebhook_secrets = [\"hush-hush-hush-hush\"]\n\
                [[growsurf.campaigns]]\nid = \"a\"\nwebhook_secrets = [\"hush-hush-hush-hush\"]";
    let mut setup = Setup::new();
    setup.variables.retain(|(name, _)| !name.contains("SECRETS"));
    assert_warned(setup.toml(toml), &["growsurf.campaigns[0].webhook_secrets", "any campaign"]);
}

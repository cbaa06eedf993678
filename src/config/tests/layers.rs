//! Which layer wins, and what each can say.

use std::time::Duration;

use proptest::prelude::{ProptestConfig, any, proptest};
use secrecy::ExposeSecret;

use crate::config::growsurf::ConversionsFrom;
use crate::config::sources::Sources;
use crate::config::tests::Setup;
use crate::config::{Required, Settings};

#[test]
fn later_layers_win() {
    let setup = Setup::new();
    assert_eq!(setup.settings().server.listen.port(), 8080);
    let setup = setup.toml("[server]\nlisten = \"127.0.0.1:1\"");
    assert_eq!(setup.settings().server.listen.port(), 1);
    let setup = setup.variable("RELAY__SERVER__LISTEN", "127.0.0.1:2");
    assert_eq!(setup.settings().server.listen.port(), 2);
    let setup =
        setup.file("listen", "127.0.0.1:3\n").variable("RELAY__SERVER__LISTEN_FILE", "listen");
    assert_eq!(setup.settings().server.listen.port(), 3);
    // What the file leaves out keeps its default.
    assert_eq!(setup.settings().server.connections.max_connections, 10_000);
}

#[test]
fn a_named_file_replaces_the_default_one() {
    let setup = Setup::new()
        .toml("[server]\nlisten = \"127.0.0.1:1\"")
        .file("other.toml", "[server]\nmax_connections = 7");
    let sources = setup.sources(Some("other.toml"));
    let settings = Settings::load(&sources, Required::Everything).unwrap();
    assert_eq!(settings.server.listen.port(), 8080);
    assert_eq!(settings.server.connections.max_connections, 7);
    let missing = Settings::load(&setup.sources(Some("no.toml")), Required::Everything);
    let shown = missing.unwrap_err().to_string();
    assert!(shown.starts_with("no.toml: can't read no.toml: "), "{shown}");
}

#[test]
fn the_guides_names_win_over_files_and_lose_against_ours() {
    let site_id = |setup: &Setup| setup.settings().customerio.site_id.unwrap();
    let setup = Setup::new().toml("[customerio]\nsite_id = \"file\"");
    assert_eq!(site_id(&setup), "site");
    let setup = setup.file("site", "from-file\n").variable("CIO_SITE_ID_FILE", "site");
    assert_eq!(site_id(&setup), "from-file");
    let setup = setup.variable("RELAY__CUSTOMERIO__SITE_ID", "ours");
    assert_eq!(site_id(&setup), "ours");
    let blank = Setup::new().toml("[customerio]\nsite_id = \"file\"").variable("CIO_SITE_ID", "");
    assert_eq!(site_id(&blank), "file");
}

#[test]
fn secrets_stay_text() {
    for secret in ["0012", "1e5", "true", "a,b"] {
        let settings = Setup::new().variable("RELAY__CUSTOMERIO__API_KEY", secret).settings();
        assert_eq!(settings.customerio.api_key.unwrap().expose_secret(), secret);
    }
    let settings = Setup::new()
        .file("secrets", "a,b\n0012\n")
        .variable("RELAY__GROWSURF__WEBHOOK_SECRETS_FILE", "secrets")
        .settings();
    let secrets: Vec<&str> =
        settings.growsurf.webhook_secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, ["a,b", "0012"]);
}

#[test]
fn a_token_is_one_or_several_in_every_place() {
    let (old, new) = ("the-old-token-of-all", "the-new-token-of-all");
    let tokens = |setup: Setup| {
        let settings = setup.settings();
        let tokens = settings.admin.tokens.iter().map(|it| it.expose_secret().to_owned());
        tokens.collect::<Vec<_>>()
    };
    for text in [format!("token = \"{old}\""), format!("token = [\"{old}\"]")] {
        assert_eq!(tokens(Setup::new().toml(&format!("[admin]\n{text}"))), [old]);
    }
    let both = format!("[admin]\ntoken = [\"{old}\", \"{new}\"]");
    assert_eq!(tokens(Setup::new().toml(&both)), [old, new]);
    let key = "RELAY__ADMIN__TOKEN";
    assert_eq!(tokens(Setup::new().variable(key, &format!("{old}, {new}"))), [old, new]);
    let file = Setup::new().file("tokens", &format!("{old}\n{new}\n"));
    assert_eq!(tokens(file.variable("RELAY__ADMIN__TOKEN_FILE", "tokens")), [old, new]);
    assert!(tokens(Setup::new().toml("[admin]\ntoken = \"\"")).is_empty());
}

#[test]
fn the_environment_sets_lists_flags_numbers_and_names() {
    let settings = Setup::new()
        .variable("RELAY__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1,")
        .variable("RELAY__CUSTOMERIO__TRUST_METADATA_ID", "true")
        .variable("RELAY__CUSTOMERIO__IDENTIFY_BY", "metadata.userId")
        .variable("RELAY__DELIVERY__IN_FLIGHT", "8")
        .variable("RELAY__DELIVERY__LEASE", "2m")
        .variable("RELAY__MAPPING__EVENTS__REFERRAL_SHARED", "")
        .variable("RELAY__MAPPING__METADATA__PLAN", "subscriptionPlan")
        .settings();
    assert_eq!(settings.server.connections.trusted_proxies.len(), 2);
    assert!(settings.customerio.trust_metadata_id);
    assert_eq!(settings.delivery.in_flight, 8);
    assert_eq!(settings.delivery.lease, Duration::from_secs(120));
    assert_eq!(settings.mapping.events.get("referral_shared"), None);
    assert_eq!(settings.mapping.metadata["plan"], "subscriptionPlan");
}

#[test]
fn lists_of_tables_replace_the_defaults_whole() {
    let settings = Setup::new()
        .toml(
            "[[mapping.tiers]]\nname = \"none\"\nat_least = 0\n\
             [[mapping.tiers]]\nname = \"some\"\nat_least = 3\n\
             [[growsurf.campaigns]]\nid = \"c1\"\nconversions_from = \"server\"\n\
             [api]\ntoken = \"the-token-of-the-server\"\n\
             [mapping.metadata]\n\"the plan[0]\" = \"plan\"",
        )
        .settings();
    let tiers: Vec<(&str, i64)> =
        settings.mapping.tiers.iter().map(|tier| (tier.name.as_str(), tier.at_least)).collect();
    assert_eq!(tiers, [("some", 3), ("none", 0)]);
    let campaign = &settings.growsurf.campaigns[0];
    assert_eq!(campaign.conversions_from, ConversionsFrom::Server);
    // The `config` crate must not read the name as a path.
    assert_eq!(settings.mapping.metadata["the plan[0]"], "plan");
}

#[test]
fn a_campaigns_own_secret_is_enough() {
    let mut setup = Setup::new();
    setup.variables.retain(|(name, _)| !name.contains("SECRETS"));
    let setup = setup.toml("[[growsurf.campaigns]]\nid = \"c1\"\nwebhook_secrets = [\"s\"]");
    assert!(setup.settings().growsurf.has_webhook_secret());
}

#[test]
fn what_is_not_needed_may_be_missing() {
    let setup = Setup::empty();
    let load = |needs| Settings::load(&setup.sources(None), needs);
    assert!(load(Required::Nothing).is_ok());
    assert_eq!(load(Required::Everything).unwrap_err().list().len(), 3);
}

#[test]
fn the_summary_names_places_and_hides_secrets() {
    let settings = Setup::new().toml("[server]\nlisten = \"127.0.0.1:1\"").settings();
    let shown = |key: &str| {
        let line = settings.summary().iter().find(|line| line.key == key).unwrap();
        (line.value.as_str(), line.place.as_str())
    };
    assert_eq!(shown("server.listen"), ("127.0.0.1:1", "config/relay.toml"));
    assert_eq!(shown("customerio.api_key"), ("set", "CIO_API_KEY"));
    assert_eq!(shown("growsurf.webhook_secrets"), ("set", "RELAY__GROWSURF__WEBHOOK_SECRETS"));
    assert_eq!(shown("admin.token"), ("not set", "built-in defaults"));
    assert_eq!(shown("mapping.tiers[0].at_least"), ("10", "built-in defaults"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_value_panics(index in 0_usize..60, text in any::<String>(), near in "[-0-9a-z.:/*@,]{0,12}") {
        let known = Settings::load(&Sources::new(None, []), Required::Nothing);
        let summary = known.unwrap().summary;
        let key = &summary[index % summary.len()].key;
        let variable = format!("RELAY__{}", key.replace('.', "__").to_uppercase());
        for value in [text, near] {
            let sources = Sources::new(None, [(variable.clone(), value)]);
            let _ = Settings::load(&sources, Required::Nothing);
        }
    }
}

//! The built-in file: it parses, it is complete, it documents itself.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::customerio::{IdentifyBy, Region};
use crate::config::key::{Key, Kind, ROOT, join};
use crate::config::tests::Setup;
use crate::config::{DEFAULTS, Required, Settings};

/// The paths a file sets; lists of tables without their index.
fn keys_in(text: &str) -> BTreeSet<String> {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in text.lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).to_owned();
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            keys.insert(join(&section, name));
        }
    }
    keys
}

/// The paths the settings read.
fn keys_of(keys: &[Key], path: &str, found: &mut BTreeSet<String>) {
    for key in keys {
        let path = join(path, key.name);
        match &key.kind {
            Kind::Table(inner) | Kind::Tables(inner) => keys_of(inner, &path, found),
            Kind::Names => {}
            _ => {
                found.insert(path);
            }
        }
    }
}

#[test]
fn the_file_sets_every_key_and_no_other() {
    let mut known = BTreeSet::new();
    keys_of(ROOT, "", &mut known);
    let (campaigns, others): (BTreeSet<String>, BTreeSet<String>) =
        known.into_iter().partition(|key| key.starts_with("growsurf.campaigns."));
    assert_eq!(keys_in(DEFAULTS), others);
    // There is no campaign by default, so its keys are documented in a comment.
    assert_eq!(campaigns.len(), 7);
    for key in campaigns {
        let name = key.rsplit('.').next().unwrap();
        assert!(DEFAULTS.contains(&format!("\n# {name} = ")), "{key}");
    }
    assert!(DEFAULTS.contains("\n[mapping.metadata]\n"));
}

#[test]
fn every_key_has_a_comment() {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    for pair in lines.windows(2) {
        let is_key = !pair[1].starts_with(['#', '[']) && pair[1].contains(" = ");
        assert!(!is_key || pair[0].starts_with('#'), "no comment on {}", pair[1]);
    }
}

#[test]
fn the_commented_example_of_a_campaign_is_valid() {
    let start = DEFAULTS.find("# [[growsurf.campaigns]]").unwrap();
    let example: String = DEFAULTS[start..]
        .lines()
        .take_while(|line| line.starts_with('#'))
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap()))
        .collect();
    let settings = Setup::new().toml(&example).settings();
    assert_eq!(settings.growsurf.campaigns[0].id, "ct8f71");
}

#[test]
fn the_file_itself_is_a_valid_settings_file() {
    let settings = Setup::new().toml(DEFAULTS).settings();
    assert_eq!(settings.server.listen.port(), 8080);
}

#[test]
fn the_defaults_are_what_the_interface_says() {
    let setup = Setup::empty();
    let settings = Settings::load(&setup.sources(None), Required::NOTHING).unwrap();
    assert_eq!(settings.server.max_body, 8 << 20);
    assert_eq!(settings.server.body_memory, 256 << 20);
    assert_eq!(settings.server.operator_listen, None);
    assert_eq!(settings.store.url.to_string(), "sqlite:data/relay.db");
    assert_eq!(settings.store.server.connections, 8);
    assert_eq!(settings.store.server.statement_timeout, Duration::from_secs(10));
    assert_eq!(settings.store.server.connect_timeout, Duration::from_secs(5));
    assert_eq!(settings.store.server.accept_timeout, Duration::from_secs(5));
    assert_eq!(settings.store.server.idle_timeout, Duration::from_millis(300));
    assert!(settings.store.server.notify);
    assert_eq!(settings.store.server.tls_ca_file, None);
    assert_eq!(settings.store.keep_payloads, Duration::from_secs(30 * 86_400));
    assert_eq!(settings.store.keep_parked, Duration::from_secs(90 * 86_400));
    assert_eq!(settings.customerio.region, Region::Us);
    assert_eq!(settings.customerio.identify_by, IdentifyBy::Email);
    assert!(settings.customerio.credentials.is_none());
    assert_eq!(settings.delivery.backoff_cap, Duration::from_secs(900));
    assert_eq!(settings.mapping.events.get("referral_campaign_ended"), None);
    assert_eq!(settings.mapping.events["referral_shared"], "referral_shared");
    assert_eq!(settings.mapping.attributes.len(), 16);
    let thresholds: Vec<u64> = settings.mapping.tiers.iter().map(|tier| tier.at_least).collect();
    assert_eq!(thresholds, [10, 5, 1, 0]);
    assert!(settings.admin.tokens.is_empty());
    assert!(settings.warnings.is_empty());
}

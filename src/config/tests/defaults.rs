//! The built-in file: it parses, it is complete, it documents itself.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::tests::Setup;
use crate::config::tree::{BUILT_IN, join};
use crate::config::{DEFAULTS, Required, Settings};
use crate::customerio::Region;
use crate::mapping::{IdentifyBy, events};

/// Returns the paths a file sets; lists of tables without their index.
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

#[test]
fn the_file_sets_every_key_and_no_other() {
    let load = |setup: &Setup| Settings::load(&setup.sources(None), Required::Nothing).unwrap();
    let read: BTreeSet<String> = load(&Setup::empty())
        .summary()
        .iter()
        .map(|setting| match setting.key.split_once('[') {
            Some((list, item)) => {
                format!("{list}{}", item.trim_start_matches([']', '0', '1', '2', '3']))
            }
            None => setting.key.clone(),
        })
        .collect();
    // A key that is no field would be missing here, and a field that is no key can't be read.
    assert_eq!(keys_in(DEFAULTS), read);
    assert!(DEFAULTS.contains("\n[mapping.metadata]\n"));
}

#[test]
fn the_file_has_every_event() {
    let keys = keys_in(DEFAULTS).into_iter();
    let named: BTreeSet<String> =
        keys.filter_map(|key| Some(key.strip_prefix("mapping.events.")?.to_owned())).collect();
    assert_eq!(named, events::ALL.into_iter().map(str::to_owned).collect());
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
    let of_campaign = |key: &str| key.starts_with("growsurf.campaigns[0].");
    let set = settings.summary().iter().filter(|setting| of_campaign(&setting.key)).count();
    let shown =
        Setup::new().toml("[[growsurf.campaigns]]\nid = \"a\"\nwebhook_secre = []").problems();
    assert_eq!((set, shown.lines().count()), (7, 1), "{shown}");
}

#[test]
fn the_defaults_of_a_campaign_are_shown() {
    let toml = "[[growsurf.campaigns]]\nid = \"a\"\n[[growsurf.campaigns]]\nid = \"b\"";
    let settings = Setup::new().toml(toml).settings();
    for (key, value) in [("conversions_from", "auto"), ("api_key", "not set"), ("page_key", "")] {
        for number in 0..2 {
            let key = format!("growsurf.campaigns[{number}].{key}");
            let shown = settings.summary().iter().find(|setting| setting.key == key).unwrap();
            assert_eq!((&*shown.value, &*shown.place), (value, BUILT_IN), "{key}");
        }
    }
}

#[test]
fn the_file_itself_is_a_valid_settings_file() {
    let settings = Setup::new().toml(DEFAULTS).settings();
    assert_eq!(settings.server.listen.port(), 8080);
}

#[test]
fn the_defaults_are_what_the_interface_says() {
    let setup = Setup::empty();
    let settings = Settings::load(&setup.sources(None), Required::Nothing).unwrap();
    assert_eq!(settings.server.bodies.max_body, 8 << 20);
    assert_eq!(settings.server.bodies.body_memory, 256 << 20);
    assert_eq!(settings.server.operator_listen, None);
    assert_eq!(settings.store.url.to_string(), "sqlite:data/relay.db");
    assert_eq!(settings.store.connection.connections, 8);
    assert_eq!(settings.store.connection.statement_timeout, Duration::from_secs(10));
    assert_eq!(settings.store.connection.connect_timeout, Duration::from_secs(5));
    assert_eq!(settings.store.connection.accept_timeout, Duration::from_secs(5));
    assert_eq!(settings.store.connection.idle_timeout, Duration::from_millis(300));
    assert!(settings.store.connection.notify);
    assert_eq!(settings.store.connection.tls_ca_file, None);
    assert_eq!(settings.store.keep.payloads, Duration::from_secs(30 * 86_400));
    assert_eq!(settings.store.keep.parked, Duration::from_secs(90 * 86_400));
    assert_eq!(settings.customerio.region, Region::Us);
    assert_eq!(settings.customerio.identify_by, IdentifyBy::Email);
    assert!(settings.customerio.credentials().is_none());
    assert_eq!(settings.delivery.retry.backoff_cap, Duration::from_secs(900));
    assert_eq!(settings.mapping.events.get("referral_campaign_ended"), None);
    assert_eq!(settings.mapping.events["referral_shared"], "referral_shared");
    assert_eq!(settings.mapping.attributes.len(), 17);
    let thresholds: Vec<i64> = settings.mapping.tiers.iter().map(|tier| tier.at_least).collect();
    assert_eq!(thresholds, [10, 5, 1, 0]);
    assert!(settings.admin.tokens.is_empty());
    assert!(settings.warnings.is_empty());
}

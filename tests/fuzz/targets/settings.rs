//! Settings from a file and from variables: read or refused, the same each time, and no secret is
//! ever shown.

use std::fs;

use referral_relay::app;
use referral_relay::config::problem::Problems;
use referral_relay::config::sources::Sources;
use referral_relay::config::{Required, Settings};
use tempfile::TempDir;

/// Between the file and the variables, one a line, as `NAME=VALUE`.
const ENVIRONMENT: &str = "# environment\n";

/// A secret that no message may repeat.
const HUSH: &str = "hush-4gq7x-4gq7x-4gq7x";

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("there is room for a folder");
}

/// Keys of secrets.
const SECRETS: [(&str, &str); 4] = [
    ("CIO_API_KEY", HUSH),
    ("RELAY__GROWSURF__WEBHOOK_SECRETS", HUSH),
    ("RELAY__ADMIN__TOKEN", HUSH),
    ("RELAY__CUSTOMERIO__API_KEY_FILE", HUSH),
];

/// Reads TOML text, then variables.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains(HUSH) {
        return;
    }
    let (file, variables) = match text.find(ENVIRONMENT) {
        Some(at) => (&text[..at], &text[at + ENVIRONMENT.len()..]),
        None => (text, ""),
    };
    let variables: Vec<_> = variables.lines().filter_map(|line| line.split_once('=')).collect();
    let shown = |variables: &[(&str, &str)]| match load(file, variables) {
        Ok(settings) => sound(&settings),
        Err(problems) => {
            assert!(!problems.list().is_empty());
            problems.to_string()
        }
    };
    let variables = [variables.as_slice(), &SECRETS].concat();
    let once = shown(&variables);
    assert!(!once.contains(HUSH), "a secret is shown");
    assert_eq!(once, shown(&variables), "the same is read the same");
}

fn load(file: &str, variables: &[(&str, &str)]) -> Result<Settings, Problems> {
    FOLDER.with(|folder| {
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            // A file system may take a new text in an old file for precious, and sync it.
            let _may_not_be_there = fs::remove_file(&path);
            fs::write(path, text).expect("a short file can be written");
        };
        write("relay.toml", file);
        let variable = |(number, (name, value)): (usize, &(&str, &str))| {
            // What is in the files is from outside, not where they are.
            if !name.ends_with("_FILE") {
                return ((*name).to_owned(), (*value).to_owned());
            }
            let path = format!("value-{number}");
            write(&path, value);
            ((*name).to_owned(), path)
        };
        let environment = variables.iter().enumerate().map(variable);
        let sources = Sources::new(Some("relay.toml".into()), environment);
        Settings::load(&sources.in_directory(folder.path()), Required::Everything)
    })
}

/// Asserts that loaded settings are valid; returns all that is shown of them.
fn sound(settings: &Settings) -> String {
    let server = &settings.server;
    assert!(server.bodies.max_body <= server.bodies.body_memory);
    assert!(server.connections.max_connections > 0);
    assert!(!settings.summary().is_empty());
    assert!(settings.customerio.credentials().is_some());
    let rules = app::rules(settings);
    for name in rules.events.values().chain(rules.attributes.values()) {
        assert!(!name.trim().is_empty());
    }
    let base_url = app::base_url(&settings.customerio);
    assert!(matches!(base_url.scheme(), "http" | "https"));
    format!("{settings:?} {:?} {rules:?}", settings.summary())
}

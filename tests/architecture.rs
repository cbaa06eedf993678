//! Dependencies point inward, and files do one job: read off the sources themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules of the crate each top-level module may name. What isn't listed may name none.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("docs", &[]),
    ("options", &["domain"]),
    (
        "config",
        &[
            "customerio",
            "delivery",
            "domain",
            "http",
            "insights",
            "mapping",
            "options",
            "store",
            "sync",
            "telemetry",
        ],
    ),
    ("clock", &["domain"]),
    ("telemetry", &["domain", "options"]),
    ("sandbox", &[]),
    ("mapping", &["domain", "options"]),
    // It returns the rows and campaigns that `sources` reads.
    ("growsurf", &["domain", "sources"]),
    ("customerio", &["domain"]),
    ("store", &["domain", "options"]),
    ("ingest", &["customerio", "domain", "growsurf", "sources", "store", "telemetry"]),
    ("sources", &["domain"]),
    ("erase", &["domain", "customerio", "store"]),
    ("delivery", &["domain", "customerio", "growsurf", "options", "store", "telemetry"]),
    ("sync", &["domain", "erase", "growsurf", "sources", "store", "telemetry"]),
    ("insights", &["domain", "mapping", "options", "store", "telemetry"]),
    ("inspect", &["domain", "mapping", "store", "sync", "telemetry"]),
    (
        "explain",
        &["customerio", "domain", "growsurf", "ingest", "inspect", "mapping", "sources", "store"],
    ),
    ("operate", &["domain", "ingest", "inspect", "store", "telemetry"]),
    (
        "http",
        &[
            "customerio",
            "delivery",
            "domain",
            "ingest",
            "inspect",
            "options",
            "sources",
            "store",
            "telemetry",
        ],
    ),
    (
        "app",
        &[
            "clock",
            "config",
            "customerio",
            "delivery",
            "domain",
            "explain",
            "growsurf",
            "http",
            "ingest",
            "insights",
            "inspect",
            "mapping",
            "operate",
            "sources",
            "store",
            "sync",
            "telemetry",
            "ui",
        ],
    ),
    (
        "ui",
        &[
            "delivery",
            "domain",
            "explain",
            "http",
            "ingest",
            "insights",
            "inspect",
            "operate",
            "store",
            "telemetry",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "clock",
            "config",
            "customerio",
            "docs",
            "domain",
            "erase",
            "explain",
            "growsurf",
            "http",
            "ingest",
            "insights",
            "inspect",
            "mapping",
            "operate",
            "options",
            "sandbox",
            "sources",
            "store",
            "sync",
            "telemetry",
        ],
    ),
    ("main", &["cli"]),
];

/// The longest file that can be said to do one job.
const LINES: usize = 400;

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    let relative = |path: PathBuf| path.strip_prefix(&root).unwrap().to_path_buf();
    found.into_iter().map(|(path, text)| (relative(path), text)).collect()
}

/// Returns the top-level module that a file belongs to.
fn module(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn is_test(path: &Path) -> bool {
    let name = path.to_str().unwrap();
    name.contains("tests") || name.contains("contract")
}

/// Returns the modules that a line names after `crate::` or `referral_relay::`.
fn named(line: &str) -> Vec<String> {
    let starts = ["crate::", "referral_relay::"]
        .into_iter()
        .flat_map(|prefix| line.match_indices(prefix).map(move |(at, prefix)| at + prefix.len()));
    let word = |at: usize| {
        let rest = &line[at..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
        rest[..end].to_owned()
    };
    starts.map(word).filter(|word| !word.is_empty()).collect()
}

#[test]
fn dependencies_point_inward() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_NAME.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, text) in sources() {
        let module = module(&path);
        if module == "lib" || is_test(&path) {
            continue;
        }
        let allowed = allowed.get(module.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("say above what {module} may name"));
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            assert!(!line.contains("use crate::{"), "{}: one `use` a module", path.display());
            if line.trim_start().starts_with("//") {
                continue;
            }
            for name in named(line) {
                seen += 1;
                if name != module && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{}:{} names {name}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} uses were found; does this test still read the sources?");
    assert!(wrong.is_empty(), "dependencies must point inward:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_owners_of_a_technology_name_it() {
    for (technology, owners) in [
        ("rusqlite::", ["store"].as_slice()),
        ("reqwest::", &["customerio", "growsurf", "sandbox"]),
        ("axum::", &["http", "sandbox", "ui"]),
        ("clap::", &["cli"]),
        ("clap_complete::", &["cli"]),
        ("clap_mangen::", &["cli"]),
        ("utoipa::", &["http", "sources"]),
        ("utoipa_axum::", &["http"]),
        // Routes without documentation; `routes!` takes none. Pages for people have none.
        (".route(", &["sandbox", "ui"]),
        ("anyhow::", &["cli", "main"]),
        ("prometheus_client::", &["telemetry"]),
    ] {
        let foreign: Vec<String> = sources()
            .into_iter()
            .filter(|(path, text)| {
                text.contains(technology) && !owners.contains(&module(path).as_str())
            })
            .map(|(path, _)| path.display().to_string())
            .filter(|path| !path.contains("tests"))
            .collect();
        assert!(foreign.is_empty(), "{technology} is named in {foreign:?}");
    }
}

#[test]
fn no_file_grows_beyond_one_job() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| !is_test(path) && text.lines().count() > LINES)
        .map(|(path, text)| format!("{} has {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "split these:\n{}", long.join("\n"));
}

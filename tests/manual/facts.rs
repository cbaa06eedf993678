//! Facts of the guide and the README about the binary: all of them hold, and none is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::markdown::{Page, all, pages, root, words};
use crate::kit::eventually;
use crate::kit::growsurf::Growsurf;
use crate::kit::http;
use crate::kit::process::binary;
use crate::kit::relay::Setup;
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{
    Webhook, campaign_ended, commission_added, commission_adjusted, goal_reached, guide, joined,
    payout_issued,
};

fn setup() -> Setup {
    Setup::towards("http://127.0.0.1:9")
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Returns every command with its flags, by its words.
fn commands() -> BTreeMap<Vec<String>, BTreeSet<String>> {
    fn walk(path: &[String], found: &mut BTreeMap<Vec<String>, BTreeSet<String>>) {
        let help = binary().args(path).arg("--help").output().unwrap().stdout;
        let help = String::from_utf8(help).unwrap();
        let options = help.split("Options:\n").nth(1).unwrap();
        let starts = options.lines().map(str::trim_start).filter(|it| it.starts_with('-'));
        let flags = starts.flat_map(|it| {
            let flags = it.split("  ").next().unwrap().split([',', ' ', '[', '=']);
            flags.filter(|it| it.starts_with("--")).map(str::to_owned).collect::<Vec<_>>()
        });
        let flags = flags.filter(|it| it != "--help" && it != "--version").collect();
        found.insert(path.to_vec(), flags);
        let list = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next();
        for line in list.unwrap().lines() {
            let name = line.split_whitespace().next().unwrap().to_owned();
            if name != "help" {
                walk(&[path, &[name]].concat(), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&[], &mut found);
    found
}

/// Returns the words behind `referral-relay` up to the end of the command.
fn arguments(line: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let name = |it: &&str| {
        it.trim_start_matches('(') == "referral-relay" || it.ends_with("/referral-relay")
    };
    let start = words.iter().rposition(name)? + 1;
    let is_end = |it: &&str| ["|", "<", ">", "#", "&&", ";"].contains(it) || it.starts_with('#');
    let end = words[start..].iter().position(is_end).map_or(words.len(), |it| start + it);
    let trim = |it: &str| it.len() - it.trim_start_matches('[').len();
    Some(
        words[start..end]
            .iter()
            .map(|it| it[trim(it)..].trim_end_matches([']', ')', ';']))
            .collect(),
    )
}

#[test]
fn every_command_and_flag_is_in_a_page_and_no_other() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    let (mut mentioned, mut faults) = (BTreeSet::new(), Vec::new());
    for page in all() {
        for line in page.code() {
            let arguments = arguments(&line).unwrap_or_default();
            // `docker build -t referral-relay .` names the image.
            if arguments.is_empty() || arguments[0] == "." {
                continue;
            }
            let is_command = |it: &usize| {
                let path: Vec<String> =
                    arguments[..*it].iter().map(|it| (*it).to_owned()).collect();
                commands.contains_key(&path)
            };
            let length = (1..=arguments.len()).filter(is_command).max();
            let Some(length) = length else {
                faults.push(format!("{}: {line}", page.path.display()));
                continue;
            };
            let path: Vec<String> = arguments[..length].iter().map(|it| (*it).to_owned()).collect();
            mentioned.insert((path.clone(), String::new()));
            for flag in arguments.iter().filter(|it| it.starts_with("--")) {
                let flag = flag.split('=').next().unwrap().to_owned();
                if !commands[&path].contains(&flag) {
                    faults.push(format!("{}: {line}", page.path.display()));
                }
                mentioned.insert((path.clone(), flag));
            }
        }
    }
    for (path, flags) in &commands {
        if commands.keys().any(|it| it.len() > path.len() && it.starts_with(path)) {
            continue;
        }
        let flags = flags.iter().filter(|it| *it != "--config").cloned();
        for flag in flags.chain([String::new()]) {
            if !mentioned.contains(&(path.clone(), flag.clone())) {
                faults.push(format!("no page has {path:?} {flag}"));
            }
        }
    }
    assert_none(&faults);
}

/// Returns the keys of the settings, those of tables in lists with the name of the list only.
fn keys() -> BTreeSet<String> {
    let printed = setup().command(&["settings", "--json"]).expect(0);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let keys = printed["settings"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap());
    keys.map(|it| it.split('[').next().unwrap().to_owned()).collect()
}

#[test]
fn every_setting_is_in_a_page_and_no_other() {
    let keys = keys();
    let sections: BTreeSet<&str> = keys.iter().filter_map(|it| it.split('.').next()).collect();
    let tables = ["growsurf.campaigns", "mapping.events", "mapping.attributes", "mapping.metadata"];
    let (mut mentioned, mut faults) = (BTreeSet::new(), Vec::new());
    for page in all() {
        let spans = page.spans();
        for word in spans.iter().flat_map(|it| it.split([' ', '=', ',', '(', ')', '[', ']'])) {
            let (section, rest) = word.split_once('.').unwrap_or_default();
            let is_lower = |it: char| it.is_ascii_lowercase() || it == '_' || it == '.';
            let is_file = rest == "rs" || rest.ends_with(".rs") || rest.ends_with("com");
            if sections.contains(section)
                && !rest.is_empty()
                && rest.chars().all(is_lower)
                && !is_file
            {
                if !keys.contains(word) && !tables.contains(&word) {
                    faults.push(format!("{} has {word}", page.path.display()));
                }
                mentioned.insert(word.to_owned());
            }
        }
        for variable in words(&page.text).filter_map(|it| it.strip_prefix("RELAY__")) {
            let key = variable.trim_end_matches("_FILE").replace("__", ".").to_lowercase();
            if !keys.contains(&key) && key != "section.key" {
                faults.push(format!("{} has RELAY__{variable}", page.path.display()));
            }
        }
    }
    let events = Page::of("src/docs/events.md").spans();
    for key in &keys {
        let name = key.strip_prefix("mapping.events.");
        let name = name.or_else(|| key.strip_prefix("mapping.attributes."));
        if !name.map_or(mentioned.contains(key), |it| events.iter().any(|span| span == it)) {
            faults.push(format!("no page has {key}"));
        }
    }
    assert_none(&faults);
}

#[test]
fn settings_in_pages_are_accepted() {
    let blocks: Vec<String> = pages()
        .iter()
        .flat_map(|page| page.split("toml").0.into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(blocks.len() > 3, "{blocks:?}");
    for block in blocks {
        let setup = setup().set("growsurf.api_key", "a-key");
        setup.file(&block).command(&["settings"]).expect(0);
    }
}

#[test]
fn every_metric_is_in_the_page_of_operators_and_no_other() {
    let sandbox = Sandbox::start();
    let setup = Growsurf::of(&sandbox).asked_by(Setup::new(&sandbox));
    let relay = setup.set("customerio.reporting_keys", "a-signing-key").start();
    let shown = || http::get(relay.operator_url("/metrics")).body;
    eventually("GrowSurf's webhook was checked", || shown().contains("relay_growsurf_problems{"));
    let shown = shown();
    let types = shown.lines().filter_map(|it| it.strip_prefix("# TYPE ")?.split_once(' '));
    let name = |(name, kind): (&str, &str)| {
        if kind == "counter" { format!("{name}_total") } else { name.to_owned() }
    };
    let metrics: BTreeSet<String> = types.map(name).collect();
    assert!(metrics.len() > 15, "{metrics:?}");
    let operating = Page::of("src/docs/operating.md").text;
    let named: BTreeSet<&str> = words(&operating).collect();
    let missing = metrics.iter().filter(|it| !named.contains(&***it));
    let mut faults: Vec<String> = missing.map(|it| format!("operating.md lacks {it}")).collect();
    for page in all() {
        let named = words(&page.text).filter(|it| it.starts_with("relay_"));
        for word in named.filter(|it| !metrics.contains(*it)) {
            faults.push(format!("{} has {word}", page.path.display()));
        }
    }
    assert_none(&faults);
}

/// Returns the events that bodies of every kind lead to, with their properties.
fn properties() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let server = [
        r#"{"event": "purchase", "campaign": "ct8f71", "id": "1", "email": "fay@example.com",
            "value": 20, "currency": "EUR", "product": "Pro"}"#,
        r#"{"event": "referral_shared", "campaign": "ct8f71", "id": "2", "email": "fay@example.com",
            "channel": "sms"}"#,
        r#"{"event": "referral_converted", "campaign": "ct8f71", "email": "fay@example.com",
            "conversion_value": 20, "currency": "EUR", "product": "Pro"}"#,
    ];
    let webhooks = [
        joined("fay").referred_by("rae"),
        goal_reached("rae", "prew_1"),
        commission_added("comm_1", "rae", "fay"),
        commission_adjusted("comm_1", "rae", "fay"),
        payout_issued("po_1", "rae", 100, "EUR"),
        campaign_ended(&["rae"]),
        guide("PARTICIPANT_REFERRED", "fay").referred_by("rae"),
        guide("CAMPAIGN_REFERRAL_CONVERTED", "fay").referred_by("rae"),
    ];
    let webhooks = webhooks.iter().map(Webhook::body);
    let setup = setup().set("mapping.events.referral_campaign_ended", "referral_campaign_ended");
    for body in webhooks.chain(server.map(str::to_owned)) {
        let printed = setup.command_with(&["explain", "--json"], &body).expect(0);
        let printed: Value = serde_json::from_str(&printed).unwrap();
        for lane in printed["lanes"].as_array().unwrap() {
            for call in lane["calls"].as_array().unwrap() {
                let track = &call["request"]["body"];
                if let (Some(name), Some(data)) =
                    (track["name"].as_str(), track["data"].as_object())
                {
                    found.entry(name.to_owned()).or_default().extend(data.keys().cloned());
                }
            }
        }
    }
    found
}

#[test]
fn every_property_is_in_the_page_of_events() {
    let found = properties();
    assert!(found.len() >= 9, "{found:?}");
    let spans = Page::of("src/docs/events.md").spans();
    let names = found.iter().flat_map(|(event, properties)| properties.iter().chain([event]));
    let missing = names.filter(|it| !spans.contains(it));
    assert_none(&missing.cloned().collect::<Vec<_>>());
}

#[test]
fn no_page_names_an_event_or_attribute_that_there_isnt() {
    let keys = keys();
    let names = keys.iter().filter(|it| it.starts_with("mapping."));
    let mut known: BTreeSet<String> =
        names.map(|it| it.rsplit('.').next().unwrap().to_owned()).collect();
    known.extend(properties().into_values().flatten());
    // A program of ours, and a name that a page makes up as an example.
    known.extend(["referral_relay", "spring_total_referrals"].map(str::to_owned));
    let mut faults = Vec::new();
    for page in all() {
        for word in page.spans().iter().flat_map(|it| words(it)) {
            let is_one = ["referral_", "affiliate_", "total_", "days_to_", "first_referral"]
                .iter()
                .any(|it| word.starts_with(it));
            let is_setting = keys.iter().any(|it| it.ends_with(&format!(".{word}")));
            if is_one && !is_setting && !known.contains(word) {
                faults.push(format!("{}: {word}", page.path.display()));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_request_of_the_sandbox_is_in_its_page() {
    let page = fs::read_to_string(root().join("src/docs/sandbox.md")).unwrap();
    let mut count = 0;
    for file in ["src/sandbox/readback.rs", "src/sandbox/growsurf/control.rs"] {
        let source = fs::read_to_string(root().join(file)).unwrap();
        for path in
            source.split(".route(\"/sandbox").skip(1).map(|it| it.split('"').next().unwrap())
        {
            count += 1;
            let path = path.trim_end_matches("{what}");
            assert!(page.contains(&format!("/sandbox{path}")), "sandbox.md lacks /sandbox{path}");
        }
    }
    assert!(count > 10, "{count}");
    let sandbox = Sandbox::start();
    let shown = http::get(sandbox.url());
    assert_eq!((shown.status, shown.body), (200, page));
}

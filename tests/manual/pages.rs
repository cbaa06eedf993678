//! The form of the guide and the README, their links, and the steps that they begin with.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::markdown::{Page, all, pages, root};
use crate::kit::process::{Process, binary};
use crate::kit::relay::Setup;

fn setup() -> Setup {
    Setup::towards("http://127.0.0.1:9")
}

#[test]
fn the_guide_lists_its_topics_and_prints_each() {
    let list = setup().command(&["guide"]).expect(0);
    for page in pages() {
        assert!(list.lines().any(|it| it.starts_with(&format!("{} ", page.name()))), "{list}");
        let printed = setup().command(&["guide", page.name()]).expect(0);
        let body = page.text.split("\n\n[").next().unwrap();
        assert_eq!(printed.trim_end(), body.trim_end(), "{}", page.name());
    }
}

#[test]
fn an_unknown_topic_is_bad_usage_and_a_similar_one_is_named() {
    let error = setup().command(&["guide", "operatin"]).expect(64);
    assert!(error.contains("'operating'"), "{error}");
}

#[test]
fn pages_are_short_and_say_whom_they_are_for() {
    assert!(Page::of("README.md").text.lines().count() <= 200);
    for page in pages() {
        let lines: Vec<&str> = page.text.lines().collect();
        assert!(lines.len() < 250, "{} has {} lines", page.name(), lines.len());
        assert!(lines[0].starts_with("# ") && lines[2].starts_with("For "), "{}", page.name());
    }
}

#[test]
fn a_sentence_has_at_most_25_words() {
    let mut faults = Vec::new();
    for page in all() {
        let prose = page.prose().replace("\n- ", "\n\n- ").replace('|', "\n\n");
        for sentence in prose.split("\n\n").flat_map(|it| it.split(['.', ':', '!', '?'])) {
            let words = sentence.split_whitespace();
            if words.filter(|it| it.contains(char::is_alphanumeric)).count() > 25 {
                faults.push(format!("{}: {sentence}", page.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn links_and_paths_lead_somewhere() {
    let mut faults = Vec::new();
    let links = fs::read_to_string(root().join("src/docs/links.txt")).unwrap();
    for topic in pages() {
        let (name, module) = (topic.name(), topic.name().replace('-', "_"));
        assert!(links.contains(&format!("[{name}]: crate::docs::{module}\n")), "{name}");
    }
    for page in all() {
        let mut check = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{}: {what}", page.path.display()));
            }
        };
        let folder = page.path.parent().unwrap();
        let (_, text) = page.split("");
        let inline = text.split("](").skip(1).map(|it| it.split(')').next().unwrap());
        let defined = text.lines().filter_map(|it| it.strip_prefix('[')?.split_once("]: "));
        let defined: BTreeMap<&str, &str> = defined.collect();
        for target in inline.chain(defined.values().copied()) {
            let target = target.split('#').next().unwrap();
            check(target.contains("://") || folder.join(target).exists(), target);
        }
        // The definitions come last, so a label that is used comes before its own.
        let used = page.prose();
        let is_used = |label: &str| {
            let link = format!("[{label}]");
            used.split(&link).skip(1).any(|rest| !rest.starts_with(['(', ':']))
        };
        for (label, target) in &defined {
            check(is_used(label) && *target == format!("{label}.md"), label);
        }
        for topic in pages() {
            check(!is_used(topic.name()) || defined.contains_key(topic.name()), topic.name());
        }
        for span in page.spans() {
            let path = span.split(' ').next().unwrap();
            let folders = ["config/", "src/", "tests/", "benches/", ".github/", ".ci/"];
            let is_path = folders.iter().any(|it| path.starts_with(it));
            let is_pattern = path.contains(['<', '*']) || path == "config/relay.toml";
            check(!is_path || is_pattern || root().join(path).exists(), path);
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_first_steps_of_the_readme_work() {
    let readme = Page::of("README.md");
    let (blocks, _) = readme.split("sh");
    let send = blocks.iter().find(|it| it.contains("openssl dgst")).unwrap();
    let look = blocks.iter().find(|it| it.contains("/sandbox/events")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.args(["serve", "--sandbox=127.0.0.1:0"]).current_dir(folder.path());
    command.env("RELAY__SERVER__LISTEN", "127.0.0.1:0");
    let mut process = Process::spawn(command);
    let relay = process.wait_for("the relay's address", |line| {
        let rest = line.split_once("The relay listens on  http://")?.1;
        Some(rest.split_whitespace().next()?.to_owned())
    });
    let sandbox = process.wait_for("the sandbox's address", |line| {
        Some(line.split_once("stand-in, is at  http://")?.1.trim().to_owned())
    });
    let run = |script: &str| {
        let script = script.replace("127.0.0.1:8080", &relay).replace("127.0.0.1:8090", &sandbox);
        let output = Command::new("bash").args(["-ec", &script]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let answer = run(send);
    assert!(answer.contains(r#""status":"accepted""#), "{answer}");
    crate::kit::eventually("both events have arrived", || {
        let shown = run(look);
        ["fay.friend@example.com", "referral_program_joined", "referral_friend_signed_up"]
            .iter()
            .all(|it| shown.contains(it))
    });
    process.signal("TERM");
    assert_eq!(process.wait().code(), Some(0));
}

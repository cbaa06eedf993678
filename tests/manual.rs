//! Contents of a package beside the binary: completions for shells, and manual pages.

mod facts;
mod markdown;
mod pages;

use std::fs;
use std::process::Command;

use crate::kit::process::binary;
use crate::kit::relay::Setup;

/// Settings that nothing starts with.
fn unfit() -> Setup {
    Setup::towards("http://127.0.0.1:9").unset("growsurf.webhook_secrets").set("log.levl", "x")
}

/// Returns the names of all commands, as the help lists them.
fn commands() -> Vec<String> {
    let help = String::from_utf8(binary().arg("--help").output().unwrap().stdout).unwrap();
    let list = help.split_once("Commands:\n").unwrap().1.split("\n\n").next().unwrap();
    let first = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    list.lines().map(first).filter(|name| name != "help").collect()
}

#[test]
fn completions_and_the_manual_are_the_last_of_the_commands() {
    let commands = commands();
    assert!(commands.len() > 8, "{commands:?}");
    assert_eq!(commands[0], "serve");
    assert!(commands.ends_with(&["completions".to_owned(), "man".to_owned()]), "{commands:?}");
}

#[test]
fn every_shell_gets_completions_whatever_the_settings_are() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = unfit().command(&["completions", shell]).expect(0);
        for command in commands() {
            assert!(script.contains(&command), "{shell} doesn't know {command}");
        }
    }
    let printed = unfit().command(&["completions", "cmd.exe"]).expect(64);
    assert!(printed.contains("possible values: bash"), "{printed}");
}

#[test]
fn bash_completes_commands_and_options() {
    let setup = unfit();
    let script = setup.folder().join("completions.bash");
    fs::write(&script, setup.command(&["completions", "bash"]).expect(0)).unwrap();
    let complete = |words: &[&str]| -> Vec<String> {
        // As bash does when the key is pressed behind the last word.
        let driver = r#"
            set -e
            bash -n "$0"
            source "$0"
            COMP_WORDS=("$@")
            COMP_CWORD=$(($# - 1))
            function=$(complete -p referral-relay | sed 's/.*-F \([^ ]*\).*/\1/')
            "$function" referral-relay "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\n' "${COMPREPLY[@]}""#;
        let mut bash = Command::new("bash");
        let bash = bash.args(["-c", driver]).arg(&script).arg("referral-relay").args(words);
        let output = bash.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let replies = String::from_utf8(output.stdout).unwrap();
        replies.lines().map(str::to_owned).collect()
    };
    assert_eq!(complete(&["ser"]), ["serve"]);
    assert_eq!(complete(&["dead-letters", "redel"]), ["redeliver"]);
    assert_eq!(complete(&["replay", "--par"]), ["--parked"]);
}

#[test]
fn the_manual_has_a_page_for_every_command_whatever_the_settings_are() {
    let setup = unfit();
    let first = setup.command(&["man"]).expect(0);
    assert!(first.contains(".TH referral-relay 1"), "{first}");
    setup.command(&["man", "share/man1"]).expect(0);
    let page = |name: &str| fs::read_to_string(setup.folder().join("share/man1").join(name));
    assert!(page("referral-relay.1").unwrap().contains(".TH referral-relay 1"));
    for command in commands() {
        let named = format!("referral\\-relay\\-{}(1)", command.replace('-', "\\-"));
        assert!(first.contains(&named), "{command} isn't in {first}");
        let page = page(&format!("referral-relay-{command}.1")).unwrap();
        for section in ["SYNOPSIS", "EXAMPLES", "ENVIRONMENT", "FILES", "EXIT STATUS"] {
            assert!(page.contains(&format!(".SH {section}\n")), "{section}: {page}");
        }
        assert!(
            page.contains(&format!("referral\\-relay {}", command.replace('-', "\\-"))),
            "{page}"
        );
    }
    let list = page("referral-relay-dead-letters-list.1").unwrap();
    assert!(list.contains("\nreferral\\-relay dead\\-letters list\n"), "{list}");
    fs::write(setup.folder().join("file"), "").unwrap();
    let printed = setup.command(&["man", "file/man1"]).expect(1);
    assert!(printed.contains("can't write the manual into file/man1"), "{printed}");
}

//! What is compared.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::arguments::Arguments;
use super::process::{Process, free_address, role};
use super::webhooks::{Requests, SECRET};
use super::{Sample, Setting, client, machine};

/// One way to take webhooks in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Candidate {
    /// A handler that reads the body and answers.
    Bare,
    /// The relay, whose destination never answers: accepts alone.
    Accepts,
    /// The relay without signatures.
    Unsigned,
    /// The relay with signatures.
    Signed,
    /// Express and Customer.io's official client, nothing kept.
    Express,
}

impl Candidate {
    /// All of them, in the order of measuring.
    pub const ALL: [Self; 5] =
        [Self::Bare, Self::Accepts, Self::Unsigned, Self::Signed, Self::Express];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare axum",
            Self::Accepts => "relay, accepts alone",
            Self::Unsigned => "relay",
            Self::Signed => "relay, signed",
            Self::Express => "express",
        }
    }

    /// Measures it once.
    pub fn measure(self, (connections, delay): Setting, arguments: &Arguments) -> Sample {
        let (address, customerio) = (free_address(), free_address());
        let (listen, delay) = (customerio.to_string(), delay.to_string());
        let _destination = (self != Self::Accepts)
            .then(|| Process::start(role(&["destination", &listen, &delay]), customerio));
        let folder = TempDir::new_in(machine::disk()).unwrap();
        let url = format!("http://{customerio}");
        let process = match self {
            Self::Bare => Process::start(role(&["bare", &address.to_string()]), address),
            Self::Express => Process::start(express(&address.port().to_string(), &url), address),
            _ => Process::start(
                relay(folder.path(), &address.to_string(), &url, self == Self::Signed),
                address,
            ),
        };
        let spans =
            (Duration::from_secs(arguments.seconds.min(2)), Duration::from_secs(arguments.seconds));
        let requests = Requests::new(self == Self::Signed, machine::now_millis());
        let (mut before, mut after) = Default::default();
        let measured = client::closed_loop(
            address,
            connections,
            requests,
            spans,
            || before = process.usage(),
            || after = process.usage(),
        );
        after.cpu -= before.cpu;
        Sample { measured, usage: after }
    }
}

fn relay(folder: &Path, address: &str, customerio: &str, signed: bool) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_referral-relay"));
    // Into a file, as a service's log goes: one line a webhook and one an attempt.
    let log = std::fs::File::create(folder.join("log")).unwrap();
    command
        .arg("serve")
        .current_dir(folder)
        .env_clear()
        .env("CIO_SITE_ID", "site")
        .env("CIO_API_KEY", "key")
        .env("RELAY__SERVER__LISTEN", address)
        .env("RELAY__CUSTOMERIO__BASE_URL", customerio)
        .env("RELAY__CUSTOMERIO__CALLS_PER_SECOND", "1000000")
        .env("RELAY__STORE__URL", "sqlite:relay.db")
        .stderr(log);
    if signed {
        command.env("RELAY__GROWSURF__WEBHOOK_SECRETS", SECRET);
    } else {
        command.env("RELAY__GROWSURF__ALLOW_UNSIGNED", "true");
    }
    command
}

fn express(port: &str, customerio: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/express");
    if !folder.join("node_modules").exists() {
        let installed = Command::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .status();
        assert!(installed.is_ok_and(|status| status.success()), "npm ci failed in {folder:?}");
    }
    let mut command = Command::new("node");
    command.arg("server.mjs").args([port, customerio]).current_dir(folder);
    command
}

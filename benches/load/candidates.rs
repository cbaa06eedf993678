//! The candidates of the comparison.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Once;

use tempfile::TempDir;

use super::arguments::Arguments;
use super::destination::Destination;
use super::process::{Process, free_address, role};
use super::webhooks::SECRET;

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

/// A candidate at work, alone with its destination and its folder.
pub struct Running {
    /// The candidate.
    pub process: Process,
    /// The address that accepts webhooks.
    pub address: SocketAddr,
    /// The destination, if it delivers.
    pub destination: Option<Destination>,
    _folder: TempDir,
}

impl Candidate {
    /// All of them, in the order of measuring.
    pub const ALL: [Self; 5] =
        [Self::Bare, Self::Accepts, Self::Unsigned, Self::Signed, Self::Express];

    /// Returns the name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare axum",
            Self::Accepts => "relay, accepts alone",
            Self::Unsigned => "relay",
            Self::Signed => "relay, signed",
            Self::Express => "express",
        }
    }

    /// True if it delivers to Customer.io.
    pub fn delivers(self) -> bool {
        !matches!(self, Self::Bare | Self::Accepts)
    }

    /// Returns true if it has webhooks on disk before it answers.
    pub fn keeps(self) -> bool {
        !matches!(self, Self::Bare | Self::Express)
    }

    /// Starts it, and before it a destination that answers after `delay` milliseconds.
    pub fn start(self, arguments: &Arguments, delay: u64, watch: bool) -> Running {
        let address = free_address();
        let destination = self.delivers().then(|| Destination::start(delay, watch));
        let customerio = destination.as_ref().map_or_else(free_address, |it| it.address);
        let folder = TempDir::new_in(&arguments.folder).unwrap();
        let command = match self {
            Self::Bare => role(&["bare", &address.to_string()]),
            Self::Express => express(address.port(), customerio.port()),
            _ => relay(folder.path(), address, customerio, self == Self::Signed),
        };
        let process = Process::start(command, address);
        Running { process, address, destination, _folder: folder }
    }
}

/// Returns the relay as it ships, on the store in `folder`, at any pace Customer.io takes.
pub fn relay(folder: &Path, address: SocketAddr, customerio: SocketAddr, signed: bool) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_referral-relay"));
    // Into a file, as a service's log goes: one line a webhook and one an attempt.
    let log = File::create(folder.join("log")).unwrap();
    command
        .arg("serve")
        .current_dir(folder)
        .env_clear()
        .env("CIO_SITE_ID", "site")
        .env("CIO_API_KEY", "key")
        .env("RELAY__SERVER__LISTEN", address.to_string())
        .env("RELAY__CUSTOMERIO__BASE_URL", format!("http://{customerio}"))
        .env("RELAY__CUSTOMERIO__CALLS_PER_SECOND", "1000000")
        .env("RELAY__STORE__URL", "sqlite:relay.db")
        // All of the client's connections are of one address.
        .env("RELAY__SERVER__CONNECTIONS_PER_CLIENT", "10000")
        .stderr(log);
    if signed {
        command.env("RELAY__GROWSURF__WEBHOOK_SECRETS", SECRET);
    } else {
        command.env("RELAY__GROWSURF__ALLOW_UNSIGNED", "true");
    }
    command
}

fn express(port: u16, customerio: u16) -> Command {
    static INSTALLED: Once = Once::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/express");
    // Once a run and not once for all, because what is there may be of other versions.
    INSTALLED.call_once(|| {
        let installed = Command::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .status();
        assert!(installed.is_ok_and(|status| status.success()), "npm ci failed in {folder:?}");
    });
    let mut command = Command::new("node");
    command
        .arg("server.mjs")
        .args([port.to_string(), customerio.to_string()])
        .env("NODE_ENV", "production")
        .current_dir(folder);
    command
}

//! `referral-relay backup`: a copy of the store, made beside a running relay.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};

use super::output::{Failure, Output, failed, note};
use super::serve::stop_signal;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::{Clock, plural};
use crate::store::sqlite::{BackupManifest, back_up, snapshot};

/// Arguments of `backup`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// File of the copy; `-` is standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace FILE if it is there.
    #[arg(long)]
    force: bool,
}

/// Makes the backup, and prints its content.
pub async fn run(args: Args, settings: &Settings) -> Result<ExitCode, Failure> {
    // A signal ends it in order, so that no unfinished copy is left behind.
    let stop = stop_signal().map_err(failed)?;
    tokio::select! {
        made = make(args, file(settings)?) => made.map(|()| ExitCode::SUCCESS),
        () = stop => Err(failed(anyhow!("stopped; there is no backup"))),
    }
}

/// Returns the file of the store.
pub fn file(settings: &Settings) -> Result<&Path, Failure> {
    settings.store.url.file().ok_or_else(|| {
        failed(anyhow!(
            "the store is on a Postgres server, {}: back it up and restore it there, with pg_dump \
             and pg_restore, or its provider's snapshots",
            settings.store.url
        ))
    })
}

async fn make(args: Args, store: &Path) -> Result<(), Failure> {
    let now = SystemClock.now();
    if args.file != Path::new("-") {
        let contents = back_up(store, &args.file, args.force, now).await.map_err(failed)?;
        let mut output = Output::default();
        output.line(format!("Copied {} to {}.", describe(&contents), args.file.display()));
        return output.print();
    }
    if io::stdout().is_terminal() {
        let message = "a backup can't go to a terminal; redirect standard output into a file";
        return Err(Failure::Usage(message.to_owned()));
    }
    let (file, contents) = snapshot(store, now).await.map_err(failed)?;
    let writing = tokio::task::spawn_blocking(move || write_out(file));
    writing.await.map_err(failed)?.context("can't write to standard output").map_err(failed)?;
    note(format!("Copied {}.", describe(&contents)));
    Ok(())
}

fn write_out(mut file: File) -> io::Result<()> {
    let mut out = io::stdout().lock();
    io::copy(&mut file, &mut out)?;
    io::Write::flush(&mut out)
}

/// Describes the content of a store.
pub fn describe(contents: &BackupManifest) -> String {
    let BackupManifest { schema, webhooks, people, stats, bytes, .. } = contents;
    format!(
        "{}, {}, {}, {}, {} ({} kB, schema {schema})",
        plural(*webhooks, "webhook"),
        plural(*people, "person"),
        plural(stats.pending, "pending call"),
        plural(stats.dead, "dead letter"),
        plural(stats.parked, "parked webhook"),
        bytes.div_ceil(1_000),
    )
}

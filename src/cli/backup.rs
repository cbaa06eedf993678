//! `referral-relay backup`: a copy of the store, made beside a running relay.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};

use super::output::{Output, Usage, note};
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
pub async fn run(args: Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    // A signal ends it in order, so that no unfinished copy is left behind.
    let stop = stop_signal()?;
    tokio::select! {
        made = make(args, file(settings)?) => made.map(|()| ExitCode::SUCCESS),
        () = stop => Err(anyhow!("stopped; there is no backup")),
    }
}

/// Returns the file of the store.
pub fn file(settings: &Settings) -> anyhow::Result<&Path> {
    settings.store.url.file().ok_or_else(|| {
        anyhow!(
            "the store is on a Postgres server, {}: back it up and restore it there, with pg_dump \
             and pg_restore, or its provider's snapshots",
            settings.store.url
        )
    })
}

async fn make(args: Args, store: &Path) -> anyhow::Result<()> {
    let now = SystemClock.now();
    if args.file != Path::new("-") {
        let contents = back_up(store, &args.file, args.force, now).await?;
        let mut output = Output::default();
        output.line(format!("Copied {} to {}.", describe(&contents), args.file.display()));
        return output.print();
    }
    if io::stdout().is_terminal() {
        let message = "a backup can't go to a terminal; redirect standard output into a file";
        bail!(Usage(message.to_owned()));
    }
    let (file, contents) = snapshot(store, now).await?;
    let writing = tokio::task::spawn_blocking(move || write_out(file));
    writing.await?.context("can't write to standard output")?;
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

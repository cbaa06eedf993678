//! `referral-relay restore`: replaces the store by a backup.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::backup::{describe, file};
use super::output::Output;
use crate::app::file_options;
use crate::config::Settings;
use crate::domain::plural;
use crate::store::sqlite::{BackupManifest, Restored, Source, restore};

/// Arguments of `restore`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The backup; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Restores the backup, and prints the consequences.
pub fn run(args: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut stdin = io::stdin().lock();
    let (source, from) = if args.file == Path::new("-") {
        (Source::Stream(&mut stdin), "standard input".to_owned())
    } else {
        (Source::File(&args.file), args.file.display().to_string())
    };
    let options = file_options(settings)?;
    let restored = restore(source, file(settings)?, &options)?;
    say(&restored, &from).print()?;
    Ok(ExitCode::SUCCESS)
}

fn say(restored: &Restored, from: &str) -> Output {
    let Restored { contents, set_aside } = restored;
    let BackupManifest { newest, stats, .. } = contents;
    let mut output = Output::default();
    output.line(format!("Restored {} from {from}.", describe(contents)));
    if let Some(newest) = newest {
        output.line(format!("Its newest webhook came at {newest}; later ones are missing."));
    }
    if stats.pending > 0 {
        output.line(format!(
            "The next start sends {} with the same ids; Customer.io ignores those it has.",
            plural(stats.pending, "pending call")
        ));
    }
    if let Some(set_aside) = set_aside {
        output.line(format!("The old store is now {}.", set_aside.display()));
    }
    output
}

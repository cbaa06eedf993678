//! `referral-relay restore`: a backup takes the place of the store.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::backup::{describe, file};
use super::output::{Failure, Output, failed, plural};
use crate::app::file_options;
use crate::config::Settings;
use crate::store::sqlite::{BackupManifest, Restored, Source, restore};

/// Arguments of `restore`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The backup; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Restores it and says what that means.
pub fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let mut stdin = io::stdin().lock();
    let (source, from) = if args.file == Path::new("-") {
        (Source::Stream(&mut stdin), "standard input".to_owned())
    } else {
        (Source::File(&args.file), args.file.display().to_string())
    };
    let options = file_options(settings).map_err(failed)?;
    let restored = restore(source, file(settings)?, &options).map_err(failed)?;
    say(&restored, &from).print()?;
    Ok(ExitCode::SUCCESS)
}

fn say(restored: &Restored, from: &str) -> Output {
    let Restored { contents, set_aside } = restored;
    let BackupManifest { newest, stats, .. } = contents;
    let mut page = Output::default();
    page.line(format!("Restored {} from {from}.", describe(contents)));
    if let Some(newest) = newest {
        page.line(format!("Its newest webhook came at {newest}; any accepted later isn't in it."));
    }
    if stats.pending > 0 {
        page.line(format!(
            "The next start sends {}, with the same ids as before: Customer.io ignores what it has.",
            plural(stats.pending, "pending call")
        ));
    }
    if let Some(set_aside) = set_aside {
        page.line(format!("The store before is {} now.", set_aside.display()));
    }
    page
}

//! `referral-relay man`: the manual, made of the same words as the help.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;

use super::output::{Failure, Output, failed};

/// Arguments of `man`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Write the page of every command into this folder, which is made if it isn't there, instead
    /// of printing the first page.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Prints the first page, or writes all of them.
pub fn run(args: Args, command: Command) -> Result<ExitCode, Failure> {
    let mut page = Output::default();
    if let Some(folder) = args.folder {
        let context = || format!("can't write the manual into {}", folder.display());
        std::fs::create_dir_all(&folder).with_context(context)?;
        clap_mangen::generate_to(command, &folder).with_context(context)?;
        page.line(format!("The manual is in {}; start with referral-relay.1.", folder.display()));
    } else {
        let mut roff = Vec::new();
        // Else the page would list `help` as one more command.
        let command = command.disable_help_subcommand(true);
        Man::new(command).render(&mut roff).map_err(failed)?;
        page.document(String::from_utf8_lossy(&roff).trim_end());
    }
    page.print()?;
    Ok(ExitCode::SUCCESS)
}

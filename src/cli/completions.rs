//! `referral-relay completions`: completions of the command line for a shell.

use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;

use super::output::Output;

/// Arguments of `completions`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The shell they are for.
    shell: Shell,
}

/// Prints them.
pub fn run(args: &Args, mut command: Command) -> anyhow::Result<ExitCode> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name.as_str(), &mut script);
    // In a script for bash, clap_complete spells a name with a hyphen in two ways, so that nothing
    // behind a command would be completed: https://github.com/clap-rs/clap/issues/6421.
    let (wrong, right) = (name.replace('-', "__subcmd__"), name.replace('-', "__"));
    let script = String::from_utf8_lossy(&script).replace(&wrong, &right);
    let mut output = Output::default();
    output.document(script.trim_end());
    output.print()?;
    Ok(ExitCode::SUCCESS)
}

//! `referral-relay settings`: what holds, and which file or variable says so.

use std::process::ExitCode;

use serde_json::json;

use super::output::Output;
use crate::config::{EffectiveSetting, Settings};

/// Arguments of `settings`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Prints every setting with its place, a secret as set or not set.
pub fn run(args: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut output = Output::default();
    let all = json!({ "settings": settings.summary(), "warnings": settings.warnings });
    output.show(args.json, &all, |_, output| {
        for EffectiveSetting { key, value, place } in settings.summary() {
            output.line(format!("{key:<42} {value:<32} {place}"));
        }
        for warning in &settings.warnings {
            output.line(format!("Note: {warning}."));
        }
    });
    output.print()?;
    Ok(ExitCode::SUCCESS)
}

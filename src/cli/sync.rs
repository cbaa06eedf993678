//! `referral-relay sync`: one comparison with GrowSurf, now.

use std::process::ExitCode;

use anyhow::bail;

use super::growsurf_session::{GrowsurfSession, SessionArgs};
use super::serve::stop_signal;
use crate::config::Settings;
use crate::domain::Class;
use crate::sync::{Scope, SyncReport};

/// Arguments of `sync`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Compare only what is new since the last comparison, with a few requests. Finds no shares, changed
    /// addresses or deletions of older participants.
    #[arg(long)]
    recent: bool,
    #[command(flatten)]
    session: SessionArgs,
}

/// Compares, accepts differences, and delivers if no relay runs.
pub async fn run(args: Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let stop = stop_signal()?;
    tokio::pin!(stop);
    let session = GrowsurfSession::open(settings, &args.session, &mut stop).await?;
    let intake = session.clients.intake(&session.notify, Class::Live, args.session.dry_run);
    let compare = session.clients.compare(settings, intake);
    let scope = if args.recent { Scope::Recent } else { Scope::Full };
    let mut reports: Vec<SyncReport> = Vec::new();
    for source in &session.sources {
        let compared = tokio::select! {
            compared = compare.run(source, scope) => compared,
            () = &mut stop => {
                bail!("stopped; the differences found so far are accepted");
            }
        };
        reports.push(compared.map_err(|error| {
            let context = format!("the comparison of {} failed", source.campaign.id);
            anyhow::Error::from(error).context(context)
        })?);
    }
    let remark = reports.iter().any(|report| !report.left_out.is_empty()).then(|| {
        "Events left out are older than sync.horizon, or a backfill left them out. \
         `referral-relay backfill --events all` sends those with a known time."
            .to_owned()
    });
    session.finish(&args.session, &reports, (remark, None), stop).await
}

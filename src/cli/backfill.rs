//! `referral-relay backfill`: everything that GrowSurf has, once.

use std::process::ExitCode;

use anyhow::bail;
use clap::ValueEnum;
use indicatif::ProgressBar;

use super::growsurf_session::{GrowsurfSession, SessionArgs};
use super::output::note;
use super::progress;
use super::serve::stop_signal;
use crate::app;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::characters::escape;
use crate::domain::{
    Class, Clock, Delivery, Destination, Leased, PlannedCall, TRIGGERS_FOR, plural,
};
use crate::explain::{LaneExplained, lane};
use crate::inspect::Show;
use crate::store::{ClaimRequest, Store, StoreError};
use crate::sync::{Backfill, Events, Step, SyncReport};

/// Arguments of `backfill`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Events to send: those older than 72 hours, which trigger no campaign; all; or none.
    #[arg(long, value_enum, default_value_t = BackfillEvents::Late)]
    events: BackfillEvents,
    #[command(flatten)]
    session: SessionArgs,
}

/// The events that a backfill sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum BackfillEvents {
    /// Those older than 72 hours.
    Late,
    /// All of them.
    All,
    /// None, only people.
    None,
}

impl From<BackfillEvents> for Events {
    fn from(which: BackfillEvents) -> Self {
        match which {
            BackfillEvents::Late => Self::Late,
            BackfillEvents::All => Self::All,
            BackfillEvents::None => Self::None,
        }
    }
}

/// The most people whose calls a dry run shows.
const SAMPLES: usize = 3;

/// Limits on the calls that are leased for samples: live calls may come first.
const CLAIMED: usize = 100;
const CLAIMS: usize = 50;

/// Reads GrowSurf's rows, accepts them, and delivers if no relay runs.
pub async fn run(args: Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let stop = stop_signal()?;
    tokio::pin!(stop);
    let session = GrowsurfSession::open(settings, &args.session, &mut stop).await?;
    let SessionArgs { dry_run, json, .. } = args.session;
    let intake = session.clients.intake(&session.notify, Class::History, dry_run);
    let backfill = Backfill { intake, events: args.events.into() };
    let mut reports: Vec<SyncReport> = Vec::new();
    for source in &session.sources {
        let progress = Progress { bar: progress::bar(), campaign: source.campaign.id.clone() };
        let done = tokio::select! {
            done = backfill.run(source, |step| progress.show(&step)) => done,
            () = &mut stop => {
                bail!("stopped; run the same command again to continue");
            }
        };
        progress.bar.finish_and_clear();
        reports.push(done.map_err(|error| {
            anyhow::Error::from(error).context(format!(
                "the backfill of {} failed; run the same command again to continue",
                source.campaign.id
            ))
        })?);
    }
    let samples = match dry_run {
        true => samples(&session.store, settings).await?,
        false => Vec::new(),
    };
    if !dry_run && !json {
        note("delivering the queued calls; Ctrl-C leaves the rest to `serve`");
    }
    let left_out: u64 = reports.iter().flat_map(|report| report.left_out.values()).sum();
    let remark = (left_out > 0).then(|| left_out_text(left_out, args.events));
    session.finish(&args.session, &reports, (remark, Some(samples)), stop).await
}

fn left_out_text(left_out: u64, events: BackfillEvents) -> String {
    let left_out = plural(left_out, "event");
    let why = match events {
        BackfillEvents::All => {
            return format!(
                "{left_out} left out: GrowSurf's rows don't say when they happened. Only its webhooks \
                 send those."
            );
        }
        BackfillEvents::None => "--events none",
        BackfillEvents::Late => "under 72 hours old, or GrowSurf doesn't say when they happened",
    };
    format!(
        "{left_out} left out ({why}). No `sync` sends them later. `--events all` sends those with a \
         known time; events under 72 hours old then trigger campaigns in Customer.io."
    )
}

/// Returns the first calls for some people, leased from a store that is thrown away.
async fn samples(store: &Store, settings: &Settings) -> Result<Vec<LaneExplained>, StoreError> {
    let (hosts, now) = (app::explainer(settings).hosts, SystemClock.now());
    let claim = ClaimRequest {
        destination: Destination::CustomerIo,
        now,
        until: now.plus(TRIGGERS_FOR),
        calls: CLAIMED,
        page: 0,
        in_turn: CLAIMED,
        old_before: now.minus(TRIGGERS_FOR),
        lane: None,
    };
    let mut samples = Vec::new();
    for _ in 0..CLAIMS {
        let leased = store.claim(claim).await?;
        for Leased { key, deliveries, .. } in leased.iter().filter(|it| it.class == Class::History)
        {
            let planned = |it: &Delivery| PlannedCall { call: it.call.clone(), effect: None };
            let calls: Vec<PlannedCall> = deliveries.iter().map(planned).collect();
            samples.push(lane(key, &calls, &hosts, (now, Show::Revealed)));
        }
        if leased.is_empty() || samples.len() >= SAMPLES {
            break;
        }
    }
    samples.truncate(SAMPLES);
    Ok(samples)
}

/// A bar on a terminal; elsewhere a line for every 10,000 rows.
struct Progress {
    bar: ProgressBar,
    campaign: String,
}

/// The rows between two lines of progress without a terminal.
const LINE_EVERY: u64 = 10_000;

impl Progress {
    fn show(&self, step: &Step<'_>) {
        match step {
            Step::Begin { target, before } => {
                let all = target.campaign.participants.unwrap_or(0);
                self.bar.set_length(u64::try_from(all).unwrap_or(0));
                self.bar.set_position(*before);
                self.bar.reset_eta();
                self.bar.set_message(escape(&self.campaign).into_owned());
                if self.bar.is_hidden() {
                    let continued = if *before > 0 { " (continued)" } else { "" };
                    let all = plural(all, "row");
                    note(format!("{}: {before} of {all}{continued}", self.campaign));
                }
            }
            Step::Page { rows, .. } => {
                let before = self.bar.position();
                // Conversions come behind the participants.
                self.bar.set_length(self.bar.length().unwrap_or(0).max(*rows));
                self.bar.set_position(*rows);
                if self.bar.is_hidden() && before / LINE_EVERY != rows / LINE_EVERY {
                    note(format!("{}: {}", self.campaign, plural(*rows, "row")));
                }
            }
        }
    }
}

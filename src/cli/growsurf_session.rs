//! The parts that commands about GrowSurf share: its clients, delivery if no relay runs, and the report.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::explain::write_call;
use super::output::Output;
use super::throwaway::Throwaway;
use crate::app::{self, DeliveryTasks, GrowsurfClients, StartError};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::{Clock, plural};
use crate::explain::LaneExplained;
use crate::store::Store;
use crate::sync::{SyncReport, SyncTarget};
use crate::telemetry::{LogOptions, start_logs};

/// The longest wait for GrowSurf's limits, which last an hour.
const TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);

/// The time for which a relay that died still seems to run.
const STALE_AFTER: Duration = Duration::from_secs(6);

/// The pause between two checks for a running relay.
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// Arguments of commands that read GrowSurf.
#[derive(clap::Args, Debug)]
pub struct SessionArgs {
    /// The campaign, by its id; can be given more than once. Default: those in the settings, else
    /// all that the key sees.
    #[arg(long, value_name = "ID")]
    pub campaign: Vec<String>,
    /// Only count, in a copy of the store in the temporary folder.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON, for scripts.
    #[arg(long)]
    pub json: bool,
}

/// A command's access to GrowSurf and to the store.
pub struct GrowsurfSession<'a> {
    settings: &'a Settings,
    /// The store for rows; a dry run's is deleted at the end.
    pub store: Arc<Store>,
    /// The store of the settings, if a dry run works on a copy of it.
    original: Option<Arc<Store>>,
    /// The clients of GrowSurf's API.
    pub clients: GrowsurfClients,
    /// The campaigns to read.
    pub sources: Vec<SyncTarget>,
    /// Notified when there is something to deliver.
    pub notify: Arc<Notify>,
    /// The delivery of this process, if no relay runs.
    delivery: Option<DeliveryTasks>,
    stop: CancellationToken,
    /// The folder of a dry run's store.
    throwaway: Option<Throwaway>,
}

impl<'a> GrowsurfSession<'a> {
    /// Opens the store, finds the campaigns, and starts delivery if no relay runs, unless `stop` comes
    /// first. A dry run works on a throw-away copy of the store, and delivers nothing.
    pub async fn open(
        settings: &'a Settings,
        args: &SessionArgs,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<Self> {
        tokio::select! {
            opened = Self::open_now(settings, args) => opened,
            () = stop => Err(anyhow!("stopped before anything was read")),
        }
    }

    async fn open_now(settings: &'a Settings, args: &SessionArgs) -> anyhow::Result<Self> {
        let SessionArgs { campaign: ref campaigns, dry_run, .. } = *args;
        // Each attempt would be a line between those of the progress.
        start_logs(&LogOptions { level: "warn".into(), ..settings.log.clone() });
        let (store, throwaway) = open_store(settings, dry_run).await?;
        let clients = GrowsurfClients::new(settings, &store, TIMEOUT)?;
        let sources = clients.sources(campaigns).await?;
        let (mut store, mut clients, mut throwaway, mut original) =
            (store, clients, throwaway, None);
        if dry_run && throwaway.is_none() {
            let (copy, folder) = copy_store(settings).await?;
            clients = clients.with_store(Arc::clone(&copy));
            (original, store, throwaway) = (Some(store), copy, Some(folder));
        }
        let (notify, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let delivery = None;
        let mut session =
            Self { settings, store, original, clients, sources, notify, delivery, stop, throwaway };
        if !dry_run && !session.is_attended_now().await? {
            session.start_delivery().await?;
        }
        Ok(session)
    }

    async fn is_attended_now(&self) -> anyhow::Result<bool> {
        Ok(self.store.is_attended(SystemClock.now()).await?)
    }

    /// Starts delivery in this process.
    async fn start_delivery(&mut self) -> anyhow::Result<()> {
        let begun =
            DeliveryTasks::begin(self.settings, &self.store, &self.notify, &self.stop).await;
        self.delivery = Some(begun.map_err(|error| {
            anyhow::Error::from(error)
                .context("no relay runs on this store, and this command can't deliver in its place")
        })?);
        Ok(())
    }

    /// Starts delivery if the relay that seemed to run doesn't run.
    async fn ensure_delivery(&mut self) -> anyhow::Result<()> {
        let deadline = SystemClock.steady() + STALE_AFTER;
        while self.delivery.is_none()
            && SystemClock.steady() < deadline
            && self.store.stats().await?.pending > 0
        {
            if !self.is_attended_now().await? {
                self.start_delivery().await?;
            }
            tokio::time::sleep(CHECK_EVERY).await;
        }
        Ok(())
    }

    /// Delivers until `stop` if no relay does, and prints the campaigns' reports, a remark on them, and
    /// the samples of a backfill.
    pub async fn finish(
        self,
        args: &SessionArgs,
        reports: &[SyncReport],
        (remark, samples): (Option<String>, Option<Vec<LaneExplained>>),
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<ExitCode> {
        let sources = self.sources.clone();
        let (left, is_attended) = self.close(args.dry_run, stop).await?;
        let mut output = Output::default();
        if args.json {
            let found = |(source, report): (&SyncTarget, &SyncReport)| json!({ "campaign": source.campaign.id, "found": report });
            let campaigns: Vec<Value> = sources.iter().zip(reports).map(found).collect();
            let mut document = json!({
                "dry_run": args.dry_run, "campaigns": campaigns, "pending_calls": left,
            });
            if let Some(samples) = samples {
                let samples: Vec<[LaneExplained; 1]> = samples.into_iter().map(|it| [it]).collect();
                document["samples"] = json!(samples);
            }
            output.document(format!("{document:#}"));
        } else {
            for (source, campaign) in sources.iter().zip(reports) {
                report(&mut output, source, campaign);
            }
            remark.into_iter().for_each(|remark| output.line(remark));
            show_samples(&mut output, &samples.unwrap_or_default());
            output.line(match (args.dry_run, is_attended, left) {
                (true, ..) => "Nothing was sent or stored.".to_owned(),
                (false, _, 0) => "Everything is delivered.".to_owned(),
                (false, true, left) => {
                    format!("The running relay delivers; waiting: {}.", plural(left, "call"))
                }
                (false, false, left) => format!(
                    "Waiting in the store: {}. Run `referral-relay serve`, or the same command again, \
                     to deliver.",
                    plural(left, "call")
                ),
            });
        }
        output.print()?;
        Ok(ExitCode::SUCCESS)
    }

    /// Delivers until `stop` if no relay does. Returns the number of calls that are left, and true if a
    /// relay delivers them.
    async fn close(
        mut self,
        dry_run: bool,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<(u64, bool)> {
        if !dry_run {
            self.ensure_delivery().await?;
        }
        let Self { store, original, delivery, stop: ending, throwaway: _until_the_end, .. } = self;
        let Some(delivery) = delivery else {
            let pending = match &original {
                Some(original) => {
                    let pending = original.stats().await?.pending;
                    original.close().await?;
                    pending
                }
                None if dry_run => 0,
                None => store.stats().await?.pending,
            };
            store.close().await?;
            return Ok((pending, true));
        };
        let left = tokio::select! {
            left = delivery.drain(&store, &ending) => left,
            () = stop => store.stats().await?.pending,
        };
        ending.cancel();
        let halted = delivery.destination.breaker().halted_by().map(str::to_owned);
        delivery.loops.close();
        let (dispatched, ()) = tokio::join!(join_all(delivery.dispatchers), delivery.loops.wait());
        dispatched.into_iter().collect::<Result<Vec<()>, _>>()?;
        store.close().await?;
        match halted {
            Some(reason) if left > 0 => Err(anyhow!(
                "Customer.io accepts no calls: {reason}; waiting in the store: {}",
                plural(left, "call")
            )),
            _ => Ok((left, false)),
        }
    }
}

/// Opens the store. A dry run makes none: without a store it opens a throw-away one.
pub async fn open_store(
    settings: &Settings,
    dry_run: bool,
) -> anyhow::Result<(Arc<Store>, Option<Throwaway>)> {
    if !dry_run {
        return Ok((app::open_store(settings).await?, None));
    }
    match app::open_existing_store(settings).await {
        Err(StartError::NoStore { .. }) => {
            let mut settings = settings.clone();
            let throwaway = Throwaway::make(&mut settings)?;
            let store = app::open_store(&settings).await?;
            Ok((store, Some(throwaway)))
        }
        opened => Ok((opened?, None)),
    }
}

/// Copies the store of the settings into a throw-away folder.
async fn copy_store(settings: &Settings) -> anyhow::Result<(Arc<Store>, Throwaway)> {
    let mut of_copy = settings.clone();
    let folder = Throwaway::make(&mut of_copy)?;
    app::snapshot_store(settings, &of_copy).await?;
    Ok((app::open_store(&of_copy).await?, folder))
}

/// Reports one campaign's result for people.
fn report(output: &mut Output, source: &SyncTarget, found: &SyncReport) {
    let name = source.campaign.name.as_deref().unwrap_or("no name");
    output.line(format!(
        "{} ({name}): {} read, {} changed",
        source.campaign.id,
        plural(found.rows, "row"),
        found.changed
    ));
    let mut list = |what: &str, counts: &BTreeMap<String, u64>| {
        for (kind, count) in counts {
            output.line(format!("  {what:<9} {count:>9}  {kind}"));
        }
    };
    list("event", &found.effects);
    list("left out", &found.left_out);
    list("off", &found.off);
    list("call", &found.calls);
    if found.incomplete_rows > 0 {
        let rows = plural(found.incomplete_rows, "row");
        output.line(format!("  {rows} can't be mapped, or only in part:"));
        for reason in &found.unmapped {
            output.line(format!("    {reason}"));
        }
    }
    if found.unread_rewards > 0 {
        let participants = plural(found.unread_rewards, "participant");
        output.line(format!(
            "  the rewards of {participants} weren't read, so those counts stay incomplete"
        ));
    }
    for notice in &found.notices {
        output.line(format!("  note: {notice}"));
    }
}

/// Shows the first calls for some people.
fn show_samples(output: &mut Output, samples: &[LaneExplained]) {
    for (number, lane) in samples.iter().enumerate() {
        output.blank();
        output.line(format!("sample {}", number + 1));
        output.line(format!("person {}", json!(lane.person)));
        for call in &lane.calls {
            write_call(call, output);
        }
    }
    if !samples.is_empty() {
        output.blank();
    }
}

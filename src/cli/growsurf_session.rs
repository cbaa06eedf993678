//! What commands that ask GrowSurf share: the way to it, delivering where no relay runs, and the
//! report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::output::{Failure, Output, failed, plural};
use super::throwaway::Throwaway;
use crate::app::{self, DeliveryTasks, GrowsurfClients, StartError};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::Clock;
use crate::store::Store;
use crate::sync::{SyncReport, SyncTarget};
use crate::telemetry::{LogOptions, start_logs};

/// How long a command waits for GrowSurf's limits: those of an hour.
const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

/// For how long a relay may seem to run that died: its last sign of life is young enough.
const SEEMING: Duration = Duration::from_secs(6);

/// How often it is looked whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A command's way to GrowSurf and to the store.
pub struct GrowsurfSession<'a> {
    settings: &'a Settings,
    /// The store that rows go into; a dry run's is thrown away.
    pub store: Arc<Store>,
    /// The store of the settings, if a dry run works on a copy of it.
    original: Option<Arc<Store>>,
    /// What asks.
    pub asking: GrowsurfClients,
    /// The campaigns that are asked about.
    pub sources: Vec<SyncTarget>,
    /// Rung when there is something to deliver.
    pub bell: Arc<Notify>,
    /// Set where no relay runs: what is found is delivered here.
    own: Option<DeliveryTasks>,
    stop: CancellationToken,
    /// The folder of a dry run's store.
    throwaway: Option<Throwaway>,
}

impl<'a> GrowsurfSession<'a> {
    /// Opens the store, finds the campaigns, and begins to deliver where no relay does. A dry run does the
    /// same with a copy of the store that is thrown away, or with an empty one, and delivers nothing.
    pub async fn open(
        settings: &'a Settings,
        campaigns: &[String],
        dry_run: bool,
    ) -> Result<Self, Failure> {
        // Each attempt would be a line between those of the progress.
        start_logs(&LogOptions { level: "warn".into(), ..settings.log.clone() });
        let (store, throwaway) = open_store(settings, dry_run).await?;
        let asking = GrowsurfClients::new(settings, &store, PATIENCE).map_err(failed)?;
        let sources = asking.sources(campaigns).await.map_err(failed)?;
        let (mut store, mut asking, mut throwaway, mut original) = (store, asking, throwaway, None);
        if dry_run && throwaway.is_none() {
            let (copy, folder) = copy_store(settings).await?;
            asking = asking.with_store(Arc::clone(&copy));
            (original, store, throwaway) = (Some(store), copy, Some(folder));
        }
        let (bell, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let own = None;
        let mut way =
            Self { settings, store, original, asking, sources, bell, own, stop, throwaway };
        if !dry_run && !way.is_attended_now().await? {
            way.start_delivery().await?;
        }
        Ok(way)
    }

    async fn is_attended_now(&self) -> Result<bool, Failure> {
        self.store.is_attended(SystemClock.now()).await.map_err(failed)
    }

    /// Begins to deliver.
    async fn start_delivery(&mut self) -> Result<(), Failure> {
        let begun = DeliveryTasks::begin(self.settings, &self.store, &self.bell, &self.stop).await;
        self.own = Some(begun.map_err(|error| {
            failed(anyhow::Error::from(error).context(
                "no relay runs on this store, so what is found would be delivered here, and that \
                 isn't possible",
            ))
        })?);
        Ok(())
    }

    /// Delivers here after all, if the relay that seemed to run doesn't.
    async fn ensure_delivery(&mut self) -> Result<(), Failure> {
        let deadline = SystemClock.steady() + SEEMING;
        while self.own.is_none()
            && SystemClock.steady() < deadline
            && self.store.stats().await.map_err(failed)?.pending > 0
        {
            if !self.is_attended_now().await? {
                self.start_delivery().await?;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Delivers what was found, where no relay does, until `stop`. Tells how many calls are left,
    /// and whether a relay runs that delivers them.
    pub async fn close(
        mut self,
        dry_run: bool,
        stop: impl Future<Output = ()>,
    ) -> Result<(u64, bool), Failure> {
        if !dry_run {
            self.ensure_delivery().await?;
        }
        let Self { store, original, own, stop: ending, throwaway: _until_the_end, .. } = self;
        let Some(own) = own else {
            let pending = match &original {
                Some(original) => {
                    let pending = original.stats().await.map_err(failed)?.pending;
                    original.close().await.map_err(failed)?;
                    pending
                }
                None if dry_run => 0,
                None => store.stats().await.map_err(failed)?.pending,
            };
            store.close().await.map_err(failed)?;
            return Ok((pending, true));
        };
        let left = tokio::select! {
            left = own.drain(&store, &ending) => left,
            () = stop => store.stats().await.map_err(failed)?.pending,
        };
        ending.cancel();
        let halted = own.destination.breaker().halted_by().map(str::to_owned);
        own.loops.close();
        let (dispatched, ()) = tokio::join!(join_all(own.dispatchers), own.loops.wait());
        dispatched.into_iter().collect::<Result<Vec<()>, _>>().map_err(failed)?;
        store.close().await.map_err(failed)?;
        match halted {
            Some(reason) if left > 0 => Err(failed(anyhow!(
                "Customer.io takes nothing: {reason}; {} wait in the store",
                plural(left, "call")
            ))),
            _ => Ok((left, false)),
        }
    }
}

/// Opens the store. With `dry_run` none is made: where there is none, one is opened that goes with
/// the command.
pub async fn open_store(
    settings: &Settings,
    dry_run: bool,
) -> Result<(Arc<Store>, Option<Throwaway>), Failure> {
    if !dry_run {
        return Ok((app::open_store(settings).await.map_err(failed)?, None));
    }
    match app::open_existing_store(settings).await {
        Err(StartError::NoStore { .. }) => {
            let mut settings = settings.clone();
            let throwaway = Throwaway::make(&mut settings)?;
            let store = app::open_store(&settings).await.map_err(failed)?;
            Ok((store, Some(throwaway)))
        }
        opened => Ok((opened.map_err(failed)?, None)),
    }
}

/// Copies the store of the settings into a folder that is thrown away.
async fn copy_store(settings: &Settings) -> Result<(Arc<Store>, Throwaway), Failure> {
    let mut of_copy = settings.clone();
    let folder = Throwaway::make(&mut of_copy)?;
    app::snapshot_store(settings, &of_copy).await.map_err(failed)?;
    Ok((app::open_store(&of_copy).await.map_err(failed)?, folder))
}

/// What came of one campaign, for people.
pub fn report(page: &mut Output, source: &SyncTarget, tally: &SyncReport) {
    let name = source.campaign.name.as_deref().unwrap_or("no name");
    page.line(format!(
        "{} ({name}): {} looked at, {} with something new",
        source.campaign.id,
        plural(tally.rows, "row"),
        tally.changed
    ));
    let mut list = |what: &str, counts: &BTreeMap<String, u64>| {
        for (kind, count) in counts {
            page.line(format!("  {what:<9} {count:>9}  {kind}"));
        }
    };
    list("event", &tally.effects);
    list("left out", &tally.left_out);
    list("off", &tally.off);
    list("call", &tally.calls);
    if tally.incomplete_rows > 0 {
        let rows = plural(tally.incomplete_rows, "row");
        page.line(format!("  {rows} can't be mapped, or only in part:"));
        for reason in &tally.unmapped {
            page.line(format!("    {reason}"));
        }
    }
    if tally.unread_rewards > 0 {
        let participants = plural(tally.unread_rewards, "participant");
        page.line(format!(
            "  the rewards of {participants} weren't read, so their counts aren't taken as complete"
        ));
    }
    for notice in &tally.notices {
        page.line(format!("  note: {notice}"));
    }
}

/// What came of the campaigns, for scripts.
pub fn found(sources: &[SyncTarget], tallies: &[SyncReport]) -> Vec<Value> {
    let of = |(source, tally): (&SyncTarget, &SyncReport)| json!({ "campaign": source.campaign.id, "found": tally });
    sources.iter().zip(tallies).map(of).collect()
}

/// What becomes of calls, for people.
pub fn report_delivery(page: &mut Output, is_attended: bool, left: u64) {
    page.line(match (is_attended, left) {
        (_, 0) => "Everything is delivered.".to_owned(),
        (true, left) => format!("The running relay delivers; {} wait.", plural(left, "call")),
        (false, left) => format!(
            "{} wait in the store; `referral-relay serve` delivers them, and so does the same \
             command again.",
            plural(left, "call")
        ),
    });
}

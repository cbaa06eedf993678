//! The parts with which operators act on the pages.

use std::sync::Arc;

use tokio::sync::Notify;
use uuid::Uuid;

use super::check::check_running;
use super::explainer;
use crate::config::{EffectiveSetting, Settings};
use crate::delivery::GuardedDestination;
use crate::http::AppState;
use crate::inspect::{CheckReport, Grade};
use crate::operate::ActTask;
use crate::ui::{Look, Setting, Tools};

/// Returns what checks everything for at most a time, beside the running relay.
fn look(settings: &Settings, state: &AppState) -> Arc<Look> {
    let (settings, state) = (Arc::new(settings.clone()), state.clone());
    Arc::new(move |longest| {
        let (settings, state) = (Arc::clone(&settings), state.clone());
        Box::pin(async move {
            let mut report = CheckReport::default();
            let is_one_client = state.metrics.is_one_client();
            let checking = check_running(&settings, &state.store, is_one_client, &mut report);
            if tokio::time::timeout(longest, checking).await.is_err() {
                let detail = format!("it isn't complete: it took longer than {longest:?}");
                report.add(Grade::Note, "check", detail);
            }
            report
        })
    })
}

/// Returns the task of long acts, and the tools of the pages that begin them.
pub(super) fn parts(settings: &Settings, state: &AppState, relay: Uuid) -> (ActTask, Tools) {
    let begun = Arc::new(Notify::new());
    let destinations = [Some(state.destination.clone()), state.growsurf.clone()];
    let destinations: Vec<GuardedDestination> = destinations.into_iter().flatten().collect();
    let task = ActTask {
        store: Arc::clone(&state.store),
        clock: Arc::clone(&state.clock),
        relay,
        ingest: Arc::clone(&state.ingest),
        begun: Arc::clone(&begun),
        wake: Arc::new(move || destinations.iter().for_each(GuardedDestination::wake)),
    };
    let setting = |it: &EffectiveSetting| Setting {
        key: it.key.clone(),
        value: it.value.clone(),
        place: it.place.clone(),
        is_built_in: it.is_built_in(),
    };
    let tools = Tools {
        begun,
        explainer: explainer(settings),
        look: look(settings, state),
        settings: settings.summary().iter().map(setting).collect(),
        warnings: settings.warnings.clone().into(),
    };
    (task, tools)
}

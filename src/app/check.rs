//! The check: the parts are made from the settings as for a start, and each is tried.
//!
//! What belongs here: the order of the checks. What doesn't: each check, in a file of its own, and the
//! findings as values (`inspect`).

mod arrival;
mod back;
mod customerio;
mod growsurf;
mod proxy;
mod scopes;
mod store;

use std::sync::Arc;

use crate::config::Settings;
use crate::inspect::{CheckReport, Grade};
use crate::store::Store;

/// Checks a store that isn't open here, credentials, region and webhook. With `full` reads the whole store.
/// `is_one_client` says of a running relay whether all posts of pages come from one address.
pub async fn check(
    settings: &Settings,
    full: bool,
    is_one_client: impl Future<Output = bool>,
    report: &mut CheckReport,
) {
    for shown in settings.summary().iter().filter(|shown| !shown.is_built_in()) {
        let detail = format!("{} = {}  ({})", shown.key, shown.value, shown.place);
        report.add(Grade::Note, "setting", detail);
    }
    let store = store::check(settings, full, report).await;
    check_rest(settings, store.as_ref(), is_one_client, report).await;
    if let Some(store) = store
        && let Err(error) = store.close().await
    {
        report.fail("store", &error);
    }
}

/// Checks the open store of a running relay, credentials, region and webhook.
pub(super) async fn check_running(
    settings: &Settings,
    store: &Arc<Store>,
    is_one_client: bool,
    report: &mut CheckReport,
) {
    report.add(Grade::Good, "settings", "every key is known and every value makes sense");
    store::check_open(settings, store, report).await;
    check_rest(settings, Some(store), async { is_one_client }, report).await;
}

async fn check_rest(
    settings: &Settings,
    store: Option<&Arc<Store>>,
    is_one_client: impl Future<Output = bool>,
    report: &mut CheckReport,
) {
    for warning in &settings.warnings {
        report.add(Grade::Note, "settings", warning.as_str());
    }
    if settings.customerio.credentials().is_some() {
        customerio::check(settings, store.map(AsRef::as_ref), report).await;
    }
    let campaigns = if settings.growsurf.has_api_key() {
        growsurf::check(settings, store, report).await
    } else {
        Vec::new()
    };
    back::check(settings, report);
    proxy::check(settings, is_one_client, report).await;
    arrival::check(settings, store.map(AsRef::as_ref), &campaigns, report).await;
}

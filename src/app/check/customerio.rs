//! The part of `check` about Customer.io: credentials, region, and the workspace.

use crate::app;
use crate::config::Settings;
use crate::customerio::client::RegionError;
use crate::domain::Labelled;
use crate::inspect::{CheckReport, Grade};
use crate::store::{Store, Workspace};
use crate::telemetry::ErrorChain;

/// Reports every finding.
pub(super) async fn check(settings: &Settings, store: Option<&Store>, report: &mut CheckReport) {
    let client = match app::client(settings) {
        Ok(client) => client,
        Err(error) => {
            report.fail("customer.io", &error);
            return;
        }
    };
    let host = app::base_url(&settings.customerio);
    let found = match client.region().await {
        Ok(found) => found,
        Err(error) => {
            let what = if matches!(error, RegionError::Credentials { .. }) {
                "credentials"
            } else {
                "customer.io"
            };
            report.add(Grade::Bad, what, format!("{}  ({host})", ErrorChain(&error)));
            return;
        }
    };
    report.add(
        Grade::Good,
        "credentials",
        format!("they open workspace {} at {host}", found.environment_id),
    );
    let region = settings.customerio.region.label();
    if settings.customerio.base_url.is_some() {
        let detail =
            format!("the account's region is {}; customerio.base_url names the host", found.region);
        report.add(Grade::Note, "region", detail);
    } else if found.region.eq_ignore_ascii_case(region) {
        report.add(Grade::Good, "region", format!("{region}, the account's own"));
    } else {
        let detail = format!(
            "the account's region is {}, the settings say {region}; set customerio.region = {:?}",
            found.region, found.region
        );
        report.add(Grade::Bad, "region", detail);
    }
    let Some(store) = store else {
        report.add(Grade::Good, "workspace", "nothing was delivered to another");
        return;
    };
    let workspace = Workspace { environment_id: found.environment_id };
    match store.destination().await {
        Ok(known) => match known.workspace {
            Some(known) if known != workspace => {
                let detail = format!(
                    "what the store has delivered went to workspace {}; use its credentials, or \
                     a store of its own (store.url)",
                    known.environment_id
                );
                report.add(Grade::Bad, "workspace", detail);
            }
            Some(_) => report.add(Grade::Good, "workspace", "the one that the store belongs to"),
            None => report.add(Grade::Good, "workspace", "nothing was delivered to another"),
        },
        Err(error) => {
            report.fail("store", &error);
        }
    }
}

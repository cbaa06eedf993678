//! Check of the proxy in front of pages' posts: an unlisted one makes all visitors one client.
//!
//! A running relay knows the clients of its posts, so its metrics are read.

use std::time::Duration;

use super::{Grade, Report};
use crate::cli::healthcheck::{get, reachable};
use crate::config::Settings;

/// The time that a running relay has to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Reports an unlisted proxy: a likely one from the settings, a sure one from the running relay.
pub(super) async fn check(settings: &Settings, report: &mut Report) {
    if !settings.growsurf.has_page_key() {
        return;
    }
    let server = &settings.server;
    let fix = "list the proxy in server.trusted_proxies, or all visitors share one client's limit";
    let metrics = reachable(server.operator_listen.unwrap_or(server.listen));
    let answered = tokio::time::timeout(TIMEOUT, get(metrics, "/metrics")).await;
    let is_seen = answered.is_ok_and(|metrics| {
        metrics.is_ok_and(|text| text.contains("\nrelay_page_posts_from_one_address 1\n"))
    });
    if is_seen {
        let detail = format!("every recent post of pages came from one private address; {fix}");
        report.add(Grade::Bad, "proxy", detail);
    } else if server.connections.trusted_proxies.is_empty() {
        let detail = format!("pages may post, and no proxy is listed; if there is one, {fix}");
        report.add(Grade::Note, "proxy", detail);
    }
}

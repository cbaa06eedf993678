//! Check of the proxy in front of pages' posts: an unlisted one makes all visitors one client.
//!
//! A running relay knows the clients of its posts.

use crate::config::Settings;
use crate::inspect::{CheckReport, Grade};

/// Reports an unlisted proxy: a likely one from the settings, a sure one from the running relay.
pub(super) async fn check(
    settings: &Settings,
    is_one_client: impl Future<Output = bool>,
    report: &mut CheckReport,
) {
    if !settings.growsurf.has_page_key() {
        return;
    }
    let fix = "list the proxy in server.trusted_proxies, or all visitors share one client's limit";
    if is_one_client.await {
        let detail = format!("every recent post of pages came from one private address; {fix}");
        report.add(Grade::Bad, "proxy", detail);
    } else if settings.server.connections.trusted_proxies.is_empty() {
        let detail = format!("pages may post, and no proxy is listed; if there is one, {fix}");
        report.add(Grade::Note, "proxy", detail);
    }
}

//! Recording of acts: into the store's audit, and as a log line.
//!
//! What belongs here: the one function that every act over HTTP is recorded by. What doesn't: the words of a
//! record (`domain`), and pages of them.

use std::net::SocketAddr;

use axum::http::HeaderMap;

use super::client::client_ip;
use super::router::AppState;
use crate::domain::{Act, Actor, AuditEntry, Labelled};
use crate::inspect::Inspector;
use crate::store::StoreError;
use crate::telemetry::ErrorChain;

/// The name of an actor who shows a token of a setting and gives none.
pub const ADMIN: &str = "admin.token";

impl AppState {
    /// Returns a way to look into the store now. People are masked.
    pub(super) fn inspector(&self) -> Inspector {
        Inspector { now: self.clock.now(), ..Inspector::clone(&self.inspector) }
    }

    /// Returns the party that a request comes from.
    pub fn actor(
        &self,
        name: &str,
        role: &'static str,
        peer: SocketAddr,
        headers: &HeaderMap,
    ) -> Actor {
        let origin = client_ip(peer, headers, &self.trusted_proxies).to_string();
        Actor { name: name.to_owned(), role, origin }
    }

    /// Records an act. One that shows something is recorded before, one that changes something after it is done.
    ///
    /// # Errors
    /// The store's, which is in the log by then, with the act.
    pub async fn record(
        &self,
        actor: &Actor,
        act: Act,
        subject: &str,
        outcome: &str,
    ) -> Result<(), StoreError> {
        let entry = AuditEntry::new(self.clock.now(), actor, act, subject, outcome);
        let AuditEntry { name, role, origin, subject, outcome, .. } = &entry;
        let audit = act.label();
        tracing::info!(
            audit,
            name,
            role,
            client.ip = origin,
            subject,
            outcome,
            "an operator acted"
        );
        let recorded = self.store.record(entry).await;
        if let Err(error) = &recorded {
            tracing::error!(audit, error = %ErrorChain(error), "can't record an act");
        }
        recorded
    }
}

//! What clients cost and what was refused of them, as metrics.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::metrics::Label;

/// Why the relay closes a connection, or can't accept one.
const CLOSED: [&str; 4] = ["client", "all", "write_timeout", "descriptors"];

/// Why a body is refused.
const REFUSED: [&str; 8] =
    ["memory", "client", "reserve", "slow", "timeout", "too_large", "broken", "coded"];

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Reason {
    reason: Label,
}

/// The counts of clients' connections and bodies.
#[derive(Default)]
pub struct Clients {
    open: Gauge,
    closed: Family<Reason, Counter>,
    refused: Family<Reason, Counter>,
}

/// An open connection; counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Clients {
    /// Each reason is there from the start, at zero.
    pub(super) fn register(&self, registry: &mut Registry) {
        for (family, reasons) in [(&self.closed, CLOSED.as_slice()), (&self.refused, &REFUSED)] {
            for reason in reasons {
                let _there_from_now_on = family.get_or_create(&Reason { reason: Label(reason) });
            }
        }
        registry.register("connections", "Connections that are open", self.open.clone());
        registry.register(
            "connections_closed",
            "Connections that the relay closed or couldn't accept, by the limit",
            self.closed.clone(),
        );
        registry.register(
            "bodies_refused",
            "Bodies that weren't read to their end, by the limit",
            self.refused.clone(),
        );
    }

    /// Counts a connection as open for as long as the result lives.
    pub fn open(&self) -> OpenConnection {
        self.open.inc();
        OpenConnection(self.open.clone())
    }

    /// Counts a connection that was closed or refused; `reason` is one of the fixed words.
    pub fn closed(&self, reason: &'static str) {
        self.closed.get_or_create(&Reason { reason: Label(reason) }).inc();
    }

    /// Counts a body that wasn't read to its end; `reason` is one of the fixed words.
    pub fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason: Label(reason) }).inc();
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

//! The number of connections that fits the system's limit of open files.
//!
//! Where idle connections took every descriptor, none would be left to reach Customer.io with.

use rlimit::Resource;

use crate::config::Settings;

/// The most connections that operators' own listener has open.
pub const OPERATORS: usize = 64;

/// The descriptors for the store, the runtime and operators.
const RESERVED: usize = 64 + OPERATORS;

/// Returns the connections that the listener for webhooks may have open: what the settings say, or
/// what fits.
pub fn connections(settings: &Settings) -> usize {
    let wanted = settings.server.connections.max_connections;
    // Where nothing is known, the settings are believed.
    let Ok(descriptors) = Resource::NOFILE.get_soft() else { return wanted };
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    let most = fitting(descriptors, settings.delivery.in_flight);
    if wanted > most {
        tracing::warn!(
            descriptors,
            connections = most,
            "server.max_connections is more than the system allows; raise its limit (`ulimit -n`, \
             systemd's LimitNOFILE)"
        );
    }
    wanted.min(most)
}

fn fitting(descriptors: usize, in_flight: usize) -> usize {
    let left = descriptors.saturating_sub(RESERVED + in_flight);
    // A very low limit is shared by halves.
    left.max(descriptors / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_left_for_the_rest() {
        assert_eq!(fitting(1024, 32), 864);
        assert_eq!(fitting(100, 32), 50);
        assert_eq!(fitting(0, 32), 1);
        assert!(fitting(usize::MAX, 32) > 1 << 32, "without a limit");
    }
}

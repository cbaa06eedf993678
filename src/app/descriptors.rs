//! How many connections fit what the system lets a process have open.
//!
//! Where idle connections took every descriptor, none would be left to reach Customer.io with.

use std::fs;

use crate::config::Settings;

/// The most connections that operators' own listener has open.
pub const OPERATORS: usize = 64;

/// What the store, the runtime and operators need besides.
const RESERVED: usize = 64 + OPERATORS;

/// The connections that the listener for webhooks may have open: what the settings say, or what fits.
pub fn connections(settings: &Settings) -> usize {
    let wanted = settings.server.max_connections;
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    // Elsewhere than on Linux nothing is known, and the settings are believed.
    let Some(descriptors) = soft_limit(&limits) else { return wanted };
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

fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_counts() {
        let limits = "Limit           Soft Limit  Hard Limit  Units\n\
                      Max open files  1024        524288      files\n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit(&limits.replace("1024", "unlimited")), None);
        assert_eq!(soft_limit(""), None);
    }

    #[test]
    fn something_is_left_for_the_rest() {
        assert_eq!(fitting(1024, 32), 864);
        assert_eq!(fitting(100, 32), 50);
        assert_eq!(fitting(0, 32), 1);
    }
}

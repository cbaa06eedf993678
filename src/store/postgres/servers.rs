//! Servers: the order in which the servers of a URL are tried.
//!
//! What belongs here: which of them worked last and which failed, as all connections of a store found
//! them. What doesn't: connecting (`connecting`).

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// A server by its place in the URL, or one of the addresses of its name.
pub(super) type Place = (usize, Option<IpAddr>);

/// The state of the servers of a URL, as all connections found them.
#[derive(Default)]
pub(super) struct Servers {
    known: Mutex<Known>,
    /// Notified when connections come about at another place.
    moved: Notify,
}

#[derive(Default)]
struct Known {
    /// Places that failed, the longest ago first.
    failed: Vec<Place>,
    /// The place of the last connection, and when it came about.
    good: Option<(Place, Instant)>,
}

impl Servers {
    /// Sorts places: those that didn't fail as they were, then those that failed the longest ago.
    pub(super) fn sort(&self, places: &mut [Place]) {
        let known = self.known();
        places.sort_by_key(|place| {
            known.failed.iter().position(|it| it == place).map_or(0, |at| at + 1)
        });
    }

    /// Forgets the addresses of a server that its name leads to no longer.
    pub(super) fn resolved(&self, server: usize, now: &[Place]) {
        let mut known = self.known();
        known.failed.retain(|place| place.0 != server || place.1.is_none() || now.contains(place));
    }

    /// Notes that a connection to the place came about.
    pub(super) fn works(&self, place: Place) {
        let mut known = self.known();
        let had_failed = !known.failed.is_empty();
        known.failed.retain(|it| *it != place && *it != (place.0, None));
        let before = known.good.replace((place, Instant::now()));
        drop(known);
        if before.map_or(had_failed, |(before, _)| before != place) {
            self.moved.notify_waiters();
        }
    }

    /// Notes that none came about.
    pub(super) fn failed(&self, place: Place) {
        self.known().fail(place);
    }

    /// Notes that what was sent over a connection at that time got no answer. If none came about since,
    /// the place of the last one is tried last from now on.
    pub(super) fn fell_silent(&self, asked: Instant) {
        let mut known = self.known();
        if let Some((place, _)) = known.good.take_if(|(_, at)| *at < asked) {
            known.fail(place);
            known.fail((place.0, None));
        }
    }

    /// True unless connections come about at another place by now.
    pub(super) fn is_current(&self, place: Place) -> bool {
        self.known().good.is_none_or(|(good, _)| good == place)
    }

    /// Returns once connections come about at another place than before.
    pub(super) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }

    /// Returns once connections come about at another place: this one was left.
    pub(super) async fn left(&self, place: Place) {
        loop {
            let moved = self.moved.notified();
            if !self.is_current(place) {
                return;
            }
            moved.await;
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn fail(&mut self, place: Place) {
        self.failed.retain(|it| *it != place);
        self.failed.push(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(servers: &Servers) -> Vec<usize> {
        let mut places: Vec<Place> = (0..3).map(|server| (server, None)).collect();
        servers.sort(&mut places);
        places.into_iter().map(|(server, _)| server).collect()
    }

    #[test]
    fn the_last_good_one_is_tried_first_and_the_last_to_fail_last() {
        let servers = Servers::default();
        assert_eq!(order(&servers), [0, 1, 2]);
        servers.failed((0, None));
        servers.works((1, None));
        assert_eq!(order(&servers), [1, 2, 0]);
        servers.fell_silent(Instant::now());
        assert_eq!(order(&servers), [2, 0, 1]);
        servers.failed((2, None));
        servers.works((0, None));
        assert_eq!(order(&servers), [0, 1, 2]);
    }

    #[test]
    fn silence_says_nothing_of_a_server_that_took_a_connection_since() {
        let (servers, asked) = (Servers::default(), Instant::now());
        servers.works((1, None));
        servers.fell_silent(asked);
        assert_eq!(order(&servers), [0, 1, 2]);
        assert!(servers.is_current((1, None)) && !servers.is_current((0, None)));
    }

    #[tokio::test]
    async fn a_place_is_left_once_connections_come_about_at_another() {
        let servers = Servers::default();
        servers.works((0, None));
        let moving = async {
            servers.fell_silent(Instant::now());
            servers.works((1, None));
        };
        tokio::join!(servers.left((0, None)), moving);
        assert!(servers.is_current((1, None)));
    }

    #[test]
    fn addresses_that_a_name_no_longer_resolves_to_are_dropped() {
        let servers = Servers::default();
        let place = |last| (0, Some(IpAddr::from([10, 0, 0, last])));
        servers.failed(place(1));
        servers.failed(place(2));
        servers.resolved(0, &[place(2), place(3)]);
        assert_eq!(servers.known().failed, [place(2)]);
    }
}

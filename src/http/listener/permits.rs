//! Permits for connections: a number in all, and a number for each client.
//!
//! What belongs here: the choice of the connection that makes room. What doesn't: accepting and closing,
//! and a client's deadlines (`watched`).
//!
//! A new connection always gets a permit while the relay waits for any client, so idle connections keep
//! nobody out. The connection with the oldest last byte makes room. The lock is taken when a connection
//! is accepted and when it ends, never for its bytes.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;

/// Reasons why a connection was refused or closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionLimit {
    /// Its client has too many.
    Client,
    /// All clients together have too many.
    All,
}

/// The time given to a connection that makes room, before another one has to.
const ROOM_WAIT: Duration = Duration::from_millis(50);

/// Permits for connections.
#[derive(Debug)]
pub struct ConnectionPermits {
    began: Instant,
    free: Arc<Semaphore>,
    per_client: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    all: Queue,
    clients: HashMap<IpAddr, Queue>,
}

/// Connections by their last byte.
#[derive(Debug, Default)]
struct Queue {
    /// By the last progress seen, which may be outdated, and by number.
    order: BTreeMap<(u64, u64), Arc<Connection>>,
    /// The progress by which each number is sorted.
    seen: HashMap<u64, u64>,
}

/// A connection's permit; free again when it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    /// The connection.
    pub connection: Arc<Connection>,
    number: u64,
    client: Option<IpAddr>,
    permits: Arc<ConnectionPermits>,
    _free_again: OwnedSemaphorePermit,
}

impl ConnectionPermits {
    /// Returns permits for `all` connections, with at most `per_client` for each client.
    pub fn new(all: usize, per_client: usize) -> Self {
        let free = Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS)));
        Self { began: Instant::now(), free, per_client, taken: Mutex::default() }
    }

    /// Gives a permit to a new connection. `client` is `None` for a trusted proxy, which only the total
    /// limits. `crowded` is called for each connection that makes room or is refused.
    ///
    /// Returns `None` if the client has all its permits, and the relay is busy with each.
    pub async fn acquire(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        crowded: impl Fn(ConnectionLimit),
    ) -> Option<ConnectionPermit> {
        let mut is_leaving = false;
        if let Some(client) = client
            && self.client_has_all(client)
        {
            crowded(ConnectionLimit::Client);
            is_leaving = self.make_room(Some(client));
            if !is_leaving {
                return None;
            }
        }
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            if !std::mem::take(&mut is_leaving) && self.make_room(None) {
                crowded(ConnectionLimit::All);
            }
            // A closed connection gives its permit back in a moment. Where the relay is at work on
            // each, the first answer frees one.
            let free = Arc::clone(&self.free).acquire_owned();
            if let Ok(Ok(permit)) = tokio::time::timeout(ROOM_WAIT, free).await {
                break permit;
            }
        };
        Some(self.register(client, permit))
    }

    /// Closes the connection longest without progress, of one client or of all. Returns false if
    /// the relay waits for no client.
    pub fn make_room(&self, client: Option<IpAddr>) -> bool {
        let mut taken = self.lock();
        let Taken { all, clients, .. } = &mut *taken;
        let queue = match client {
            Some(client) => clients.entry(client).or_default(),
            None => all,
        };
        let Some((number, stalest)) = queue.stalest() else { return false };
        stalest.evicted.notify_one();
        taken.remove(number, client);
        true
    }

    fn client_has_all(&self, client: IpAddr) -> bool {
        self.lock().clients.get(&client).is_some_and(|queue| queue.seen.len() >= self.per_client)
    }

    fn register(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        permit: OwnedSemaphorePermit,
    ) -> ConnectionPermit {
        let connection = Arc::new(Connection::new(self.began));
        let mut taken = self.lock();
        let number = taken.next;
        taken.next += 1;
        taken.all.insert(number, Arc::clone(&connection));
        if let Some(client) = client {
            taken.clients.entry(client).or_default().insert(number, Arc::clone(&connection));
        }
        drop(taken);
        let permits = Arc::clone(self);
        ConnectionPermit { connection, number, client, permits, _free_again: permit }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn remove(&mut self, number: u64, client: Option<IpAddr>) {
        self.all.remove(number);
        if let Some(client) = client
            && let Some(queue) = self.clients.get_mut(&client)
        {
            queue.remove(number);
            if queue.seen.is_empty() {
                self.clients.remove(&client);
            }
        }
    }
}

impl Queue {
    fn insert(&mut self, number: u64, connection: Arc<Connection>) {
        let progress = connection.progress();
        self.seen.insert(number, progress);
        self.order.insert((progress, number), connection);
    }

    fn remove(&mut self, number: u64) {
        if let Some(progress) = self.seen.remove(&number) {
            self.order.remove(&(progress, number));
        }
    }

    /// Returns the connection longest without progress, of those whose client is waited for. Puts
    /// one that has moved since it was seen back in order, which keeps this cheap.
    fn stalest(&mut self) -> Option<(u64, Arc<Connection>)> {
        let (mut busy, mut stalest) = (Vec::new(), None);
        for _ in 0..2 * self.order.len() {
            let Some(((seen, number), connection)) = self.order.pop_first() else { break };
            if !connection.awaits_client() {
                busy.push(((seen, number), connection));
                continue;
            }
            let progress = connection.progress();
            self.order.insert((progress, number), Arc::clone(&connection));
            self.seen.insert(number, progress);
            if progress <= seen {
                stalest = Some((number, connection));
                break;
            }
        }
        self.order.extend(busy);
        stalest
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.permits.lock().remove(self.number, self.client);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn acquired(permits: &Arc<ConnectionPermits>, client: &str) -> Option<ConnectionPermit> {
        let client = (!client.is_empty()).then(|| client.parse().unwrap());
        permits.acquire(client, |_| ()).now_or_never().flatten()
    }

    fn is_evicted(permit: &ConnectionPermit) -> bool {
        permit.connection.evicted.notified().now_or_never().is_some()
    }

    fn after(permit: &ConnectionPermit) {
        let before = permit.connection.progress();
        while permit.connection.progress() == before {
            permit.connection.moved();
        }
    }

    #[test]
    fn a_client_with_all_its_places_gives_up_the_one_longest_without_progress() {
        let permits = Arc::new(ConnectionPermits::new(10, 2));
        let (first, second) =
            (acquired(&permits, "::1").unwrap(), acquired(&permits, "::1").unwrap());
        after(&first);
        let other = acquired(&permits, "::2").unwrap();
        let third = acquired(&permits, "::1").unwrap();
        assert_eq!([&first, &second, &other, &third].map(is_evicted), [false, true, false, false]);
        drop((first, second, other, third));
        assert_eq!(permits.free.available_permits(), 10);
        assert!(permits.lock().clients.is_empty() && permits.lock().all.order.is_empty());
    }

    #[test]
    fn what_the_relay_is_at_work_on_makes_no_room() {
        let permits = Arc::new(ConnectionPermits::new(10, 2));
        let busy = [acquired(&permits, "::1").unwrap(), acquired(&permits, "::1").unwrap()];
        let handled = busy.each_ref().map(|permit| permit.connection.handle());
        assert!(acquired(&permits, "::1").is_none());
        // Nor where its client could be waited for, were it not for the other.
        let [first, second] = handled;
        drop(second);
        assert!(acquired(&permits, "::1").is_some());
        assert_eq!(busy.each_ref().map(is_evicted), [false, true]);
        drop(first);
    }

    #[test]
    fn a_handler_whose_answer_isnt_read_is_waited_for_no_longer() {
        let permits = Arc::new(ConnectionPermits::new(10, 1));
        let permit = acquired(&permits, "::1").unwrap();
        let _handled = permit.connection.handle();
        permit.connection.stall(true);
        assert!(acquired(&permits, "::1").is_some());
        assert!(is_evicted(&permit));
    }

    #[tokio::test]
    async fn the_connection_longest_without_progress_makes_room() {
        let permits = Arc::new(ConnectionPermits::new(3, 3));
        let mut held: Vec<_> =
            ["::1", "::2", ""].iter().map(|it| acquired(&permits, it).unwrap()).collect();
        after(&held[0]);
        after(&held[1]);
        let (newcomer, proxy) = tokio::join!(permits.acquire(None, |_| ()), async {
            let proxy = held.pop().unwrap();
            proxy.connection.evicted.notified().await;
        });
        assert!(newcomer.is_some(), "{proxy:?}");
        assert!(!held.iter().any(is_evicted));
    }
}

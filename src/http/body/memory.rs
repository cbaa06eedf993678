//! The memory for bodies in transit or being stored.
//!
//! What belongs here: the share of each client and body. What doesn't: reading (`body`).
//!
//! All bodies share the memory, and one client holds at most a part of it. If it is used up, the
//! oldest body in transit makes room for one that grows. To keep a body out, others would have to
//! fill all memory anew while it arrives. Bodies up to [`SMALL`] bytes have a reserve on top. So
//! usual webhooks are accepted while one client's bodies, or those being stored, hold everything
//! else. In the reserve, the oldest body of the client that holds most makes room.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The largest body that may use the reserve, in bytes.
pub const SMALL: usize = 64 * 1024;

/// The part of the memory that one client may hold, and the size of the reserve.
const PART: usize = 8;

/// The memory for bodies.
#[derive(Debug)]
pub struct Memory {
    all: usize,
    per_client: usize,
    reserve: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// The memory of all bodies in each pool.
    pools: [usize; 2],
    clients: HashMap<IpAddr, [usize; 2]>,
    next: u64,
    /// The bodies that hold something, by age.
    bodies: BTreeMap<u64, Body>,
}

/// A part of the memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pool {
    /// For all bodies.
    Main,
    /// For small ones, where the other is used up.
    Reserve,
}

/// A body and its memory.
#[derive(Debug)]
struct Body {
    client: IpAddr,
    pool: Pool,
    bytes: usize,
    /// Notified when it has to make room; `None` once it was read.
    displaced: Option<Arc<Notify>>,
}

/// Reasons why there is no memory for a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemoryShortage {
    /// All bodies together hold it.
    All,
    /// The client's own bodies hold its share.
    Client,
    /// It made room in the reserve.
    Reserve,
}

/// The memory that one body holds; given back when dropped.
#[derive(Debug)]
pub struct MemoryPermit {
    memory: Arc<Memory>,
    client: IpAddr,
    /// Its number among the bodies once it has grown, and who is notified when it makes room.
    body: Option<(u64, Arc<Notify>)>,
    pool: Pool,
}

impl Memory {
    /// Returns a memory of `all` bytes for bodies of at most `largest` bytes, and the reserve on
    /// top.
    pub fn new(all: usize, largest: usize) -> Self {
        let per_client = largest.max(all / PART);
        let reserve = (all / PART).max(SMALL);
        Self { all, per_client, reserve, held: Mutex::default() }
    }

    /// Returns a permit for a body of this client, which holds nothing yet.
    pub fn permit(self: &Arc<Self>, client: IpAddr) -> MemoryPermit {
        MemoryPermit { memory: Arc::clone(self), client, body: None, pool: Pool::Main }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryPermit {
    /// Grows the permit to `bytes`.
    ///
    /// # Errors
    /// If there is no memory; then it stays as it was. If it made room, it holds nothing.
    pub fn grow(&mut self, bytes: usize) -> Result<(), MemoryShortage> {
        let memory = Arc::clone(&self.memory);
        let mut held = memory.lock();
        let mine = self.body.as_ref().map(|(number, _)| *number);
        let had = match mine.map(|number| held.bodies.get(&number)) {
            Some(None) => return Err(self.why_displaced()),
            Some(Some(body)) => (body.pool, body.bytes),
            None => (Pool::Main, 0),
        };
        let had_in = |pool| if had.0 == pool { had.1 } else { 0 };
        let more = bytes.saturating_sub(had_in(Pool::Main));
        let full = if held.of_client(self.client, Pool::Main) + more > memory.per_client {
            Some(MemoryShortage::Client)
        } else {
            let room = memory.all.saturating_sub(more);
            let has_room = held.make_room(Pool::Main, room, mine, bytes > SMALL);
            (!has_room).then_some(MemoryShortage::All)
        };
        if let Some(full) = full {
            let room = (memory.reserve + had_in(Pool::Reserve)).saturating_sub(bytes);
            if bytes > SMALL || !held.make_room(Pool::Reserve, room, mine, true) {
                return Err(full);
            }
        }
        self.pool = if full.is_none() { Pool::Main } else { Pool::Reserve };
        held.leave(mine);
        // The age is that of the body, not of its last growth.
        let number = mine.unwrap_or_else(|| {
            held.next += 1;
            held.next
        });
        let (_, displaced) = self.body.get_or_insert_with(|| (number, Arc::default()));
        let (client, displaced) = (self.client, Some(Arc::clone(displaced)));
        held.enter(number, Body { client, pool: self.pool, bytes, displaced });
        Ok(())
    }

    /// Notes that the body has been read: from now on it makes no room.
    pub fn read(&self) {
        if let Some((number, _)) = &self.body
            && let Some(body) = self.memory.lock().bodies.get_mut(number)
        {
            body.displaced = None;
        }
    }

    /// Waits until the body has to make room, and returns where; for ever if it holds nothing.
    pub async fn displaced(&self) -> MemoryShortage {
        match &self.body {
            Some((_, displaced)) => displaced.notified().await,
            None => std::future::pending().await,
        }
        self.why_displaced()
    }

    fn why_displaced(&self) -> MemoryShortage {
        match self.pool {
            Pool::Main => MemoryShortage::All,
            Pool::Reserve => MemoryShortage::Reserve,
        }
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        self.memory.lock().leave(self.body.take().map(|(number, _)| number));
    }
}

impl Held {
    fn of_client(&self, client: IpAddr, pool: Pool) -> usize {
        self.clients.get(&client).map_or(0, |it| it[pool as usize])
    }

    fn enter(&mut self, number: u64, body: Body) {
        self.pools[body.pool as usize] += body.bytes;
        self.clients.entry(body.client).or_default()[body.pool as usize] += body.bytes;
        self.bodies.insert(number, body);
    }

    fn leave(&mut self, number: Option<u64>) {
        // One that was displaced isn't there any more.
        let Some(body) = number.and_then(|number| self.bodies.remove(&number)) else { return };
        self.pools[body.pool as usize] -= body.bytes;
        if let Some(client) = self.clients.get_mut(&body.client) {
            client[body.pool as usize] -= body.bytes;
            if *client == [0, 0] {
                self.clients.remove(&body.client);
            }
        }
    }

    /// Makes room until a pool holds at most `most` bytes. Displaces bodies in transit if
    /// `may_displace`, never `but`. Returns true if there is room.
    fn make_room(&mut self, pool: Pool, most: usize, but: Option<u64>, may_displace: bool) -> bool {
        while self.pools[pool as usize] > most {
            let Some(number) = self.first_to_go(pool, but).filter(|_| may_displace) else {
                return false;
            };
            if let Some(displaced) = self.bodies.get(&number).and_then(|it| it.displaced.as_ref()) {
                displaced.notify_one();
            }
            self.leave(Some(number));
        }
        true
    }

    /// Returns the number of the body on its way that makes room first, but not `but`.
    fn first_to_go(&self, pool: Pool, but: Option<u64>) -> Option<u64> {
        let mut in_transit = self.bodies.iter().filter(|(number, body)| {
            body.pool == pool && body.displaced.is_some() && Some(**number) != but
        });
        let first = match pool {
            Pool::Main => in_transit.next(),
            Pool::Reserve => in_transit.min_by_key(|(number, body)| {
                (Reverse(self.of_client(body.client, pool)), **number)
            }),
        };
        first.map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn memory() -> Arc<Memory> {
        // A client may hold 8 MiB of 32; the reserve is 4 MiB, which is 64 small bodies.
        Arc::new(Memory::new(32 * MIB, 8 * MIB))
    }

    fn held(
        memory: &Arc<Memory>,
        client: &str,
        bytes: usize,
    ) -> Result<MemoryPermit, MemoryShortage> {
        let mut permit = memory.permit(client.parse().unwrap());
        permit.grow(bytes)?;
        Ok(permit)
    }

    fn is_displaced(permit: &MemoryPermit) -> bool {
        permit.displaced().now_or_never().is_some()
    }

    #[test]
    fn one_client_cant_hold_the_memory_of_others_and_all_is_given_back() {
        let memory = memory();
        let largest = held(&memory, "::1", 8 * MIB).unwrap();
        assert_eq!(held(&memory, "::1", SMALL + 1).unwrap_err(), MemoryShortage::Client);
        let others: Vec<_> =
            ["::2", "::3", "::4"].map(|it| held(&memory, it, 8 * MIB).unwrap()).into();
        largest.read();
        others.iter().for_each(MemoryPermit::read);
        assert_eq!(held(&memory, "::5", SMALL + 1).unwrap_err(), MemoryShortage::All);
        let small = held(&memory, "::5", SMALL).unwrap();
        drop((largest, others, small));
        assert!(held(&memory, "::5", 8 * MIB).is_ok());
        let held = memory.lock();
        assert_eq!(held.pools, [0, 0]);
        assert!(held.clients.is_empty() && held.bodies.is_empty(), "{held:?}");
    }

    #[test]
    fn the_oldest_body_on_its_way_makes_room_for_a_large_one() {
        let memory = memory();
        let mut oldest = held(&memory, "::1", 4 * MIB).unwrap();
        let others = ["::2", "::3", "::4"].map(|it| held(&memory, it, 8 * MIB).unwrap());
        oldest.grow(8 * MIB).unwrap();
        others[0].read();
        let mut newcomer = held(&memory, "::5", MIB).unwrap();
        assert!(is_displaced(&oldest), "by the time of its beginning");
        newcomer.grow(8 * MIB).unwrap();
        assert!(!others.iter().any(is_displaced), "there was room");
        let _next = held(&memory, "::6", MIB).unwrap();
        assert_eq!(others.each_ref().map(is_displaced), [false, true, false], "one was read");
        assert_eq!(oldest.grow(8 * MIB + 1), Err(MemoryShortage::All), "it holds nothing any more");
        drop((oldest, others, newcomer));
        assert_eq!(memory.lock().pools, [MIB, 0]);
    }

    #[test]
    fn a_usual_body_gets_in_whatever_its_client_or_others_hold() {
        let memory = memory();
        let _large = held(&memory, "::1", 8 * MIB).unwrap();
        let stalled: Vec<_> = (0..64).map(|_| held(&memory, "::1", SMALL).unwrap()).collect();
        let usual = held(&memory, "::2", SMALL).unwrap();
        assert_eq!(usual.pool, Pool::Main, "the other client has its share");
        let usual = held(&memory, "::1", 4096).unwrap();
        assert!(is_displaced(&stalled[0]));
        assert!(!stalled[1..].iter().any(is_displaced));
        drop(stalled);
        drop(usual);
        assert_eq!(memory.lock().pools[1], 0);
    }

    #[test]
    fn the_client_with_most_of_the_reserve_makes_room_never_a_body_already_read() {
        let memory = memory();
        let _large: Vec<_> =
            ["::1", "::2", "::3", "::4"].map(|it| held(&memory, it, 8 * MIB).unwrap()).into();
        let usual = held(&memory, "::1", SMALL).unwrap();
        let greedy: Vec<_> = (0..63).map(|_| held(&memory, "::2", SMALL).unwrap()).collect();
        greedy[0].read();
        let _next = held(&memory, "::3", SMALL).unwrap();
        assert!(is_displaced(&greedy[1]) && !is_displaced(&greedy[0]) && !is_displaced(&usual));
        greedy.iter().for_each(MemoryPermit::read);
        usual.read();
        let _last = held(&memory, "::3", SMALL).unwrap();
        assert_eq!(held(&memory, "::4", SMALL).map(drop), Ok(()), "the one before makes room");
    }

    #[test]
    fn a_body_that_outgrows_the_reserve_needs_the_memory_and_keeps_what_it_has() {
        let memory = memory();
        let large = held(&memory, "::1", 8 * MIB).unwrap();
        let mut small = held(&memory, "::1", SMALL / 2).unwrap();
        small.grow(SMALL).unwrap();
        assert_eq!(memory.lock().pools[1], SMALL);
        assert_eq!(small.grow(SMALL + 1), Err(MemoryShortage::Client));
        drop(large);
        small.grow(SMALL + 1).unwrap();
        let held = memory.lock();
        assert_eq!(held.pools, [SMALL + 1, 0]);
        drop(held);
    }
}

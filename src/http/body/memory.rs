//! The memory for bodies that are on their way or being stored.
//!
//! What belongs here: who may hold how much of it. What doesn't: reading (`body`).
//!
//! There is so much for all bodies, of which one client holds at most a share. Bodies up to [`SMALL`]
//! bytes have a reserve besides, so that usual webhooks get in while large bodies, or one client's,
//! hold everything else. Where the reserve is used up, the oldest body in it that is still on its way
//! makes room, of the client that holds most of it.

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
    all: usize,
    reserve: usize,
    clients: HashMap<IpAddr, Client>,
    next: u64,
    /// What is held of the reserve, by age.
    small: BTreeMap<u64, Small>,
}

/// What one client holds, in bytes.
#[derive(Debug, Default)]
struct Client {
    main: usize,
    reserve: usize,
}

/// A body in the reserve.
#[derive(Debug)]
struct Small {
    client: IpAddr,
    bytes: usize,
    /// Notified when it has to make room; `None` once it was read.
    displaced: Option<Arc<Notify>>,
}

/// Why there is no memory for a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// All bodies together hold it.
    All,
    /// The client's own bodies hold its share.
    Client,
}

/// The memory that one body holds; given back when dropped.
#[derive(Debug)]
pub struct MemoryPermit {
    memory: Arc<Memory>,
    client: IpAddr,
    main: usize,
    /// Its number in the reserve, and who is notified when it makes room.
    small: Option<(u64, Arc<Notify>)>,
}

impl Memory {
    /// So many bytes for all bodies together, the largest of which has `largest` bytes; and the
    /// reserve on top.
    pub fn new(all: usize, largest: usize) -> Self {
        let per_client = largest.max(all / PART);
        let reserve = (all / PART).max(SMALL);
        Self { all, per_client, reserve, held: Mutex::default() }
    }

    /// A share of nothing yet, for a body of this client.
    pub fn share(self: &Arc<Self>, client: IpAddr) -> MemoryPermit {
        MemoryPermit { memory: Arc::clone(self), client, main: 0, small: None }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryPermit {
    /// Grows it to so many bytes.
    ///
    /// # Errors
    /// If there is no memory; then it stays as it was.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let memory = Arc::clone(&self.memory);
        let mut held = memory.lock();
        let more = bytes.saturating_sub(self.main);
        let client = held.clients.get(&self.client).map_or(0, |client| client.main);
        let full = if client + more > memory.per_client {
            Full::Client
        } else if held.all + more > memory.all {
            Full::All
        } else {
            held.leave_reserve(self.small.take().map(|(number, _)| number));
            held.all += more;
            held.clients.entry(self.client).or_default().main += more;
            self.main = bytes;
            return Ok(());
        };
        if bytes > SMALL {
            return Err(full);
        }
        let mine = self.small.as_ref().map(|(number, _)| *number);
        let had = mine.and_then(|number| held.small.get(&number)).map_or(0, |it| it.bytes);
        while held.reserve - had + bytes > memory.reserve {
            if !held.displace(mine) {
                return Err(full);
            }
        }
        held.leave_reserve(mine);
        held.leave_main(self.client, std::mem::take(&mut self.main));
        // The age is that of the body, not of its last growth.
        let number = mine.unwrap_or_else(|| {
            held.next += 1;
            held.next
        });
        let (_, displaced) = self.small.get_or_insert_with(|| (number, Arc::default()));
        let displaced = Some(Arc::clone(displaced));
        held.reserve += bytes;
        held.clients.entry(self.client).or_default().reserve += bytes;
        held.small.insert(number, Small { client: self.client, bytes, displaced });
        Ok(())
    }

    /// Notes that the body has been read: from now on it makes no room.
    pub fn read(&self) {
        if let Some((number, _)) = &self.small
            && let Some(small) = self.memory.lock().small.get_mut(number)
        {
            small.displaced = None;
        }
    }

    /// Waits until the body has to make room; for ever if it isn't in the reserve.
    pub async fn displaced(&self) {
        match &self.small {
            Some((_, displaced)) => displaced.notified().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        let mut held = self.memory.lock();
        held.leave_main(self.client, self.main);
        held.leave_reserve(self.small.take().map(|(number, _)| number));
    }
}

impl Held {
    fn leave_main(&mut self, client: IpAddr, bytes: usize) {
        self.all -= bytes;
        self.change(client, |it| it.main -= bytes);
    }

    fn leave_reserve(&mut self, number: Option<u64>) {
        // One that was displaced isn't there any more.
        if let Some(small) = number.and_then(|number| self.small.remove(&number)) {
            self.reserve -= small.bytes;
            self.change(small.client, |it| it.reserve -= small.bytes);
        }
    }

    fn change(&mut self, client: IpAddr, change: impl FnOnce(&mut Client)) {
        if let Some(it) = self.clients.get_mut(&client) {
            change(it);
            if it.main == 0 && it.reserve == 0 {
                self.clients.remove(&client);
            }
        }
    }

    /// Takes the reserve from the oldest body on its way of the client that holds most of it, but
    /// not from `but`. Returns false if there is none.
    fn displace(&mut self, but: Option<u64>) -> bool {
        let reserve = |small: &Small| self.clients.get(&small.client).map_or(0, |it| it.reserve);
        let on_their_way = self.small.iter().filter_map(|(number, small)| {
            let displaced = small.displaced.as_ref().filter(|_| Some(*number) != but)?;
            Some((Reverse(reserve(small)), *number, displaced))
        });
        let first = on_their_way.min_by_key(|(reserve, number, _)| (*reserve, *number));
        let Some((_, number, displaced)) = first else { return false };
        displaced.notify_one();
        self.leave_reserve(Some(number));
        true
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

    fn held(memory: &Arc<Memory>, client: &str, bytes: usize) -> Result<MemoryPermit, Full> {
        let mut share = memory.share(client.parse().unwrap());
        share.grow(bytes)?;
        Ok(share)
    }

    fn is_displaced(share: &MemoryPermit) -> bool {
        share.displaced().now_or_never().is_some()
    }

    #[test]
    fn one_client_cant_hold_the_memory_of_others_and_all_is_given_back() {
        let memory = memory();
        let largest = held(&memory, "::1", 8 * MIB).unwrap();
        assert_eq!(held(&memory, "::1", SMALL + 1).unwrap_err(), Full::Client);
        let others: Vec<_> =
            ["::2", "::3", "::4"].map(|it| held(&memory, it, 8 * MIB).unwrap()).into();
        assert_eq!(held(&memory, "::5", SMALL + 1).unwrap_err(), Full::All);
        let small = held(&memory, "::5", SMALL).unwrap();
        drop((largest, others, small));
        assert!(held(&memory, "::5", 8 * MIB).is_ok());
        let held = memory.lock();
        assert_eq!((held.all, held.reserve), (0, 0));
        assert!(held.clients.is_empty() && held.small.is_empty(), "{held:?}");
    }

    #[test]
    fn a_usual_body_gets_in_whatever_its_client_or_others_hold() {
        let memory = memory();
        let _large = held(&memory, "::1", 8 * MIB).unwrap();
        let stalled: Vec<_> = (0..64).map(|_| held(&memory, "::1", SMALL).unwrap()).collect();
        let usual = held(&memory, "::2", SMALL).unwrap();
        assert!(usual.small.is_none(), "the other client has its share");
        let usual = held(&memory, "::1", 4096).unwrap();
        assert!(is_displaced(&stalled[0]));
        assert!(!stalled[1..].iter().any(is_displaced));
        drop(stalled);
        drop(usual);
        assert_eq!(memory.lock().reserve, 0);
    }

    #[test]
    fn whoever_holds_most_of_the_reserve_makes_room_and_never_what_has_been_read() {
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
        assert_eq!(memory.lock().reserve, SMALL);
        assert_eq!(small.grow(SMALL + 1), Err(Full::Client));
        drop(large);
        small.grow(SMALL + 1).unwrap();
        let held = memory.lock();
        assert_eq!((held.all, held.reserve), (SMALL + 1, 0));
        drop(held);
    }
}

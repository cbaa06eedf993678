//! A numbered log with bounds: the oldest entries go when there are too many, or they are too large.
//!
//! It knows nothing of what it holds. The owner drains [`Ring::overflow`] after each push, because
//! only the owner knows what else refers to an entry that goes.

use std::collections::VecDeque;

/// Entries in order of arrival, numbered from 1 without gaps.
#[derive(Debug)]
pub(super) struct Ring<T> {
    entries: VecDeque<Entry<T>>,
    /// The number of the oldest entry that is still here, or of the next one if none is.
    first: u64,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    bytes: usize,
}

impl<T> Ring<T> {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self { entries: VecDeque::new(), first: 1, bytes: 0, max_entries, max_bytes }
    }

    /// Appends an entry that counts for `bytes`, and returns its number.
    pub(super) fn push(&mut self, value: T, bytes: usize) -> u64 {
        let seq = self.next_seq();
        self.bytes += bytes;
        self.entries.push_back(Entry { value, bytes });
        seq
    }

    /// Takes out the oldest entry if the log is over its bounds. The newest always stays.
    pub(super) fn overflow(&mut self) -> Option<(u64, T)> {
        let over = self.entries.len() > self.max_entries || self.bytes > self.max_bytes;
        if !over || self.entries.len() <= 1 {
            return None;
        }

        let entry = self.entries.pop_front()?;
        let seq = self.first;
        self.first += 1;
        self.bytes -= entry.bytes;
        Some((seq, entry.value))
    }

    pub(super) fn get(&self, seq: u64) -> Option<&T> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get(index).map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, seq: u64) -> Option<&mut T> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index).map(|entry| &mut entry.value)
    }

    /// The entries after number `since`, oldest first, with their numbers.
    pub(super) fn after(&self, since: u64) -> impl Iterator<Item = (u64, &T)> {
        let skipped = (since + 1).saturating_sub(self.first);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.entries.len());
        let values = self.entries.range(skipped..).map(|entry| &entry.value);
        (self.first + skipped as u64..).zip(values)
    }

    /// Drops all entries; the numbers go on.
    pub(super) fn clear(&mut self) {
        self.first = self.next_seq();
        self.entries.clear();
        self.bytes = 0;
    }

    /// The number that the next entry will get.
    pub(super) fn next_seq(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// How many entries have gone.
    pub(super) fn forgotten(&self) -> u64 {
        self.first - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(ring: &mut Ring<&'static str>, value: &'static str, bytes: usize) -> u64 {
        let seq = ring.push(value, bytes);
        while ring.overflow().is_some() {}
        seq
    }

    #[test]
    fn numbers_survive_forgetting_and_clearing() {
        let mut ring = Ring::new(2, 100);
        push(&mut ring, "a", 1);
        push(&mut ring, "b", 1);
        assert_eq!(push(&mut ring, "c", 1), 3);
        assert_eq!(ring.get(1), None);
        assert_eq!(ring.get(2), Some(&"b"));
        assert_eq!(ring.after(2).collect::<Vec<_>>(), [(3, &"c")]);
        assert_eq!(ring.after(0).count(), 2);
        assert_eq!(ring.after(99).count(), 0);
        assert_eq!(ring.forgotten(), 1);

        ring.clear();
        assert_eq!(push(&mut ring, "d", 1), 4);
        assert_eq!(ring.get_mut(3), None);
    }

    #[test]
    fn bytes_are_bounded_but_the_newest_stays() {
        let mut ring = Ring::new(10, 5);
        push(&mut ring, "a", 3);
        push(&mut ring, "b", 3);
        assert_eq!(ring.after(0).collect::<Vec<_>>(), [(2, &"b")]);
        push(&mut ring, "c", 50);
        assert_eq!(ring.after(0).collect::<Vec<_>>(), [(3, &"c")]);
    }
}

//! A numbered log with bounds: the oldest entries go when there are too many, or they are too large.
//!
//! It knows nothing of what it holds. Where something refers to its entries, the owner
//! drains [`Ring::overflow`] after each push.

use std::collections::VecDeque;

/// Entries in order of arrival, numbered from 1 without gaps.
#[derive(Debug)]
pub(super) struct Ring<T> {
    /// Each with the bytes that it counts for.
    entries: VecDeque<(T, usize)>,
    /// The number of the oldest entry that is still here, or of the next one if none is.
    first: u64,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
}

impl<T> Ring<T> {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self { entries: VecDeque::new(), first: 1, bytes: 0, max_entries, max_bytes }
    }

    /// Appends an entry that counts for `bytes`, and returns its number.
    pub(super) fn push(&mut self, value: T, bytes: usize) -> u64 {
        let seq = self.next_seq();
        self.bytes += bytes;
        self.entries.push_back((value, bytes));
        seq
    }

    /// Appends an entry to which nothing refers, and forgets what is over the bounds.
    pub(super) fn keep(&mut self, value: T, bytes: usize) -> u64 {
        let seq = self.push(value, bytes);
        while self.overflow().is_some() {}
        seq
    }

    /// Takes out the oldest entry if the log is over its bounds. The newest always stays.
    pub(super) fn overflow(&mut self) -> Option<(u64, T)> {
        let over = self.entries.len() > self.max_entries || self.bytes > self.max_bytes;
        if !over || self.entries.len() <= 1 {
            return None;
        }

        let (value, bytes) = self.entries.pop_front()?;
        let seq = self.first;
        self.first += 1;
        self.bytes -= bytes;
        Some((seq, value))
    }

    pub(super) fn get(&self, seq: u64) -> Option<&T> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get(index).map(|(value, _)| value)
    }

    pub(super) fn get_mut(&mut self, seq: u64) -> Option<&mut T> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index).map(|(value, _)| value)
    }

    /// Returns the entries after number `since`, oldest first, with their numbers.
    pub(super) fn after(&self, since: u64) -> impl Iterator<Item = (u64, &T)> {
        let skipped = (since + 1).saturating_sub(self.first);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.entries.len());
        let values = self.entries.range(skipped..).map(|(value, _)| value);
        (self.first + skipped as u64..).zip(values)
    }

    /// Drops all entries; the numbers go on.
    pub(super) fn clear(&mut self) {
        self.first = self.next_seq();
        self.entries.clear();
        self.bytes = 0;
    }

    /// Returns the number of the next entry.
    pub(super) fn next_seq(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Returns the number of dropped entries.
    pub(super) fn forgotten(&self) -> u64 {
        self.first - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_forgetting_and_clearing() {
        let mut ring = Ring::new(2, 100);
        ring.keep("a", 1);
        ring.keep("b", 1);
        assert_eq!(ring.keep("c", 1), 3);
        assert_eq!(ring.get(1), None);
        assert_eq!(ring.get(2), Some(&"b"));
        assert_eq!(ring.after(2).collect::<Vec<_>>(), [(3, &"c")]);
        assert_eq!(ring.after(0).count(), 2);
        assert_eq!(ring.after(99).count(), 0);
        assert_eq!(ring.forgotten(), 1);

        ring.clear();
        assert_eq!(ring.keep("d", 1), 4);
        assert_eq!(ring.get_mut(3), None);
    }

    #[test]
    fn bytes_are_bounded_but_the_newest_stays() {
        let mut ring = Ring::new(10, 5);
        ring.keep("a", 3);
        ring.keep("b", 3);
        assert_eq!(ring.after(0).collect::<Vec<_>>(), [(2, &"b")]);
        ring.keep("c", 50);
        assert_eq!(ring.after(0).collect::<Vec<_>>(), [(3, &"c")]);
    }
}

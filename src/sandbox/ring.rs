//! A numbered log with bounds: the oldest entries go when there are too many, or they are too large.
//!
//! Where something refers to its entries, the owner drains [`Ring::overflow`] after each push.

use std::collections::VecDeque;

/// An entry of a log, and the log's bounds.
pub(super) trait Entry {
    const MOST: usize;
    const MOST_BYTES: usize;

    /// Returns the bytes that it counts for.
    fn bytes(&self) -> usize;
}

/// Entries in order of arrival, numbered from 1 without gaps.
#[derive(Debug)]
pub(super) struct Ring<T> {
    entries: VecDeque<T>,
    /// The number of dropped entries.
    pub(super) forgotten: u64,
    bytes: usize,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), forgotten: 0, bytes: 0 }
    }
}

impl<T: Entry> Ring<T> {
    /// Appends an entry and returns its number.
    pub(super) fn push(&mut self, value: T) -> u64 {
        self.bytes += value.bytes();
        self.entries.push_back(value);
        self.newest()
    }

    /// Appends an entry to which nothing refers, and forgets what is over the bounds.
    pub(super) fn keep(&mut self, value: T) -> u64 {
        let seq = self.push(value);
        while self.overflow().is_some() {}
        seq
    }

    /// Takes out the oldest entry if the log is over its bounds. The newest always stays.
    pub(super) fn overflow(&mut self) -> Option<(u64, T)> {
        let over = self.entries.len() > T::MOST || self.bytes > T::MOST_BYTES;
        if !over || self.entries.len() <= 1 {
            return None;
        }
        let value = self.entries.pop_front()?;
        self.forgotten += 1;
        self.bytes -= value.bytes();
        Some((self.forgotten, value))
    }

    fn index(&self, seq: u64) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.forgotten + 1)?).ok()
    }

    pub(super) fn get(&self, seq: u64) -> Option<&T> {
        self.entries.get(self.index(seq)?)
    }

    pub(super) fn get_mut(&mut self, seq: u64) -> Option<&mut T> {
        let index = self.index(seq)?;
        self.entries.get_mut(index)
    }

    /// Returns the entries after number `since`, oldest first, with their numbers.
    pub(super) fn after(&self, since: u64) -> impl Iterator<Item = (u64, &T)> {
        let skipped = since.saturating_sub(self.forgotten);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.entries.len());
        (self.forgotten + 1 + skipped as u64..).zip(self.entries.range(skipped..))
    }

    /// Drops all entries; the numbers go on.
    pub(super) fn clear(&mut self) {
        *self = Self { forgotten: self.newest(), ..Self::default() };
    }

    /// Returns the number of the newest entry, which is also that of all there were.
    pub(super) fn newest(&self) -> u64 {
        self.forgotten + self.entries.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of at most two, and five bytes.
    impl Entry for &str {
        const MOST: usize = 2;
        const MOST_BYTES: usize = 5;

        fn bytes(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn numbers_survive_forgetting_and_clearing() {
        let mut ring = Ring::default();
        ring.keep("a");
        ring.keep("b");
        assert_eq!(ring.keep("c"), 3);
        assert_eq!(ring.get(1), None);
        assert_eq!(ring.get(2), Some(&"b"));
        assert_eq!(ring.after(2).collect::<Vec<_>>(), [(3, &"c")]);
        assert_eq!(ring.after(0).count(), 2);
        assert_eq!(ring.after(99).count(), 0);
        assert_eq!(ring.forgotten, 1);

        ring.clear();
        assert_eq!(ring.keep("d"), 4);
        assert_eq!(ring.get_mut(3), None);
    }

    #[test]
    fn bytes_are_bounded_but_the_newest_stays() {
        let mut ring = Ring::default();
        ring.keep("aaa");
        ring.keep("bbb");
        assert_eq!(ring.after(0).collect::<Vec<_>>(), [(2, &"bbb")]);
        ring.keep("cccccccccc");
        assert_eq!(ring.after(0).collect::<Vec<_>>(), [(3, &"cccccccccc")]);
    }
}

//! Participants in the order of a time, from any place on, without sorting them.
//!
//! What is made up is in order by index already; what a change has moved is sorted, and merged in.

use super::campaign::Campaign;

/// A time that participants are in order of. Those of the same time are in order of index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// When they joined.
    Created,
    /// When their referral became what it is.
    Updated,
    /// When the commission on them was paid out.
    Paid,
}

/// A place in an order: the time and the index.
type Place = (i64, u64);

impl Campaign {
    /// All indexes in order, from the one `from` on, it included.
    pub(super) fn walk(
        &self,
        by: By,
        descending: bool,
        from: Option<u64>,
    ) -> impl Iterator<Item = u64> {
        let from = from.map(|index| (self.time(by, index), index));
        let made_up = self.fiction.participants;
        let is_moved = move |index: &u64| by == By::Updated && self.converted.contains_key(index);

        let mut moved: Vec<Place> = self.moved(by).collect();
        moved.retain(|place| {
            from.is_none_or(|from| if descending { *place <= from } else { *place >= from })
        });
        moved.sort_unstable();
        let (start, end) = match from {
            None => (0, made_up),
            Some(from) if descending => (0, self.first_made_up(by, |place| place > from)),
            Some(from) => (self.first_made_up(by, |place| place >= from), made_up),
        };
        let mut indexes = start..end;
        if descending {
            moved.reverse();
        }

        let next = move || if descending { indexes.next_back() } else { indexes.next() };
        let still = std::iter::from_fn(next).filter(move |index| !is_moved(index));
        let mut still = still.map(move |index| (self.made_up_time(by, index), index)).peekable();
        let mut moved = moved.into_iter().peekable();
        std::iter::from_fn(move || {
            let takes_moved = match (still.peek(), moved.peek()) {
                (Some(still), Some(moved)) => (moved < still) != descending,
                (still, _) => still.is_none(),
            };
            if takes_moved { moved.next() } else { still.next() }.map(|(_, index)| index)
        })
    }

    /// The first index that was made up and whose place is beyond what is asked for.
    pub(super) fn first_made_up(&self, by: By, is_beyond: impl Fn(Place) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.fiction.participants);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_beyond((self.made_up_time(by, middle), middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    fn time(&self, by: By, index: u64) -> i64 {
        match by {
            By::Created => self.created(index),
            By::Updated => self.updated(index),
            By::Paid => self.fiction.paid(index),
        }
    }

    fn made_up_time(&self, by: By, index: u64) -> i64 {
        match by {
            By::Created => self.fiction.created(index),
            By::Updated => self.fiction.updated(index),
            By::Paid => self.fiction.paid(index),
        }
    }

    /// What isn't where it was made up, if anything of it can be in this order.
    fn moved(&self, by: By) -> impl Iterator<Item = Place> {
        let made_up = self.fiction.participants;
        let joined = (by != By::Paid).then_some(made_up..self.len()).into_iter().flatten();
        let converted = (by == By::Updated).then(|| self.converted.keys().copied());
        let converted = converted.into_iter().flatten().filter(move |index| *index < made_up);
        joined.chain(converted).map(move |index| (self.time(by, index), index))
    }
}

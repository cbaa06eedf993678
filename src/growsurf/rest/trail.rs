//! Detection of lists that lead back to an earlier page.

use serde::{Deserialize, Serialize};

use super::error::RestError;
use super::types::Cursor;

/// The cursors of one list, in bounded memory. Brent's cycle detection keeps one cursor, and replaces it
/// after twice as many pages as before.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CursorTrail {
    kept: Option<Cursor>,
    /// Pages since the kept cursor.
    pages: u64,
    /// The number of pages after which the cursor is replaced.
    limit: u64,
}

impl CursorTrail {
    /// Notes the next page's cursor; the end of the list resets the trail.
    ///
    /// # Errors
    /// [`RestError::Unreadable`] if the page was read before.
    pub fn follow(&mut self, next: Option<&Cursor>) -> Result<(), RestError> {
        let Some(next) = next else {
            *self = Self::default();
            return Ok(());
        };
        if self.kept.as_ref() == Some(next) {
            let reason = "the list never ends: its next page is one that was read before";
            return Err(RestError::Unreadable(reason.to_owned()));
        }
        self.pages += 1;
        if self.pages > self.limit {
            let limit = (2 * self.limit).max(1);
            *self = Self { kept: Some(next.clone()), pages: 0, limit };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_cycle_is_found_soon_and_no_list_without_one_is_refused(
            lead in 0..200_usize,
            cycle in 1..200_usize,
        ) {
            let cursor = |page: usize| Cursor::Id(page.to_string());
            let mut trail = CursorTrail::default();
            let mut followed = 0;
            for step in 0.. {
                let page = if step < lead { step } else { lead + (step - lead) % cycle };
                if trail.follow(Some(&cursor(page))).is_err() {
                    break;
                }
                followed += 1;
                prop_assert!(followed <= 4 * (lead + cycle) + 4, "{followed} pages");
            }
            prop_assert!(followed >= lead + cycle);
            let mut trail = CursorTrail::default();
            for page in 0..lead + cycle {
                prop_assert!(trail.follow(Some(&cursor(page))).is_ok());
            }
            trail.follow(None).unwrap();
            prop_assert_eq!(trail, CursorTrail::default());
        }
    }
}

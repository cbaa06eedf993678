//! The checksum over rows.

use sha2::{Digest, Sha256};

use super::Row;

/// The number of rows, and a checksum over all their values in any order.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Sum {
    pub(super) rows: u64,
    sum: u128,
}

impl Sum {
    pub(super) fn add(&mut self, row: &Row) {
        let mut hash = Sha256::new();
        for cell in row {
            // With its length, so that no two rows read the same.
            let length = cell.as_ref().map_or(u64::MAX, |text| text.len() as u64);
            hash.update(length.to_be_bytes());
            hash.update(cell.as_deref().unwrap_or_default());
        }
        let hash = hash.finalize();
        let (half, _) = hash.split_at(16);
        let number = u128::from_be_bytes(half.try_into().expect("16 of 32 bytes"));
        self.sum = self.sum.wrapping_add(number);
        self.rows += 1;
    }

    /// Returns the checksum in hexadecimal digits.
    pub(super) fn checksum(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[Row]) -> Sum {
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(row));
        sum
    }

    #[test]
    fn no_two_sets_of_rows_sum_up_to_the_same_and_order_is_nothing() {
        let text = |text: &str| Some(text.to_owned());
        let rows = [
            vec![text("a"), text("bc")],
            vec![text("ab"), text("c")],
            vec![None, text("0")],
            vec![text("0"), None],
            vec![text(""), text("0")],
        ];
        for (place, one) in rows.iter().enumerate() {
            for other in &rows[place + 1..] {
                assert_ne!(sum(std::slice::from_ref(one)), sum(std::slice::from_ref(other)));
                let both = [one.clone(), other.clone()];
                assert_eq!(sum(&both), sum(&[both[1].clone(), both[0].clone()]));
                assert_ne!(sum(&both), sum(&[one.clone(), one.clone()]));
            }
        }
    }
}

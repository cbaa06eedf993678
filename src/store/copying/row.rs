//! Rows in the form that all backends read and write, and the checksum over them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A value of a row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::store) enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row, its columns in the order of [`Part::columns`](super::Part::columns).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) struct Row(pub(in crate::store) Vec<Cell>);

/// How many rows there are, and a checksum over all their values, whatever their order.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Sum {
    rows: u64,
    sum: u128,
}

impl Sum {
    pub(super) fn add(&mut self, Row(cells): &Row) {
        let mut hash = Sha256::new();
        let mut part = |kind: u8, value: &[u8]| {
            // With kind and length, so that no two rows read the same.
            hash.update([kind]);
            hash.update(u64::try_from(value.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(value);
        };
        for cell in cells {
            match cell {
                Cell::Null => part(0, &[]),
                Cell::Number(number) => part(1, &number.to_be_bytes()),
                Cell::Text(text) => part(2, text.as_bytes()),
                Cell::Bytes(bytes) => part(3, bytes),
            }
        }
        let hash = hash.finalize();
        let (half, _) = hash.split_at(16);
        let number = u128::from_be_bytes(half.try_into().expect("16 of 32 bytes"));
        self.sum = self.sum.wrapping_add(number);
        self.rows += 1;
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The checksum in hexadecimal digits.
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
        let text = |text: &str| Cell::Text(text.to_owned());
        let rows = [
            Row(vec![text("a"), text("bc")]),
            Row(vec![text("ab"), text("c")]),
            Row(vec![Cell::Bytes(b"ab".to_vec()), text("c")]),
            Row(vec![Cell::Null, Cell::Number(0)]),
            Row(vec![Cell::Number(0), Cell::Null]),
            Row(vec![text(""), Cell::Number(0)]),
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

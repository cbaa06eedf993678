//! Sizes in bytes as people write them: `8MiB`, `500kB`, `1GiB`, `4096`.
//!
//! `kB`, `MB`, `GB`, ... are powers of 1000, `KiB`, `MiB`, `GiB`, ... of 1024; case doesn't matter. `8M` is
//! refused, because half the world takes it for the one and half for the other.

use std::fmt;

use bytesize::ByteSize;
use serde::de::{Deserializer, Error, Visitor};

use crate::options::Expected;

/// Reads a size from `LOW` to `HIGH` bytes: a text, or a plain number.
pub fn size<'de, D: Deserializer<'de>, const LOW: u64, const HIGH: u64>(
    from: D,
) -> Result<usize, D::Error> {
    let bytes = from.deserialize_any(Size)?;
    let fits = usize::try_from(bytes).ok().filter(|_| (LOW..=HIGH).contains(&bytes));
    fits.ok_or_else(|| D::Error::custom(Expected::between("a size", LOW, HIGH, " bytes")))
}

struct Size;

impl Visitor<'_> for Size {
    type Value = u64;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a size such as \"8MiB\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<u64, E> {
        parse(&bytes.to_string()).map_err(E::custom)
    }
}

/// Parses a size in bytes; whole numbers only.
pub fn parse(text: &str) -> Result<u64, Expected> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    // `bytesize` takes "8M" and "1.5MiB", and what is too large for the largest number.
    let is_plain = unit.len() < text.len() && !unit.starts_with('.');
    let has_unit = unit.is_empty() || unit.ends_with(['b', 'B']);
    let size = text.parse::<ByteSize>().ok().filter(|size| *size != ByteSize(u64::MAX));
    size.filter(|_| is_plain && has_unit)
        .map(|size| size.as_u64())
        .ok_or_else(|| "a size such as \"8MiB\", \"500kB\" or bytes".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::parse;

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in [
            ("8MiB", 8 << 20),
            ("500kB", 500_000),
            ("500KB", 500_000),
            ("1GiB", 1 << 30),
            ("2 MB", 2_000_000),
            ("3gb", 3_000_000_000),
            ("1kib", 1024),
            ("4096", 4096),
            ("7B", 7),
            ("0", 0),
            (" 1 ", 1),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "MiB",
            "8M",
            "8 apples",
            "-1",
            "1.5MiB",
            "1e3",
            "1_000",
            "0x10",
            "8Mi B",
            "99999999999GiB",
            "18446744073709551616",
            "٣",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), near in "[0-9]{0,25} ?[a-zA-Z]{0,3}") {
            let _ = parse(&text);
            let _ = parse(&near);
        }
    }
}

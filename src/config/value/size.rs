//! Sizes in bytes as people write them: `8MiB`, `500kB`, `1GiB`, `4096`.
//!
//! `kB`, `MB`, `GB` are powers of 1000, `KiB`, `MiB`, `GiB` of 1024; case doesn't matter. `8M` is
//! refused, because half the world takes it for the one and half for the other.

use crate::config::value::Expected;

/// Parses a size in bytes; whole numbers only.
///
/// # Errors
///
/// Says what a size looks like, also for one that doesn't fit 64 bits.
pub fn parse(text: &str) -> Result<u64, Expected> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor: Option<u64> = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
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

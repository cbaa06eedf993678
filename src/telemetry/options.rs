//! Options of the log: level, form and bounds.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use serde::Deserialize;
use serde::de::Deserializer;

use crate::options::size::size;
use crate::options::{Expected, text, whole};

/// The smallest buffer: a line with a long reason fits into it.
const MIN_BUFFER: u64 = 64 * 1024;

/// The largest buffer; later lines would be read too late to help.
const MAX_BUFFER: u64 = 1 << 30;

/// Options of the log: level, form and bounds.
#[derive(Debug, Clone, Deserialize)]
pub struct LogOptions {
    /// The form of a line.
    pub format: LogFormat,
    /// Directives that `EnvFilter` parses, such as `info` or `info,hyper=warn`.
    #[serde(deserialize_with = "directives")]
    pub level: String,
    /// Bytes of lines that may wait to be written; more are dropped and counted.
    #[serde(deserialize_with = "size::<_, MIN_BUFFER, MAX_BUFFER>")]
    pub buffer: usize,
    /// Refusals of one reason that get a line of their own in a minute.
    #[serde(deserialize_with = "whole::<_, _, 0, 1_000_000>")]
    pub refusals_per_minute: u64,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

fn directives<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text(from, level)
}

fn level(text: &str) -> Result<String, Expected> {
    // `EnvFilter` takes no space after a comma.
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    let text = directives.join(",");
    // To `EnvFilter` a bare word is a target, so "inof" would be valid and log nothing. A span has
    // commas of its own, so text with one is left to `EnvFilter`.
    let is_known = |directive: &&str| {
        directive.contains('=')
            || directive.parse::<LevelFilter>().is_ok_and(|_| !directive.is_empty())
    };
    let all_known = text.contains('[') || directives.iter().all(is_known);
    if !all_known || EnvFilter::try_new(&text).is_err() {
        return Err("a level such as \"info\" or directives such as \"info,hyper=warn\"".into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::level;

    #[test]
    fn checks_directives() {
        for text in ["info", "WARN", "off", "info,hyper=warn", "info, referral_relay::http=debug"] {
            assert!(level(text).is_ok(), "{text}");
        }
        for text in ["", " ", "inof", "info,", "info,hyper=loud", "a=b=c"] {
            assert!(level(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), near in "[a-z=,:\\[\\]{}]{0,20}") {
            let _ = level(&text);
            let _ = level(&near);
        }
    }
}

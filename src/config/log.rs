//! `[log]`: how much is logged, and in which form.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::Expected;

pub(super) const KEYS: &[Key] = &[
    Key::new("format", Kind::Text),
    Key::new("level", Kind::Text),
    Key::new("buffer", Kind::Size),
    Key::new("refusals_per_minute", Kind::Whole),
];

/// The smallest buffer: a line with a long reason fits into it.
const MIN_BUFFER: u64 = 64 * 1024;

/// The largest buffer; more would only be read long after it mattered.
const MAX_BUFFER: u64 = 1 << 30;

/// How much is logged, and in which form.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// The form of a line.
    pub format: LogFormat,
    /// Directives that `EnvFilter` parses, such as `info` or `info,hyper=warn`.
    pub level: String,
    /// How many bytes of lines may wait to be written; what comes then is dropped and counted.
    pub buffer: usize,
    /// How many refusals of one reason get a line of their own in a minute.
    pub refusals_per_minute: u64,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            format: reader.parse("log.format", |text| match text {
                "text" => Ok(LogFormat::Text),
                "json" => Ok(LogFormat::Json),
                _ => Err("\"text\" or \"json\"".into()),
            }),
            level: reader.parse("log.level", level),
            buffer: reader.size("log.buffer", MIN_BUFFER..=MAX_BUFFER),
            refusals_per_minute: reader.whole("log.refusals_per_minute", 0..=1_000_000),
        }
    }
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

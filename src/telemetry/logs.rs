//! Sets the log up: text for people or JSON for machines, on standard error.
//!
//! What belongs here: the form of a line. What doesn't: how lines are written (`stderr`).

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic;

use tracing_subscriber::EnvFilter;

use super::options::{LogFormat, LogOptions};
use super::stderr::stderr;
use crate::domain::characters::escape;

/// Starts the log, and with it the log of panics. A second call in one process changes nothing.
pub fn start_logs(options: &LogOptions) {
    let LogOptions { format, level, buffer, .. } = options;
    stderr().limit(*buffer);
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    // Without colours: `tracing-subscriber` doesn't escape every value, so escape
    // sequences of its own would look like those of a stranger.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Events);
    // The error means that a log is set up already, as in tests that start several relays.
    let started = if *format == LogFormat::Json {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        builder.with_ansi(false).with_target(false).try_init()
    };
    if started.is_ok() {
        // The usual hook writes to standard error itself, and waits for its reader.
        panic::set_hook(Box::new(|panic| {
            let trace = Backtrace::capture();
            let trace = (trace.status() == BacktraceStatus::Captured).then_some(trace);
            let trace = trace.as_ref().map(tracing::field::display);
            tracing::error!(%panic, backtrace = trace, "a thread panicked");
        }));
    }
}

/// The writer that `tracing-subscriber` gives events to.
struct Events;

impl io::Write for Events {
    /// Takes one whole event, as `tracing-subscriber` writes it, and never fails.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(event);
        stderr().write(&escape(line.trim_end_matches('\n')));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;

    use super::*;
    use crate::domain::characters::is_hidden;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "a\u{1b}[2J\u{1b}[31m\u{9b}K\u{202e}\r\n2026 INFO forged\u{2028}\u{85}\0";

    fn log(json: bool, event: fn(&str)) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let builder = tracing_subscriber::fmt().with_writer(move || writer.clone());
        if json {
            with_default(builder.json().flatten_event(true).finish(), || event(HOSTILE));
        } else {
            with_default(builder.with_ansi(false).finish(), || event(HOSTILE));
        }
        let line = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        escape(line.trim_end_matches('\n')).into_owned()
    }

    /// Runs in a process of its own, because a hook is the whole process's.
    #[test]
    fn a_panic_is_one_line_of_the_log_and_nothing_else() {
        const NAME: &str =
            "telemetry::logs::tests::a_panic_is_one_line_of_the_log_and_nothing_else";
        const PANICS: &str = "RELAY_TEST_PANICS";
        if std::env::var_os(PANICS).is_some() {
            let (format, level) = (LogFormat::Json, "info".to_owned());
            start_logs(&LogOptions { format, level, buffer: 1 << 20, refusals_per_minute: 0 });
            std::thread::spawn(|| panic!("{HOSTILE}")).join().unwrap_err();
            stderr().flush(crate::telemetry::LAST_LINES);
            return;
        }
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let child = child.args(["--exact", NAME, "--nocapture"]).env(PANICS, "1");
        let output = child.output().unwrap();
        let lines = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{lines}");
        let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
        assert_eq!(
            (&line["level"], &line["message"]),
            (&"ERROR".into(), &"a thread panicked".into())
        );
        let panic = line["panic"].as_str().unwrap();
        assert!(panic.contains("src/telemetry/logs.rs") && panic.contains("forged"), "{panic}");
        assert!(!lines.trim_end().contains(is_hidden), "{lines:?}");
    }

    #[test]
    fn nothing_from_outside_steers_a_terminal_or_begins_a_line() {
        let events: [fn(&str); 4] = [
            |text| tracing::info!("{text}"),
            |text| tracing::info!(text, "as a field"),
            |text| tracing::info!(%text, "as it is shown"),
            |text| tracing::info!(?text, "as it is debugged"),
        ];
        for event in events {
            let line = log(false, event);
            assert!(!line.contains(is_hidden), "{line:?}");
            assert!(line.contains("INFO forged"), "{line}");
            let line = log(true, event);
            assert!(!line.contains(is_hidden), "{line:?}");
            let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(parsed.to_string().contains("forged"), "{parsed}");
        }
    }
}

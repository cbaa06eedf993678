//! Reports, webhook actions and events of the own backend: each is read or refused in a sentence that
//! repeats no address, and what is read can be read again.

use referral_relay::domain::{Source, Time};
use referral_relay::ingest::decode;

/// The longest sentence for one body: there may be a fault in each field.
const REASON_BYTES: usize = 4_000;

/// Reads a body as each of the three sources.
pub fn contracts(data: &[u8]) {
    let at = Time::from_seconds(1_790_000_000);
    for source in [Source::CustomerioReport, Source::CustomerioAction, Source::Server] {
        let decoded = decode(source, None, None, data, at);
        let again = decode(source, None, None, data, at);
        assert_eq!(decoded.reading, again.reading, "reading is a function");
        match decoded.reading {
            Ok(notification) => {
                assert!(notification.check_ids().is_ok());
                assert_eq!(notification.feedback.is_none(), source == Source::Server);
            }
            Err(reason) => {
                let reason = reason.to_string();
                assert!(!reason.is_empty() && reason.len() <= REASON_BYTES, "{reason:?}");
                assert!(!reason.contains('@') || !reason.contains("example.com"), "{reason:?}");
            }
        }
    }
}

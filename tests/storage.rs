//! What happens when the disk, and not Customer.io, is the trouble.

use std::fs;

use crate::kit::eventually;
use crate::kit::http;
use crate::kit::relay::Relay;
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;

#[test]
fn a_store_that_is_taken_away_turns_health_red_and_is_never_written_to_unseen() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    let ann = joined("ann");
    relay.accept(&ann);
    relay.drained();

    let store = relay.setup().folder().join("relay.db");
    let away = relay.setup().folder().join("away.db");
    fs::rename(&store, &away).unwrap();
    let refused = relay.send(&joined("bob"));
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(!refused.header("retry-after").is_empty());
    eventually("health is red", || http::get(relay.url("/health")).status == 503);
    relay.command(&["healthcheck", "--address", relay.address()]).expect(1);
    assert_eq!(http::get(relay.url("/healthz")).status, 200, "a restart wouldn't help");

    // Another file in its place isn't the store either.
    fs::copy(&away, &store).unwrap();
    assert_eq!(relay.send(&joined("bob")).status, 503);

    fs::rename(&away, &store).unwrap();
    relay.accept(&joined("bob"));
    relay.must("duplicate", &ann);
    relay.drained();
    assert_eq!(http::get(relay.url("/health")).status, 200);
    relay.terminate();
    let log = relay.whole_log().join("\n");
    assert!(log.contains("was moved or deleted"), "{log}");
    assert!(log.contains("another file is at"), "{log}");
}

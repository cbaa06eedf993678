//! The store as a file: what the relay makes of it that a server's store hasn't.

use crate::kit::relay::Relay;
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;

#[test]
fn a_clean_end_leaves_one_file() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    relay.terminate();
    let folder = relay.setup().folder();
    assert!(folder.join("relay.db").exists());
    assert!(!folder.join("relay.db-wal").exists(), "the store was not checkpointed");
}

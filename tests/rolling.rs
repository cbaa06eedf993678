//! A rolling deploy: relays of two versions on one server.

use crate::kit::postgres::Cluster;
use crate::kit::relay::Setup;
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;
use crate::promises::assert_kept;

/// A migration that a newer version may run: it only adds, and declares that this version still fits.
const NEWER: &str = "
    ALTER TABLE inbox ADD COLUMN newer text;
    ALTER TABLE people ADD COLUMN newer bigint NOT NULL DEFAULT 7;
    ALTER TABLE participants ADD COLUMN newer text;
    ALTER TABLE lanes ADD COLUMN newer text;
    ALTER TABLE deliveries ADD COLUMN newer bigint NOT NULL DEFAULT 7;
    ALTER TABLE effects ADD COLUMN newer text;
    CREATE TABLE newer (id bigint PRIMARY KEY);
    CREATE INDEX newer_inbox ON inbox (received_at, id);
    INSERT INTO schema_migrations (version, sha256, fit_for, applied_at)
    SELECT MAX(version) + 1, sha256('newer'), 1, 0 FROM schema_migrations";

#[test]
fn this_version_works_on_beside_a_newer_one_until_that_says_it_no_longer_fits() {
    let sandbox = Sandbox::start();
    let database = Cluster::shared().database();
    let address = format!("127.0.0.1:{}", Cluster::shared().port());
    let setup = Setup::new(&sandbox).on(&database, &address);
    let mut before = setup.clone().start();
    let mut webhooks = Vec::new();
    let mut take = |relay: &crate::kit::relay::Relay, names: &[&str]| {
        for name in names {
            let webhook = joined(name);
            relay.accept(&webhook);
            webhooks.push(webhook);
        }
    };
    take(&before, &["ann", "bob"]);
    before.drained();
    database.query(NEWER);
    take(&before, &["cem", "dan"]);
    before.drained();
    // And so does one that starts only now, for example because its machine was moved.
    let beside = setup.clone().start();
    take(&beside, &["eve"]);
    take(&before, &["fay"]);
    before.terminate();
    for webhook in &webhooks {
        beside.must("duplicate", webhook);
    }
    let names = ["ann", "bob", "cem", "dan", "eve", "fay"];
    let expected = names.map(|name| format!("referral_program_joined {name}@example.com"));
    assert_kept(&beside, &sandbox, &expected.each_ref().map(String::as_str));

    database.query("UPDATE schema_migrations SET fit_for = version");
    let refused = setup.command(&["serve"]).expect(1);
    assert!(refused.contains("start the newer version again"), "{refused}");
}

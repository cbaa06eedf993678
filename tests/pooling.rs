//! Relays behind a pooler that gives every transaction another connection: `PgBouncer` itself.

use crate::kit::pooler::Pooler;
use crate::kit::postgres::Cluster;
use crate::kit::relay::Setup;
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;
use crate::promises::assert_kept;

#[test]
fn relays_work_behind_a_pooler_of_transactions_and_find_each_others_work() {
    let sandbox = Sandbox::start();
    let database = Cluster::shared().database();
    // Fewer connections than the relays have, so that transactions do change places.
    let pooler = Pooler::before(Cluster::shared().port(), 3);
    let setup = Setup::new(&sandbox)
        .on(&database, &pooler.address())
        .set("store.notify", "false")
        // Nothing else shows here that a relay has died.
        .set("customerio.timeout", "400ms")
        .set("delivery.lease", "5500ms");
    let first = setup.clone().start();
    let mut second = setup.start();
    let mut expected = Vec::new();
    for number in 100..160 {
        let name = format!("p{number}");
        if number == 130 {
            second.kill();
            second.restart();
        }
        let relay = if number % 2 == 0 { &first } else { &second };
        relay.accept(&joined(&name));
        expected.push(format!("referral_program_joined {name}@example.com"));
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert_kept(&first, &sandbox, &expected);
}

//! Encrypted connections to a server: whom the relay trusts, and what it says if it can't.

use crate::kit::postgres::Cluster;
use crate::kit::relay::Setup;
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;
use crate::promises::assert_kept;

#[test]
fn a_server_is_spoken_to_in_secret_if_its_certificate_is_right_and_else_not_at_all() {
    let sandbox = Sandbox::start();
    let cluster = Cluster::start(false);
    let database = cluster.database();
    let setup = |host: &str, mode: &str| {
        let address = format!("{host}:{}", cluster.port());
        let url = database.url_by(&address).replace("disable", mode);
        Setup::new(&sandbox).on(&database, &address).set("store.url", url)
    };
    let refused = |setup: Setup, why: &[&str]| {
        let said = setup.command(&["serve"]).expect(1);
        assert!(why.iter().all(|why| said.contains(why)), "{said}");
    };
    refused(setup("127.0.0.1", "require"), &["server does not support TLS"]);

    let authority = cluster.secure().display().to_string();
    let trusting = |setup: Setup| setup.set("store.tls_ca_file", &authority);
    refused(setup("127.0.0.1", "require"), &["certificate", "UnknownIssuer"]);
    refused(trusting(setup("localhost", "require")), &["certificate", "not valid for name"]);
    refused(
        setup("127.0.0.1", "require").set("store.tls_ca_file", "/nowhere/ca.pem"),
        &["store.tls_ca_file /nowhere/ca.pem"],
    );

    // A name that isn't this machine's is spoken to in secret, unless the URL says otherwise.
    let remote = |setup: Setup| {
        let address = format!("relay-database.invalid:{}", cluster.port());
        let url = database.url_by(&address).replace("sslmode=disable", "hostaddr=127.0.0.1");
        setup.set("store.url", url)
    };
    refused(remote(setup("127.0.0.1", "require")), &["certificate", "UnknownIssuer"]);

    for (mode, name) in [("require", "ann"), ("verify-full", "bob"), ("prefer", "cem")] {
        let mut relay = trusting(setup("127.0.0.1", mode)).start();
        relay.accept(&joined(name));
        relay.drained();
        let open = "SELECT COUNT(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE application_name = 'referral-relay' AND NOT ssl";
        assert_eq!(database.query(open), "0", "{mode}");
        relay.terminate();
    }
    let relay = trusting(setup("127.0.0.1", "require")).start();
    let expected =
        ["ann", "bob", "cem"].map(|name| format!("referral_program_joined {name}@example.com"));
    assert_kept(&relay, &sandbox, &expected.each_ref().map(String::as_str));
}

//! GrowSurf's lists: read to the end that GrowSurf says, and by a key that may.

use serde_json::json;

use super::services;
use crate::kit::relay::Setup;

#[test]
fn check_names_the_scope_that_a_list_needs() {
    let (sandbox, growsurf) = services();
    growsurf.program(20, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let _relay = setup.clone().start();
    for (scopes, missing) in [
        (vec!["program:read", "participant:read", "reward:read"], None),
        (vec!["program:read", "participant:read"], Some("reward:read")),
        (vec!["program:read", "reward:read"], Some("participant:read")),
    ] {
        growsurf.keys(&json!([{ "key": "sandbox", "scopes": scopes, "campaigns": null }]));
        let printed = setup.command(&["check"]);
        match missing {
            None => assert!(printed.stdout.contains("the key reads participants"), "{printed:?}"),
            Some(scope) => {
                let named = format!("the key needs the scope {scope}");
                assert!(printed.stdout.contains(&named), "{named}: {printed:?}");
                assert_eq!(printed.code, Some(1), "{printed:?}");
            }
        }
    }
    // Without program:read there is no campaign to read lists of.
    growsurf.keys(&json!([{ "key": "sandbox", "scopes": ["participant:read"] }]));
    let printed = setup.command(&["check"]);
    assert_eq!(printed.code, Some(1), "{printed:?}");
    assert!(printed.stdout.contains("growsurf answered 403"), "{printed:?}");
}

#[test]
fn a_list_that_goes_on_without_a_cursor_is_an_error_and_not_an_end() {
    let (sandbox, growsurf) = services();
    growsurf.program(20, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    for body in [
        json!({ "referrals": [], "limit": 100, "more": true, "nextId": null, "nextOffset": null }),
        json!({ "referrals": [], "limit": 100, "more": true }),
    ] {
        let of_referrals = json!({ "path": "/referrals", "method": "GET" });
        growsurf.faults(&json!([{ "match": of_referrals, "status": 200, "body": body }]));
        let printed = setup.command(&["backfill"]);
        assert_eq!(printed.code, Some(1), "{printed:?}");
        let said = printed.stdout.clone() + &printed.stderr;
        assert!(said.contains("more referrals follow"), "{printed:?}");
        assert!(!said.contains("verything is delivered"), "{printed:?}");
    }
    growsurf.faults(&json!([]));
    setup.command(&["backfill"]).expect(0);
}

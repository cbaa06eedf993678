//! GrowSurf's lists: read to the end that GrowSurf says, and by a key that may.

use serde_json::json;

use super::services;
use crate::kit::growsurf::DAY;
use crate::kit::now_millis;
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
        growsurf.scopes(&scopes);
        let printed = setup.command(&["check"]);
        match missing {
            None => assert!(printed.stdout.contains("the key reads participants"), "{printed:?}"),
            Some(scope) => {
                let named = format!("the key may lack the scope {scope}");
                assert!(printed.stdout.contains(&named), "{named}: {printed:?}");
                assert_eq!(printed.code, Some(1), "{printed:?}");
            }
        }
    }
}

#[test]
fn check_names_program_read_and_tries_the_lists_of_a_named_campaign_all_the_same() {
    let (sandbox, growsurf) = services();
    growsurf.program(20, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    growsurf.scopes(&["participant:read"]);
    let printed = setup.command(&["check"]).expect(1);
    assert!(
        printed.contains("the list of campaigns: growsurf answered 403 (FORBIDDEN)"),
        "{printed}"
    );
    assert!(printed.contains("the key may lack the scope program:read"), "{printed}");
    assert!(printed.contains("name one under [[growsurf.campaigns]]"), "{printed}");

    let setup = setup.file("[[growsurf.campaigns]]\nid = \"demo01\"\n");
    let printed = setup.command(&["check"]).expect(1);
    for list in ["the campaign", "reward-configs", "webhooks", "integrations"] {
        let is_it = |line: &str| line.contains(&format!("demo01: can't read {list}: "));
        let line =
            printed.lines().find(|line| is_it(line)).unwrap_or_else(|| panic!("{list}: {printed}"));
        assert!(line.ends_with("the key may lack the scope program:read"), "{line}");
    }
    assert!(
        printed.contains("can't read rewards") && printed.contains("scope reward:read"),
        "{printed}"
    );
    assert!(printed.contains("demo01: the key reads participants, referrals"), "{printed}");
}

#[test]
fn check_says_which_campaigns_write_the_same_attributes() {
    let (sandbox, growsurf) = services();
    growsurf.program_with(&json!({ "campaigns": [{ "id": "one" }, { "id": "two" }] }));
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    for (prefixes, is_shared) in
        [(["", ""], true), (["a_", "a_"], true), (["a_", "b_"], false), (["a_", ""], false)]
    {
        let campaign = |id: &str, prefix: &str| {
            format!("[[growsurf.campaigns]]\nid = \"{id}\"\nattribute_prefix = \"{prefix}\"\n")
        };
        let file = campaign("one", prefixes[0]) + &campaign("two", prefixes[1]);
        let printed = setup.clone().file(&file).command(&["check"]).stdout;
        let is_reported = printed.contains("one, two write the same attributes");
        assert_eq!(is_reported, is_shared, "{prefixes:?}: {printed}");
    }
}

#[test]
fn check_says_what_it_could_not_try_in_a_program_without_participants() {
    let (sandbox, growsurf) = services();
    growsurf.program(0, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let printed = setup.command(&["check"]).stdout;
    assert!(
        printed.contains("note  scopes       demo01: reading rewards wasn't tried"),
        "{printed}"
    );
    growsurf.scopes(&["program:read", "participant:read"]);
    let printed = setup.command(&["check"]).expect(1);
    assert!(
        printed.contains("can't read rewards") && printed.contains("scope reward:read"),
        "{printed}"
    );
    assert!(!printed.contains("wasn't tried"), "{printed}");
}

#[test]
fn check_repeats_why_growsurf_refuses_the_key() {
    let (sandbox, growsurf) = services();
    growsurf.program(20, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    for (code, verb) in [
        ("EMAIL_NOT_VERIFIED_ERROR", "may lack"),
        ("PAID_PLAN_REQUIRED", "may lack"),
        ("MISSING_SCOPE", "lacks"),
    ] {
        let body = json!({ "name": "Forbidden", "code": code, "message": "Ask the owner.", "status": 403 });
        let of_referrals = json!({ "path": "/referrals", "method": "GET" });
        growsurf.faults(&json!([{ "match": of_referrals, "status": 403, "body": body }]));
        let printed = setup.command(&["check"]).expect(1);
        let said =
            format!("can't read referrals: growsurf answered 403 ({code}): “Ask the owner.”");
        assert!(printed.contains(&said), "{said}: {printed}");
        assert!(
            printed.contains(&format!("the key {verb} the scope participant:read")),
            "{printed}"
        );
        assert!(!printed.contains("needs the scope"), "{printed}");
    }
}

#[test]
fn check_names_only_referral_programs_as_without_conversions() {
    let (sandbox, growsurf) = services();
    let now = now_millis();
    growsurf.program_with(&json!({
        "campaigns": [{ "id": "spring" }, { "id": "partners", "type": "AFFILIATE" }],
        "participants": 4, "started_at": now - 9 * DAY, "ended_at": now - DAY,
    }));
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let named =
        "[[growsurf.campaigns]]\nid = \"spring\"\n[[growsurf.campaigns]]\nid = \"partners\"\n";
    for setup in [setup.clone(), setup.clone().file(named)] {
        let printed = setup.command(&["check"]).stdout;
        let is_it = |line: &&str| line.contains("referral_converted can't arrive");
        let line = printed.lines().find(is_it).unwrap_or_else(|| panic!("{printed}"));
        assert!(line.contains("reports conversions of spring, and no other source"), "{line}");
    }
    let partners = "[[growsurf.campaigns]]\nid = \"partners\"\n";
    let printed = setup.file(partners).command(&["check"]).stdout;
    assert!(!printed.contains("referral_converted can't arrive"), "{printed}");
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

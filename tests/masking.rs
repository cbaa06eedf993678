//! Masking: nobody reads a name, a phone number, a coupon or an id of a person before it is revealed.

use serde_json::{Value, json};

use crate::kit::http;
use crate::kit::pages::{OPERATE, VIEW, form, page, session, started};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};

#[test]
fn what_a_destination_quotes_is_shown_to_operators_who_reveal_it() {
    const SECRETS: [&str; 3] = ["Zebra", "1234567", "SAVE-20"];
    let sandbox = Sandbox::start();
    let said = "first_name 'Kim Zebra' with phone 030 1234567 and coupon SAVE-20 is invalid";
    let refuse = json!([{
        "match": {"path": "/events"}, "status": 400, "body": {"meta": {"errors": [said]}}
    }]);
    sandbox.faults(refuse);
    let mut relay = started(&sandbox);
    let webhook = relay.accept(&joined("fay"));
    relay.drained();
    let (viewer, operator) = (session(&relay, VIEW), session(&relay, OPERATE));
    let list = relay.command(&["dead-letters", "list", "--all", "--json"]).expect(0);
    let list_of: Value = serde_json::from_str(&list).unwrap();
    let letter = &list_of["dead_letters"][0];
    let (id, cause) = (letter["id"].to_string(), letter["cause"].as_str().unwrap());
    let person = form(&relay, "/ui/search", "q=fay%40example.com").header("Cookie", &viewer);
    let person = http::send(person).header("location").to_owned();
    let path = format!("/ui/dead/letter/{id}");
    let timeline = page(&relay, &person, &viewer).body;
    let event = timeline.split("/ui/events/").nth(1).unwrap().split('"').next().unwrap();
    let event = format!("/ui/events/{event}");
    let webhook_page = format!("/ui/webhooks/{webhook}");
    let cause_page = format!("/ui/dead/{cause}");
    let mut shown: Vec<String> = ["/ui/dead", &cause_page, &path, &person, &webhook_page, &event]
        .into_iter()
        .flat_map(|path| [&viewer, &operator].map(|cookie| page(&relay, path, cookie).body))
        .collect();
    for command in [
        &["dead-letters", "list"][..],
        &["dead-letters", "list", "--all"],
        &["dead-letters", "show", &id],
        &["find", &email("fay")],
        &["find", &webhook],
        &["dead-letters", "redeliver", "--all"],
    ] {
        let done = relay.command(command);
        shown.push(format!("{}{}", done.stdout, done.stderr));
    }
    let admin = http::client().get(relay.url("/admin/dead-letters")).bearer_auth(OPERATE);
    shown.push(http::send(admin).body);
    relay.drained();
    let newest = relay.command(&["dead-letters", "list", "--all", "--json"]).expect(0);
    let newest: Value = serde_json::from_str(&newest).unwrap();
    let id = newest["dead_letters"][0]["id"].to_string();
    let reveal = form(&relay, &format!("/ui/dead/letter/{id}/reveal"), "");
    let revealed = http::send(reveal.header("Cookie", &operator)).body;
    let printed = relay.command(&["dead-letters", "show", &id, "--reveal"]).expect(0);
    relay.terminate();
    shown.push(relay.whole_log().join("\n"));
    shown.push(list);
    for text in &shown {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    let useful = "customer.io answered 400: \u{201c}first_name '***' with phone *** and coupon ***";
    assert!(shown[2 * 2].contains("is invalid") && shown.last().unwrap().contains(useful));
    for text in [revealed, printed] {
        assert!(SECRETS.iter().all(|secret| text.contains(secret)), "{text}");
    }
}

#[test]
fn ids_of_participants_are_masked_on_every_page_and_by_every_command() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let webhook = relay.accept(&joined("fay").with("/data/id", "p88y0a"));
    relay.drained();
    let viewer = session(&relay, VIEW);
    let found = |what: &str, options: &[&str]| {
        relay.command(&[&["find", what][..], options].concat()).expect(0)
    };
    let key = "joined:ct8f71:p88y0a";
    let person = form(&relay, "/ui/search", "q=p88y0a").header("Cookie", &viewer);
    let person = http::send(person).header("location").to_owned();
    let shown = [
        found("p88y0a", &[]),
        found("p88y0a", &["--json"]),
        found(key, &[]),
        found(key, &["--json"]),
        found(&webhook, &[]),
        page(&relay, &person, &viewer).body,
        page(&relay, &format!("/ui/webhooks/{webhook}"), &viewer).body,
    ];
    for text in &shown {
        assert!(!text.contains("88y0a"), "{text}");
    }
    assert!(shown[0].contains("p***") && shown[2].contains("joined:ct8f71:***"), "{shown:?}");
    assert!(found("p88y0a", &["--reveal"]).contains("ct8f71:p88y0a"));
    assert!(found(key, &["--reveal"]).contains(key));
}

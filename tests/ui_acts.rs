//! Acts on the operator's pages: a cause is redelivered one letter first, parked webhooks are replayed after a dry
//! run, a lane's wait is released. Each goes on after a crash, and only operators do it.

use serde_json::{Value, json};

use crate::kit::eventually;
use crate::kit::growsurf::Growsurf;
use crate::kit::http::{self, Answer};
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;

pub const OPERATE: &str = "the-token-of-operators";
const VIEW: &str = "the-token-of-viewers";

/// A signed-in operator.
pub struct Browser<'a> {
    relay: &'a Relay,
    cookie: String,
}

impl<'a> Browser<'a> {
    #[track_caller]
    pub fn new(relay: &'a Relay, token: &str) -> Self {
        let visitor = Self { relay, cookie: String::new() };
        let answer = visitor.post("/ui/login", &format!("token={token}&name=Kim"));
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with("relay_session="), "{answer:?}");
        Self { cookie, ..visitor }
    }

    pub fn post(&self, path: &str, fields: &str) -> Answer {
        let request = http::client()
            .post(self.relay.operator_url(path))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Sec-Fetch-Site", "same-origin")
            .header("Cookie", &self.cookie)
            .body(fields.to_owned());
        http::send(request)
    }

    /// Posts a form that leads to another page; returns its path.
    #[track_caller]
    pub fn goes(&self, path: &str, fields: &str) -> String {
        let answer = self.post(path, fields);
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        answer.header("location").to_owned()
    }

    #[track_caller]
    fn page(&self, path: &str) -> String {
        let request = http::client().get(self.relay.operator_url(path));
        let answer = http::send(request.header("Cookie", &self.cookie));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    #[track_caller]
    pub fn numbers(&self, path: &str) -> Value {
        let request = http::client().get(self.relay.operator_url(path));
        let request = request.header("Cookie", &self.cookie);
        http::send(request.header("Accept", "application/json")).json()
    }
}

pub fn setup(sandbox: &Sandbox) -> Setup {
    let setup = Setup::new(sandbox).set("admin.token", OPERATE).set("admin.view_token", VIEW);
    setup.set("delivery.batch_calls", "1")
}

/// Makes letters of one cause; returns its name.
#[track_caller]
pub fn refused(relay: &Relay, sandbox: &Sandbox, letters: u64) -> String {
    let refuse = json!([{ "match": {"path": "/events"}, "status": 400,
        "body": {"meta": {"errors": ["data is no good"]}} }]);
    sandbox.faults(refuse);
    for number in 0..letters {
        relay.accept(&joined(&format!("refused{number}")));
    }
    eventually("they are dead", || relay.dead_letters() == letters);
    let causes = Browser::new(relay, OPERATE).numbers("/ui/dead");
    assert_eq!(causes["causes"][0]["letters"], letters, "{causes}");
    causes["causes"][0]["cause"].as_str().unwrap().to_owned()
}

fn newest_letter(relay: &Relay) -> String {
    let listed = relay.command(&["dead-letters", "list", "--all", "--json"]).expect(0);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    listed["dead_letters"][0]["id"].to_string()
}

#[track_caller]
pub fn ended(browser: &Browser, state: &str) -> Value {
    eventually("the redelivery is over", || {
        browser.numbers("/ui/redelivery")["redelivery"]["is_over"] == true
    });
    let shown = browser.numbers("/ui/redelivery")["redelivery"].clone();
    assert_eq!(shown["state"], state, "{shown}");
    shown
}

#[test]
fn a_cause_is_redelivered_one_first_and_the_rest_only_if_it_is_accepted() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let cause = refused(&relay, &sandbox, 12);
    let (operator, viewer) = (Browser::new(&relay, OPERATE), Browser::new(&relay, VIEW));
    let page = operator.page(&format!("/ui/dead/{cause}"));
    assert!(page.contains("Type 12 to confirm") && page.contains("data is no good"), "{page}");
    assert!(
        !viewer
            .page(&format!("/ui/dead/{cause}"))
            .contains("<form method=\"post\" action=\"/ui/dead")
    );
    let redeliver = format!("/ui/dead/{cause}/redeliver");
    assert_eq!(viewer.post(&redeliver, "shown=12&typed=12").status, 403);
    assert_eq!(operator.post(&redeliver, "shown=12&typed=11").status, 422);
    assert_eq!(operator.post(&redeliver, "shown=12").status, 422);
    assert_eq!(operator.post("/ui/dead/ffffffff/redeliver", "shown=1").status, 404);
    assert!(operator.page("/ui/redelivery").contains("There was none yet"));

    let calls = sandbox.calls().len();
    assert_eq!(operator.goes(&redeliver, "shown=12&typed=12"), "/ui/redelivery");
    let shown = ended(&operator, "refused");
    assert!(shown["text"].as_str().unwrap().contains("data is no good"), "{shown}");
    assert_eq!((&shown["put_back"], &shown["letters"]), (&json!(1), &json!(12)), "{shown}");
    relay.drained();
    assert_eq!((relay.dead_letters(), sandbox.calls().len() - calls), (12, 1), "one was tried");

    sandbox.heal();
    operator.goes(&redeliver, "shown=12&typed=12");
    let shown = ended(&operator, "done");
    assert_eq!((&shown["put_back"], &shown["by"]), (&json!(12), &json!("Kim")), "{shown}");
    relay.drained();
    assert_eq!((relay.dead_letters(), sandbox.events().len()), (0, 12));
    assert!(viewer.page("/ui/redelivery").contains("12 put back"));
}

#[test]
fn a_redelivery_waits_for_the_first_letter_is_stopped_and_takes_no_newer_letters() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let cause = refused(&relay, &sandbox, 3);
    let (operator, viewer) = (Browser::new(&relay, OPERATE), Browser::new(&relay, VIEW));
    let redeliver = format!("/ui/dead/{cause}/redeliver");
    sandbox.faults(json!([{ "match": {"path": "/events"}, "status": 503 }]));
    operator.goes(&redeliver, "shown=3");
    eventually("the first is under way", || {
        operator.numbers("/ui/redelivery")["redelivery"]["state"] == "trying"
    });
    assert_eq!(operator.post(&redeliver, "shown=2").status, 409, "one at a time");
    let page = operator.page(&format!("/ui/dead/{cause}"));
    assert!(page.contains("is under way") && !page.contains("Redeliver all"), "{page}");
    assert_eq!(viewer.post("/ui/redelivery/stop", "").status, 403);
    assert_eq!(operator.goes("/ui/redelivery/stop", ""), "/ui/redelivery");
    let shown = ended(&operator, "stopped");
    assert_eq!(shown["put_back"], 1, "{shown}");
    assert_eq!(relay.dead_letters(), 2);
    sandbox.heal();
    relay.drained();
    assert_eq!((relay.dead_letters(), sandbox.events().len()), (2, 1));
    // The command goes on with what is left, by the same use case.
    let printed =
        relay.command(&["dead-letters", "redeliver", "--all", "--cause", &cause]).expect(0);
    assert!(printed.starts_with("2 dead letters put back"), "{printed}");
    assert_eq!(ended(&operator, "done")["by"], "the command line");
}

#[test]
fn a_redelivery_goes_on_after_a_kill_and_puts_each_letter_back_once() {
    let sandbox = Sandbox::start();
    let mut relay = setup(&sandbox).start();
    let cause = refused(&relay, &sandbox, 30);
    // The first letter's answer never comes, so that the kill meets the redelivery under way.
    sandbox.faults(json!([{ "match": {"path": "/events"}, "latency_ms": 60_000 }]));
    Browser::new(&relay, OPERATE).goes(&format!("/ui/dead/{cause}/redeliver"), "shown=30&typed=30");
    eventually("the first has its effect", || sandbox.events().len() == 1);
    let shown = Browser::new(&relay, VIEW).numbers("/ui/redelivery");
    assert_eq!(shown["redelivery"]["state"], "trying", "{shown}");
    relay.kill();
    sandbox.heal();
    relay.restart();
    let shown = ended(&Browser::new(&relay, VIEW), "done");
    assert_eq!(shown["put_back"], 30, "{shown}");
    relay.drained();
    assert_eq!((relay.dead_letters(), sandbox.events().len()), (0, 30));
    let repeats = sandbox.events().iter().filter(|it| it.shown["repeats"] != 0).count();
    assert_eq!(repeats, 1, "only the first was sent again, under its id");
}

#[test]
fn all_letters_of_a_cause_are_discarded_and_no_others() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let cause = refused(&relay, &sandbox, 11);
    sandbox.faults(json!([{ "match": {"path": "/events"}, "status": 404 }]));
    relay.accept(&joined("other"));
    eventually("another cause has a letter", || relay.dead_letters() == 12);
    let (operator, viewer) = (Browser::new(&relay, OPERATE), Browser::new(&relay, VIEW));
    let discard = format!("/ui/dead/{cause}/discard");
    assert_eq!(viewer.post(&discard, "shown=11&typed=11").status, 403);
    assert_eq!(operator.post(&discard, "shown=11").status, 422);
    assert_eq!(operator.goes(&discard, "shown=11&typed=11"), "/ui/dead");
    assert_eq!(relay.dead_letters(), 1);
    assert_eq!(operator.post(&discard, "shown=1").status, 404);
    let audit = operator.page("/ui/audit");
    assert!(audit.contains("11 discarded") && audit.contains(&cause), "{audit}");
}

#[test]
fn parked_webhooks_are_replayed_after_a_dry_run_and_discarded() {
    let sandbox = Sandbox::start();
    let mut relay = setup(&sandbox).set("growsurf.ignore_emails", "*@example.com").start();
    assert!(Browser::new(&relay, VIEW).page("/ui/parked").contains("None. A webhook is parked if"));
    for number in 0..11 {
        relay.must("parked", &joined(&format!("parked{number}")));
    }
    relay = relay.restart_with(|setup| setup.unset("growsurf.ignore_emails"));
    let odd = relay.must("parked", &joined("odd").with("/event", "UNHEARD_OF"));
    let odd = odd["id"].as_str().unwrap();
    let (operator, viewer) = (Browser::new(&relay, OPERATE), Browser::new(&relay, VIEW));
    let shown = operator.numbers("/ui/parked");
    assert_eq!((&shown["total"], &shown["looked_at"]), (&json!(12), &json!(12)), "{shown}");
    assert_eq!(shown["groups"][0]["webhooks"], 11, "{shown}");
    assert_eq!(shown["groups"][1]["event"], "UNHEARD_OF", "{shown}");
    let page = operator.page("/ui/parked");
    assert!(page.contains("Type 12 to confirm") && !page.contains("/ui/parked/replay"), "{page}");
    for act in ["dry-run", "replay", "stop", "discard"] {
        assert_eq!(viewer.post(&format!("/ui/parked/{act}"), "shown=1").status, 403, "{act}");
    }
    let over = || {
        eventually("it is over", || operator.numbers("/ui/parked")["replay"]["is_over"] == true);
        operator.numbers("/ui/parked")["replay"].clone()
    };
    operator.goes("/ui/parked/dry-run", "");
    let dry = over();
    assert_eq!((&dry["dry_run"], &dry["changed"]), (&json!(true), &json!(11)), "{dry}");
    assert_eq!((&dry["parked"], relay.metric("relay_pending_calls")), (&json!(1), Some(0.0)));
    assert!(operator.page("/ui/parked").contains("action=\"/ui/parked/replay\""));
    operator.goes("/ui/parked/replay", "shown=12&typed=12");
    let replayed = over();
    assert_eq!((&replayed["calls"], &replayed["dry_run"]), (&dry["calls"], &json!(false)));
    relay.drained();
    assert_eq!(sandbox.events_named("referral_program_joined").len(), 11);

    let webhook = format!("/ui/webhooks/{odd}");
    for act in ["dry-run", "replay", "discard"] {
        assert_eq!(viewer.post(&format!("{webhook}/{act}"), "").status, 403, "{act}");
    }
    let dry = operator.post(&format!("{webhook}/dry-run"), "");
    assert!(dry.status == 200 && dry.body.contains("no new call"), "{dry:?}");
    assert!(dry.body.contains("It would stay parked"), "{dry:?}");
    assert_eq!(operator.goes(&format!("{webhook}/replay"), ""), webhook);
    assert_eq!(operator.goes(&format!("{webhook}/discard"), ""), "/ui/parked");
    assert_eq!(operator.post(&format!("{webhook}/discard"), "").status, 404);
    assert_eq!(operator.post(&format!("{webhook}/dry-run"), "").status, 404);
    relay.must("parked", &joined("other").with("/event", "UNHEARD_OF"));
    assert_eq!(operator.goes("/ui/parked/discard", "shown=1"), "/ui/parked");
    assert_eq!(operator.numbers("/ui/parked")["total"], 0);
}

#[test]
fn a_replay_of_one_webhook_shows_first_what_it_leads_to() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).set("growsurf.ignore_emails", "fay@example.com").start();
    let id = relay.must("parked", &joined("fay"))["id"].as_str().unwrap().to_owned();
    let relay = relay.restart_with(|setup| setup.unset("growsurf.ignore_emails"));
    let operator = Browser::new(&relay, OPERATE);
    let dry = operator.post(&format!("/ui/webhooks/{id}/dry-run"), "");
    assert!(dry.body.contains("would lead to 2 new calls"), "{dry:?}");
    assert!(!dry.body.contains("fay@example.com"));
    assert_eq!(relay.metric("relay_pending_calls"), Some(0.0));
    operator.goes(&format!("/ui/webhooks/{id}/replay"), "");
    relay.drained();
    assert_eq!(sandbox.events_named("referral_program_joined").len(), 1);
}

#[test]
fn waiting_calls_are_listed_oldest_first_and_a_lane_is_released() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{ "status": 503 }]));
    let setup =
        setup(&sandbox).set("delivery.backoff_base", "1h").set("delivery.backoff_cap", "1h");
    let relay = setup.set("delivery.probe_every", "1h").start();
    let (operator, viewer) = (Browser::new(&relay, OPERATE), Browser::new(&relay, VIEW));
    assert!(viewer.page("/ui/calls").contains("everything that was accepted is delivered"));
    relay.accept(&joined("fay"));
    eventually("it was tried", || {
        operator.numbers("/ui/calls")["calls"][0]["last"]["http_status"] == 503
    });
    sandbox.heal();
    for number in 0..60 {
        relay.accept(&joined(&format!("after{number}")));
    }
    let only_fay = || operator.numbers("/ui/calls")["total"] == 2;
    eventually("the others are delivered", only_fay);
    let shown = operator.numbers("/ui/calls");
    let call = &shown["calls"][0];
    assert_eq!((&call["event"], &call["attempts"]), (&json!("referral_program_joined"), &json!(1)));
    assert_eq!((&call["state"], &call["person"]), (&json!("waiting"), &json!("f***@example.com")));
    let release = format!("/ui/calls/{}/release", call["lane"]);
    assert!(operator.page("/ui/calls").contains(&release));
    let seen = viewer.page("/ui/calls");
    assert!(!seen.contains("release") && !seen.contains("fay@example.com"), "{seen}");
    assert_eq!(viewer.post(&release, "").status, 403);
    assert_eq!(operator.goes(&release, ""), "/ui/calls");
    relay.drained();
    assert_eq!(sandbox.events_named("referral_program_joined").len(), 61);
    assert_eq!(operator.post(&release, "").status, 409);
}

#[test]
fn waiting_calls_come_in_pages_by_their_place() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{ "status": 401 }]));
    let relay = setup(&sandbox).start();
    for number in 0..60 {
        relay.accept(&joined(&format!("lane{number}")));
    }
    relay.destination_is("halted");
    let viewer = Browser::new(&relay, VIEW);
    let first = viewer.numbers("/ui/calls");
    assert_eq!(first["calls"].as_array().unwrap().len(), 50);
    assert_eq!(first["total"], 120, "a profile and an event each");
    let rest = viewer.numbers(&format!("/ui/calls{}", first["next"].as_str().unwrap()));
    assert_eq!((rest["calls"].as_array().unwrap().len(), &rest["next"]), (10, &Value::Null));
    let lanes = |page: &Value| -> Vec<i64> {
        page["calls"].as_array().unwrap().iter().map(|it| it["lane"].as_i64().unwrap()).collect()
    };
    let mut all = [lanes(&first), lanes(&rest)].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 60, "each once");
    eventually("the page says why they wait", || {
        viewer.page("/ui/calls").contains("customerio has been halted")
    });
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn a_pasted_body_is_explained_alone_and_with_what_is_known() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let (operator, viewer) = (Browser::new(&relay, OPERATE), Browser::new(&relay, VIEW));
    assert!(viewer.page("/ui/explain").contains("Paste the body"));
    let webhook = joined("fay");
    relay.accept(&webhook);
    relay.drained();
    let calls = sandbox.calls().len();
    let form = |with: &str| format!("body={}&source=&with={with}", encoded(&webhook.body()));
    let alone = operator.post("/ui/explain", &form("nothing"));
    assert_eq!(alone.status, 200, "{alone:?}");
    for part in ["joined:ct8f71:fay", "accepted", "growsurf", "PUT http", "fay%40example.com"] {
        assert!(alone.body.contains(part), "{part}: {}", alone.body);
    }
    let masked = viewer.post("/ui/explain", &form("nothing")).body;
    let answer = masked.split("<h2>Answer").nth(1).unwrap();
    assert!(
        answer.contains("joined:ct8f71:***") && answer.contains("f***@example.com"),
        "{answer}"
    );
    assert!(!answer.contains("fay@") && !answer.contains("fay%40"), "{answer}");
    let known = operator.post("/ui/explain", &form("known")).body;
    assert!(
        known.contains("It leads to no call") || known.contains("No call; the facts"),
        "{known}"
    );
    let parked = operator.post("/ui/explain", "body=%7B%22event%22%3A%22ODD%22%7D");
    assert!(parked.body.contains("parked") && parked.body.contains("ODD"), "{parked:?}");
    let program = http::client()
        .post(relay.operator_url("/ui/explain"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Sec-Fetch-Site", "same-origin")
        .header("Cookie", &operator.cookie)
        .header("Accept", "application/json")
        .body(form("nothing"));
    let explained = http::send(program).json();
    let command = relay.setup().command_with(&["explain", "--json"], &webhook.body()).expect(0);
    let command: Value = serde_json::from_str(&command).unwrap();
    assert_eq!(explained["lanes"], command["lanes"], "the command says the same");
    assert_eq!(sandbox.calls().len(), calls, "nothing was sent");
}

#[test]
fn the_setup_is_looked_at_only_when_an_operator_asks() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let (operator, viewer) = (Browser::new(&relay, OPERATE), Browser::new(&relay, VIEW));
    assert!(viewer.page("/ui/setup").contains("No check has run"));
    assert_eq!(viewer.post("/ui/setup/look", "").status, 403);
    assert!(operator.page("/ui/setup").contains("No check has run"), "a page looks nowhere");
    assert_eq!(operator.goes("/ui/setup/look", ""), "/ui/setup");
    let shown = viewer.numbers("/ui/setup");
    assert_eq!(shown["verdict"], "incomplete", "{shown}");
    let to_do: Vec<&Value> =
        shown["to_do"].as_array().unwrap().iter().map(|it| &it["what"]).collect();
    assert!(to_do.contains(&&json!("referral_converted")), "{shown}");
    let page = viewer.page("/ui/setup");
    for part in ["To do", "enabled = true", "Done", "credentials", "As of"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for secret in [OPERATE, VIEW, crate::kit::relay::API_KEY, crate::kit::relay::SECRET] {
        assert!(!page.contains(secret) && !page.contains("RELAY__"), "{page}");
    }
}

#[test]
fn settings_are_shown_to_operators_alone_and_without_secrets() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let (operator, viewer) = (Browser::new(&relay, OPERATE), Browser::new(&relay, VIEW));
    let page = operator.page("/ui/settings");
    assert!(page.contains("customerio.calls_per_second") && page.contains("RELAY__"), "{page}");
    for secret in [OPERATE, VIEW, crate::kit::relay::API_KEY, crate::kit::relay::SECRET] {
        assert!(!page.contains(secret), "{page}");
    }
    let request = http::client().get(relay.operator_url("/ui/settings"));
    assert_eq!(http::send(request.header("Cookie", &viewer.cookie)).status, 403);
    assert!(!viewer.page("/ui/setup").contains("/ui/settings"));
    let shown = operator.numbers("/ui/settings");
    let command = relay.command(&["settings", "--json"]).expect(0);
    let command: Value = serde_json::from_str(&command).unwrap();
    assert_eq!(shown["settings"], command["settings"]);
}

#[test]
fn the_books_balance_whatever_becomes_of_webhooks_and_calls() {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    growsurf.program(12, 9, 1);
    let setup = growsurf.asked_by(setup(&sandbox)).set("delivery.batch_calls", "1");
    let relay = setup.set("growsurf.ignore_emails", "parked@example.com").start();
    let (operator, viewer) = (Browser::new(&relay, OPERATE), Browser::new(&relay, VIEW));
    let balanced = || {
        let books = viewer.numbers("/ui/books");
        let number = |name: &str| books[name].as_u64().unwrap();
        let sum = |names: &[&str]| names.iter().map(|it| number(it)).sum::<u64>();
        assert_eq!(
            (&books["webhooks_off"], &books["calls_off"]),
            (&json!(0), &json!(0)),
            "{books}"
        );
        assert_eq!(number("received"), sum(&["mapped", "unmapped"]), "{books}");
        let ends = ["delivered", "pending", "dead", "discarded", "replaced", "erased"];
        assert_eq!(number("planned"), sum(&ends), "{books}");
        books
    };
    assert_eq!(balanced()["received"], 0);
    let empty = viewer.page("/ui/books");
    assert!(
        empty.contains("The books balance") && empty.contains("No campaign is known"),
        "{empty}"
    );

    let fay = joined("fay").referred_by("gus");
    relay.accept(&fay);
    relay.must("parked", &joined("parked"));
    relay.must("duplicate", &fay);
    relay.drained();
    let books = balanced();
    assert_eq!((&books["received"], &books["unmapped"]), (&json!(2), &json!(1)), "{books}");
    assert_eq!((&books["planned"], &books["delivered"]), (&json!(4), &json!(4)), "{books}");
    let cause = refused(&relay, &sandbox, 3);
    assert_eq!(balanced()["dead"], 3);
    relay.command(&["dead-letters", "discard", &newest_letter(&relay)]).expect(0);
    sandbox.heal();
    relay.command(&["dead-letters", "redeliver", "--all", "--cause", &cause]).expect(0);
    relay.drained();
    let books = balanced();
    assert_eq!((&books["dead"], &books["discarded"]), (&json!(0), &json!(1)), "{books}");
    assert_eq!(&books["delivered"].as_u64().unwrap() + 1, books["planned"].as_u64().unwrap());
    operator.goes("/ui/parked/discard", "shown=1");
    let books = balanced();
    assert_eq!((&books["unmapped"], &books["parked"]), (&json!(1), &json!(0)), "{books}");

    relay.command(&["sync"]).expect(0);
    relay.drained();
    let books = balanced();
    let campaigns = books["campaigns"].as_array().unwrap();
    let compared = campaigns.iter().find(|it| it["campaign"] == "demo01").unwrap();
    assert_eq!(compared["growsurf"]["participants"], 12, "{compared}");
    assert_eq!(compared["growsurf"], compared["relay"], "{compared}");
    assert_eq!(compared["differences"], json!([]), "{compared}");
    assert!(compared["compared_at"].is_string(), "{compared}");
    let page = viewer.page("/ui/books");
    assert!(page.contains("No difference.") && page.contains("No full comparison yet"), "{page}");

    let request = http::client().get(relay.operator_url("/ui/books.csv"));
    let csv = http::send(request.header("Cookie", &viewer.cookie));
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let mut lines = csv.body.split("\r\n");
    assert_eq!(lines.next(), Some("book,line,relay,growsurf,reason,as_of"));
    assert!(lines.any(|it| it.starts_with("demo01,participants,12,12,,20")), "{}", csv.body);
}

//! Insights of a program that is worked out by hand: twelve people, whose every figure is the same on the page, in
//! JSON, in CSV and on the command line.

use jiff::civil::Weekday;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::kit::growsurf::Growsurf;
use crate::kit::http::{self, Answer};
use crate::kit::ids::event_id;
use crate::kit::pages::{VIEW, page, session};
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{CAMPAIGN, email, joined};
use crate::kit::{eventually, now_millis};

const TOKEN: &str = "the-token-of-the-server";
const REPORTING: &str = "reporting-key";
const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// The cells of rows.
type Rows = Vec<Vec<String>>;

/// The program, by weeks before the present one.
struct Program {
    relay: Relay,
    /// The Monday of the present week, in Unix seconds.
    monday: i64,
}

impl Program {
    fn start(sandbox: &Sandbox) -> Self {
        let setup = Setup::new(sandbox).set("api.token", TOKEN).set("admin.view_token", VIEW);
        let setup = setup.set("admin.token", "the-token-of-operators");
        let setup = setup.set("customerio.reporting_keys", REPORTING);
        let relay = setup.set("insights.every", "100ms").start();
        let today = Timestamp::from_millisecond(now_millis()).unwrap();
        let today = today.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        let since_monday = i64::from(today.weekday().since(Weekday::Monday));
        let days = today.duration_since(jiff::civil::date(1970, 1, 1)).as_hours() / 24;
        Self { relay, monday: (days - since_monday) * DAY }
    }

    /// Returns noon of a day, so many weeks before the present one.
    fn at(&self, weeks: i64, day: i64) -> i64 {
        self.monday - weeks * 7 * DAY + day * DAY + 12 * HOUR
    }

    /// Returns the name of a week.
    fn week(&self, weeks: i64) -> String {
        let date = jiff::civil::date(1970, 1, 1) + (self.monday / DAY - 7 * weeks).days();
        let week = date.iso_week_date();
        format!("{:04}-W{:02}", week.year(), week.week())
    }

    fn joins(&self, name: &str, at: i64, referrer: Option<(&str, i64, u64)>) {
        let mut webhook = joined(name).at(at * 1_000).without("/data/shareCount");
        if let Some((referrer, joined_at, referrals)) = referrer {
            webhook = webhook.referred_by_with(referrer, referrals);
            webhook = webhook.with("/data/referrer/createdAt", joined_at * 1_000);
            webhook = webhook.without("/data/referrer/shareCount");
        }
        self.relay.accept(&webhook);
    }

    fn event(&self, mut body: Value, name: &str, at: i64) {
        body["campaign"] = json!(CAMPAIGN);
        body["email"] = json!(email(name));
        body["occurred_at"] = json!(at);
        let request = http::client().post(self.relay.url("/v1/events")).bearer_auth(TOKEN);
        let answer = http::send(request.body(body.to_string()));
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("accepted")));
    }

    fn shares(&self, name: &str, channel: &str, at: i64) {
        let id = format!("{name}-{channel}-{at}");
        self.event(json!({"event": "referral_shared", "id": id, "channel": channel}), name, at);
    }

    fn converts(&self, name: &str, at: i64, value: f64, currency: &str) {
        let body =
            json!({"event": "referral_converted", "conversion_value": value, "currency": currency});
        self.event(body, name, at);
    }

    /// Reports as Customer.io does that the mail about a participant's joining was opened.
    fn opened(&self, name: &str) {
        let seconds = now_millis() / 1_000;
        let report = json!({
            "event_id": "01OPENED", "object_type": "email", "metric": "opened", "timestamp": seconds,
            "data": {
                "customer_id": "", "identifiers": {"id": null, "email": email(name)},
                "delivery_id": "RPILAgUBcRhIBqSp7kiPekGBIeVh", "campaign_id": 19,
                "trigger_event_id": event_id(&format!("joined:{CAMPAIGN}:{name}")),
            }
        });
        let (path, body) = ("/webhooks/customerio/reporting", report.to_string());
        let answer = self.relay.customerio_posts(path, REPORTING, seconds, body.as_bytes());
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("accepted")));
    }

    fn play(&self) {
        let at = |weeks, day| self.at(weeks, day);
        self.joins("vic", at(60, 1), None);
        self.joins("eve", at(58, 1), Some(("vic", at(60, 1), 1)));
        self.joins("rae", at(20, 1), None);
        self.joins("sue", at(20, 1), None);
        self.joins("ann", at(20, 4), Some(("rae", at(20, 1), 0)));
        self.joins("tom", at(15, 1), None);
        self.joins("bob", at(10, 1), Some(("rae", at(20, 1), 0)));
        self.joins("wes", at(5, 1), None);
        self.joins("cid", at(2, 1), Some(("sue", at(20, 1), 0)));
        self.joins("uma", at(1, 1), None);
        self.joins("dee", at(1, 3), Some(("uma", at(1, 1), 0)));
        self.joins("xia", now_millis() / 1_000 - 1, None);
        self.converts("eve", at(57, 1), 10.0, "EUR");
        self.converts("ann", at(9, 2), 49.5, "EUR");
        self.converts("dee", at(1, 4), 20.0, "USD");
        self.shares("tom", "sms", at(15, 3));
        self.shares("tom", "copyLink", at(15, 4));
        self.shares("sue", "facebook", at(6, 2));
        self.shares("wes", "whatsapp", at(5, 3));
        self.shares("rae", "email", at(3, 1));
        self.shares("rae", "email", at(3, 2));
        self.shares("rae", "email", at(2, 2));
        self.shares("uma", "email", at(1, 2));
        self.shares("uma", "twitter", at(1, 3));
        self.opened("uma");
    }

    /// Returns the figures as they are worked out by hand: of each table the columns behind the first, and the rows.
    fn expected(&self) -> Vec<(&'static str, &'static str, Rows)> {
        let rows = |text: &str| -> Vec<Vec<String>> {
            let week = |cell: &str| {
                let (name, rest) = cell.split_once(' ').unwrap_or((cell, ""));
                let weeks = name.strip_prefix('w').and_then(|weeks| weeks.parse().ok());
                let named = weeks.map(|weeks| format!("{} {rest}", self.week(weeks)));
                named.map_or(cell.to_owned(), |named| named.trim_end().to_owned())
            };
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.map(|line| line.split('|').map(|cell| week(cell.trim())).collect()).collect()
        };
        let of = |section, table, text| (section, table, rows(text));
        vec![
            of(
                "funnel",
                "groups",
                "all      | 12 | 50.0 | 33.3 | 25.0 | 33.3 | 11.1 | 0.0 | 50.0 | 25.0 | 12.5
                 organic  | 7  | 85.7 | 57.1 | 42.9 | 60.0 | 20.0 | 0.0 | 80.0 | 40.0 | 20.0
                 referred | 5  | 0.0  | 0.0  | 0.0  | 0.0  | 0.0  | 0.0 | 0.0  | 0.0  | 0.0",
            ),
            of(
                "funnel",
                "weeks",
                "earlier | 2 | 1 | 1 | 1 | 0 | 1 | 1 | 0 | 1 | 1 | 0 | 1
                 w20     | 3 | 2 | 1 | 2 | 1 | 1 | 2 | 1 | 1 | 1 | 0 | 0
                 w15     | 1 | 1 | 0 | 1 | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 0
                 w10     | 1 | 0 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0
                 w5      | 1 | 1 | 0 | 1 | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 0
                 w2      | 1 | 0 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0
                 w1      | 2 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1
                 w0      | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0",
            ),
            of(
                "time_to_first_referral",
                "figures",
                "first quartile in days    | 2
                 median in days            | 3
                 third quartile in days    | 14
                 within 7 days in percent  | 11.1
                 within 28 days in percent | 25.0
                 never yet                 | 8
                 time unknown              | 0",
            ),
            of(
                "time_to_first_referral",
                "days",
                "0 | 0
                 1 | 0
                 2 to 3 | 2
                 4 to 7 | 0
                 8 to 14 | 1
                 15 to 28 | 0
                 29 to 56 | 0
                 57 to 112 | 0
                 113 or more | 1",
            ),
            of(
                "channels",
                "channels",
                "e-mail only          | 1 | 1 | 100.0 | 20.7 | 100.0 | 100.0
                 social only          | 1 | 0 | 0.0   | 0.0  | 79.3  | 0.0
                 link or message only | 2 | 0 | 0.0   | 0.0  | 65.8  | 0.0
                 several              | 1 | 1 | 100.0 | 20.7 | 100.0 | 100.0",
            ),
            of("frequency", "figures", "active | 3\nfell silent | 1"),
            of("frequency", "shares", "0 | 1\n1 | 0\n2 | 1\n3 | 1\n4 to 6 | 0\n7 or more | 0"),
            of(
                "frequency",
                "weeks",
                "0 | 0\n1 | 2\n2 | 1\n3 | 0\n4 | 0\n5 | 0\n6 | 0\n7 | 0\n8 | 0\n9 | 0\n10 | 0\n11 | 0\n12 | 0",
            ),
            of(
                "activity",
                "weeks",
                "without a time | 0 | 0 | 0 | 0 |
                 w20 | 3 | 0 | 1 | 0 |
                 w15 | 1 | 2 | 0 | 0 |
                 w10 | 1 | 0 | 1 | 0 |
                 w9  | 0 | 0 | 0 | 1 | 49.5 EUR
                 w6  | 0 | 1 | 0 | 0 |
                 w5  | 1 | 1 | 0 | 0 |
                 w3  | 0 | 2 | 0 | 0 |
                 w2  | 1 | 1 | 1 | 0 |
                 w1  | 2 | 2 | 1 | 1 | 20 USD
                 w0  | 1 | 0 | 0 | 0 |",
            ),
            of(
                "referrers",
                "tiers",
                "champion        | 10 | 0  | 0
                 power_referrer  | 5  | 0  | 0
                 active          | 1  | 1  | 11
                 new_participant | 0  | 11 | 0",
            ),
            of(
                "referrers",
                "referrers",
                "1 | r*** | 2 | 1 | 3
                 2 | v*** | 1 | 1 | 0
                 3 | u*** | 1 | 1 | 2
                 4 | s*** | 1 | 0 | 1",
            ),
            of(
                "messages",
                "messages",
                "w5 joined           | 1 | 0 | 0 | 0
                 w2 joined           | 1 | 0 | 0 | 0
                 w2 friend_signed_up | 1 | 0 | 0 | 0
                 w1 joined           | 2 | 1 | 1 | 0
                 w1 friend_signed_up | 1 | 0 | 0 | 0
                 w1 converted        | 1 | 0 | 0 | 0
                 w0 joined           | 1 | 0 | 0 | 0",
            ),
        ]
    }

    fn json(&self, cookie: &str) -> Value {
        let request = http::client().get(self.relay.url("/ui/insights"));
        let request = request.header("Cookie", cookie).header("Accept", "application/json");
        http::send(request).json()["report"].clone()
    }

    fn command(&self, arguments: &[&str]) -> String {
        let ended = self.relay.command(&[&["insights"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    }
}

/// Returns the tables of a report, each with its rows as texts.
fn tables(report: &Value) -> Vec<(String, String, Rows)> {
    let text = |cell: &Value| match cell {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut tables = Vec::new();
    for section in report["campaigns"][0]["sections"].as_array().unwrap() {
        for table in section["tables"].as_array().unwrap() {
            let columns = table["columns"].as_array().unwrap();
            let cells = |row: &Value| {
                let cells = columns.iter().map(|column| text(&row[column.as_str().unwrap()]));
                cells.collect()
            };
            let rows = table["rows"].as_array().unwrap().iter().map(cells);
            let name = |it: &Value| it.as_str().unwrap().to_owned();
            tables.push((name(&section["id"]), name(&table["id"]), rows.collect()));
        }
    }
    tables
}

/// Returns the rows of all tables of a page, without those of column names.
fn rows_of_page(answer: &Answer) -> Rows {
    let parts = |text: &str, tag: &str| -> Vec<String> {
        let open = format!("<{tag}");
        let close = format!("</{tag}>");
        let rest = text.split(&open as &str).skip(1);
        let inner = rest
            .filter_map(|it| it.split_once('>')?.1.split(&close as &str).next().map(str::to_owned));
        inner.collect()
    };
    let plain = |text: &str| {
        let text = text.split("<span").next().unwrap();
        let outside = text.split('<').map(|it| it.split_once('>').map_or(it, |it| it.1));
        outside.collect::<String>().trim().to_owned()
    };
    let rows = parts(&answer.body, "tbody").into_iter().flat_map(|body| parts(&body, "tr"));
    let cells = rows.map(|row| {
        let row = row.replace("<th scope=\"row\"", "<td").replace("</th>", "</td>");
        parts(&row, "td").iter().map(|cell| plain(cell)).collect()
    });
    cells.collect()
}

#[test]
fn every_figure_of_twelve_people_is_the_same_on_every_face() {
    let sandbox = Sandbox::start();
    let program = Program::start(&sandbox);
    program.play();
    let without_time = |mut report: Value| {
        report["as_of"] = Value::Null;
        report
    };
    let now: Value = serde_json::from_str(&program.command(&["--now", "--json"])).unwrap();
    let found = tables(&now);
    let expected = program.expected();
    assert_eq!(found.len(), expected.len());
    for ((section, table, rows), expected) in found.iter().zip(&expected) {
        assert_eq!((section.as_str(), table.as_str()), (expected.0, expected.1));
        assert_eq!(*rows, expected.2, "{section}, {table}");
    }
    assert_eq!((&now["people"], &now["time_zone"]), (&json!(12), &json!("UTC")));
    let sentences = now["campaigns"][0]["sections"][2]["sentences"].to_string();
    assert!(sentences.contains("By e-mail only: 1, by social only: 1"), "{sentences}");

    let cookie = session(&program.relay, VIEW);
    let shown = || without_time(program.json(&cookie));
    eventually("the page shows everybody", || shown() == without_time(now.clone()));
    let kept: Value = serde_json::from_str(&program.command(&["--json"])).unwrap();
    assert_eq!(kept, program.json(&cookie), "the command shows what the page does");

    let html = page(&program.relay, "/ui/insights", &cookie);
    let rows: Vec<Vec<String>> = expected.iter().flat_map(|(.., rows)| rows.clone()).collect();
    assert_eq!(rows_of_page(&html), rows);
    assert!(html.body.contains("<svg") && html.body.contains("not ripe"), "{}", html.body);

    let answer = page(&program.relay, "/ui/insights.csv", &cookie);
    assert!(answer.header("content-type").starts_with("text/csv"), "{answer:?}");
    let lines: Vec<&str> = answer.body.split_terminator("\r\n").collect();
    assert_eq!(lines[0], "as_of,campaign,section,table,row,figure,value,ripe");
    let of_rows = |rows: &Rows| rows.iter().map(|row| row.len() - 1).sum::<usize>();
    let figures: usize = expected.iter().map(|(.., rows)| of_rows(rows)).sum();
    assert_eq!(lines.len() - 1, figures);
    let mut lines = lines[1..].iter();
    for (section, table, rows) in &expected {
        for row in rows {
            for value in &row[1..] {
                let line = lines.next().unwrap();
                let start = format!(
                    "{},{CAMPAIGN},{section},{table},{},",
                    kept["as_of"].as_str().unwrap(),
                    row[0]
                );
                let rest = line.strip_prefix(&start).unwrap_or_else(|| panic!("{line}: {start}"));
                assert_eq!(rest.split(',').nth(1), Some(value.as_str()), "{line}");
            }
        }
    }

    // No address is anywhere, and who is erased is gone at the next run.
    for text in [&html.body, &answer.body, &kept.to_string()] {
        assert!(!text.contains('@') && !text.contains("example.com"), "{text}");
    }
    program.relay.command(&["erase", &email("uma")]).expect(0);
    eventually("who was erased is gone", || program.json(&cookie)["people"] == 11);
    let left = tables(&program.json(&cookie));
    let (_, _, referrers) = left.iter().find(|it| it.1 == "referrers").unwrap();
    let names: Vec<&str> = referrers.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(names, ["r***", "v***", "s***"]);
    assert!(program.relay.metric("relay_insights_people") == Some(11.0));
}

#[test]
fn the_sandboxs_program_shows_that_email_converts_more_than_social_networks() {
    let sandbox = Sandbox::start();
    let growsurf = Growsurf::of(&sandbox);
    growsurf.program(300, 365, 0);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    let relay = setup.set("sync.enabled", "true").start();
    relay.command(&["backfill"]).expect(0);
    relay.command(&["sync"]).expect(0);
    let report = relay.command(&["insights", "--now", "--json"]).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let campaign = &report["campaigns"][0];
    let sentence = campaign["sections"][2]["sentences"][0].as_str().unwrap();
    assert!(sentence.contains(": +") && sentence.contains(" points ("), "{sentence}");
    assert!(!sentence.contains("no clear difference"), "{sentence}");
    let tables = tables(&report);
    let weeks = tables.iter().find(|it| it.0 == "activity").map(|it| it.2.len()).unwrap();
    assert!(weeks > 40, "only {weeks} weeks");
    let of = |row: &Vec<String>, column: usize| row[column].parse::<i64>().unwrap();
    let sum = |column: usize| {
        let activity = tables.iter().filter(|it| it.0 == "activity").flat_map(|it| &it.2);
        activity.map(|row| of(row, column)).sum::<i64>()
    };
    assert!(sum(1) > 290 && sum(2) > 100 && sum(3) > 80 && sum(4) > 30, "{report}");
}

#[test]
fn before_the_first_run_the_page_says_so() {
    let sandbox = Sandbox::start();
    let relay = crate::kit::pages::started(&sandbox);
    let cookie = session(&relay, VIEW);
    let answer = page(&relay, "/ui/insights", &cookie);
    assert!(answer.body.contains("No run has summed up people yet"), "{answer:?}");
    assert_eq!(page(&relay, "/ui/insights.csv", "").status, 303, "only a session opens it");
}

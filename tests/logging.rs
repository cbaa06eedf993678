//! Standard error and standard output that are full, closed, dead or unread; and what may stand there.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, pipe};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::kit::http;
use crate::kit::ids::signature;
use crate::kit::process::signal;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::{Sandbox, on_calls};
use crate::kit::webhooks::{Webhook, joined};
use crate::kit::{eventually, eventually_some, now_millis};

/// Number of webhooks that a relay without a log must take.
const WEBHOOKS: usize = 1_000;

/// A relay whose output the test decides on.
struct Mute {
    child: Child,
    address: String,
    setup: Setup,
}

impl Mute {
    /// Starts one with a small buffer.
    fn start(sandbox: &Sandbox, outputs: impl FnOnce(&mut Command)) -> Self {
        Self::start_with(Setup::new(sandbox).set("log.buffer", "64KiB"), outputs)
    }

    /// Starts it at an address that is chosen here, since it can't say which it has.
    fn start_with(setup: Setup, outputs: impl FnOnce(&mut Command)) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let setup = setup.set("server.listen", &address);
        let mut command = setup.prepared(&["serve"]);
        command.stdin(Stdio::null());
        outputs(&mut command);
        let child = command.spawn().unwrap();
        let mute = Self { child, address, setup };
        eventually("it is ready", || mute.try_get("/readyz") == Some(200));
        mute
    }

    fn try_get(&self, path: &str) -> Option<u16> {
        let answer = http::try_send(http::client().get(format!("http://{}{path}", self.address)));
        answer.ok().map(|answer| answer.status)
    }

    fn metric(&self, name: &str) -> f64 {
        let text = http::get(format!("http://{}/metrics", self.address)).body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse().unwrap()
    }

    #[track_caller]
    fn accept(&self, webhook: &Webhook) {
        let body = webhook.body();
        let signature = signature(SECRET, now_millis(), body.as_bytes());
        let request = http::client().post(format!("http://{}/webhooks/growsurf", self.address));
        let request = request.header("GrowSurf-Signature", signature).body(body);
        let answer = http::try_send(request).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Asserts that the relay accepts, delivers and ends in order without a reader of its log.
    #[track_caller]
    fn works(mut self, sandbox: &Sandbox) -> f64 {
        for number in 0..WEBHOOKS {
            self.accept(&joined(&format!("fay{number}")));
        }
        eventually("everything is delivered", || self.metric("relay_pending_calls") == 0.0);
        assert_eq!(sandbox.events().len(), WEBHOOKS);
        for path in ["/readyz", "/healthz", "/health"] {
            assert_eq!(self.try_get(path), Some(200), "{path}");
        }
        let dropped = self.metric("relay_log_lines_dropped_total");
        signal(self.child.id(), "TERM");
        let status = eventually_some("it ended", || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
        dropped
    }
}

impl Drop for Mute {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn a_relay_whose_log_is_on_a_full_disk_works() {
    let sandbox = Sandbox::start();
    let mute = Mute::start(&sandbox, |command| {
        command.stdout(full()).stderr(full());
    });
    let dropped = mute.works(&sandbox);
    assert!(dropped >= 1_000.0, "{dropped}");
}

#[test]
fn a_relay_whose_log_nobody_reads_works() {
    let sandbox = Sandbox::start();
    let (_unread, writer) = pipe().unwrap();
    let mute = Mute::start(&sandbox, |command| {
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
    });
    let dropped = mute.works(&sandbox);
    assert!(dropped > 0.0, "{dropped}");
}

#[test]
fn a_relay_whose_logs_reader_has_died_works() {
    let sandbox = Sandbox::start();
    let (reader, writer) = pipe().unwrap();
    let mute = Mute::start(&sandbox, |command| {
        command.stdout(Stdio::null()).stderr(writer);
    });
    drop(reader);
    let dropped = mute.works(&sandbox);
    assert!(dropped >= 1_000.0, "{dropped}");
}

#[test]
fn a_relay_without_outputs_works() {
    let sandbox = Sandbox::start();
    let mute = Mute::start(&sandbox, |command| {
        let relay = command.get_program().to_owned();
        let variables: Vec<_> =
            command.get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect();
        let folder = command.get_current_dir().unwrap().to_owned();
        let mut bash = Command::new("bash");
        bash.args(["-c", "exec \"$0\" serve >&- 2>&-"]).arg(relay).current_dir(folder);
        for (name, value) in variables {
            match value {
                Some(value) => bash.env(name, value),
                None => bash.env_remove(name),
            };
        }
        *command = bash;
    });
    mute.works(&sandbox);
}

fn log(relay: &mut Relay) -> Vec<Value> {
    relay.whole_log().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn the_last_lines_arrive() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    relay.terminate();
    let log = log(&mut relay);
    let messages: Vec<&str> = log.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(messages.last(), Some(&"stopped"), "{messages:?}");
}

#[test]
fn a_flood_of_refusals_costs_a_few_lines_and_a_sum() {
    let sandbox = Sandbox::start();
    let mut relay = Setup::new(&sandbox)
        .set("server.max_body", "2KiB")
        .set("server.body_memory", "1MiB")
        .start();
    for _ in 0..100 {
        assert_eq!(http::send(relay.post("/webhooks/growsurf", "{}", None)).status, 401);
    }
    for _ in 0..12 {
        let body = "x".repeat(5_000);
        let signature = signature(SECRET, now_millis(), body.as_bytes());
        let refused = http::send(relay.post("/webhooks/growsurf", body, Some(signature)));
        assert_eq!(refused.status, 413);
    }
    relay.terminate();
    let log = log(&mut relay);
    let of = |outcome: &str| {
        let refused = |line: &&Value| {
            line["message"] == "refused a webhook" && line["webhook.outcome"] == outcome
        };
        log.iter().filter(refused).count()
    };
    assert_eq!((of("unauthorized"), of("too_large")), (10, 10), "{log:?}");
    let sum = log.iter().find(|line| !line["refused"].is_null()).unwrap();
    assert_eq!(sum["refused"], "signature_missing 90, too_large 2");
}

/// The commands that end by themselves, each with something to say.
const COMMANDS: [&[&str]; 18] = [
    &["--help"],
    &["--version"],
    &["help", "serve"],
    &["--frobnicate"],
    &["check"],
    &["explain", "webhook.json"],
    &["explain", "--json", "webhook.json"],
    &["explain", "nothing.json"],
    &["dead-letters", "list"],
    &["dead-letters", "show", "7"],
    &["effect", "3ZJ8N6D2X0V9H1QK5T7RWB4MCY"],
    &["replay", "--dry-run"],
    &["backup", "-"],
    &["erase", "fay@example.com"],
    &["healthcheck", "--address", "127.0.0.1:9"],
    &["openapi"],
    &["completions", "bash"],
    &["man"],
];

/// Settings with a store, a webhook in a file and a Customer.io that nobody asks anything of.
fn with_a_store() -> Setup {
    let setup = Setup::towards("http://127.0.0.1:9");
    std::fs::write(setup.folder().join("webhook.json"), joined("fay").body()).unwrap();
    setup.command(&["check"]);
    setup
}

fn run(setup: &Setup, arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Output {
    let mut command = setup.prepared(arguments);
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    command.spawn().unwrap().wait_with_output().unwrap()
}

fn dead() -> PipeWriter {
    let (reader, writer): (PipeReader, PipeWriter) = pipe().unwrap();
    drop(reader);
    writer
}

#[test]
fn a_command_without_a_reader_ends_as_it_would_with_one() {
    let setup = with_a_store();
    for arguments in COMMANDS {
        let usual = run(&setup, arguments, Stdio::piped(), Stdio::piped()).status.code();
        // A backup that nobody reads isn't made.
        let unread = if arguments[0] == "backup" { Some(1) } else { usual };
        let code = |stdout, stderr| run(&setup, arguments, stdout, stderr).status.code();
        assert_eq!(code(dead().into(), Stdio::piped()), unread, "{arguments:?} without stdout");
        assert_eq!(code(Stdio::piped(), dead().into()), usual, "{arguments:?} without stderr");
        assert_eq!(code(dead().into(), dead().into()), unread, "{arguments:?} without both");
        assert_eq!(code(Stdio::piped(), full().into()), usual, "{arguments:?} on a full stderr");
    }
}

#[test]
fn a_command_fails_if_its_output_cant_be_written() {
    let setup = with_a_store();
    for arguments in COMMANDS {
        let usual = run(&setup, arguments, Stdio::piped(), Stdio::piped());
        let code = |stderr| run(&setup, arguments, full().into(), stderr).status.code();
        if usual.stdout.is_empty() {
            assert_eq!(code(full().into()), usual.status.code(), "{arguments:?}");
            continue;
        }
        assert_eq!(code(full().into()), Some(1), "{arguments:?}");
        let ended = run(&setup, arguments, full().into(), Stdio::piped());
        let printed = String::from_utf8(ended.stderr).unwrap();
        assert!(printed.contains("standard output: No space left"), "{arguments:?} {printed}");
    }
}

#[test]
fn a_sandbox_runs_though_nobody_reads_where() {
    for arguments in
        [&["serve", "--sandbox=127.0.0.1:0"][..], &["sandbox", "--listen", "127.0.0.1:0"]]
    {
        for stdout in [Stdio::from(full()), Stdio::from(dead())] {
            let setup = Setup::towards("http://127.0.0.1:9");
            let (mut reader, stderr) = pipe().unwrap();
            let mut command = setup.prepared(arguments);
            command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
            let mut child = command.spawn().unwrap();
            drop(command);
            let pid = child.id();
            std::thread::scope(|scope| {
                // It ends by a signal alone, which it must know how to take by then.
                scope.spawn(|| {
                    let status = format!("/proc/{pid}/status");
                    eventually("it handles SIGTERM", || {
                        let text = std::fs::read_to_string(&status).unwrap();
                        let caught =
                            text.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
                        u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << 14) != 0
                    });
                    signal(pid, "TERM");
                });
                let mut reported = String::new();
                reader.read_to_string(&mut reported).unwrap();
                assert_eq!(child.wait().unwrap().code(), Some(0), "{reported}");
            });
        }
    }
}

/// Text that would clear a screen, turn text around and forge lines.
const HOSTILE: &str =
    "x\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}2J\u{202e}\u{2066}\u{200b}\u{85}\u{2028}\r\nok    settings";

fn is_harmless(text: &str) -> bool {
    let is_hidden = |it: char| {
        (it.is_control() && it != '\n')
            || matches!(it, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    !text.contains(is_hidden)
}

#[test]
fn nothing_from_outside_steers_the_terminal_of_an_operator() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!(on_calls(json!({"status": 400, "body": {"meta": {"error": HOSTILE}}}))));
    let log = tempfile::NamedTempFile::new().unwrap();
    let token = "the-administrators-token";
    let setup = Setup::new(&sandbox).set("log.format", "text").set("admin.token", token);
    let relay = Mute::start_with(setup, |command| {
        command.stdout(Stdio::null()).stderr(log.reopen().unwrap());
    });
    let named = joined("fay").with("/data/firstName", HOSTILE);
    relay.accept(&named.clone().with("/data/campaign/name", HOSTILE));
    relay.accept(&joined("ann").with("/event", HOSTILE));
    eventually("it is dead", || relay.metric("relay_dead_letters") > 0.0);
    let setup = relay.setup.clone();
    let letters = setup.command(&["dead-letters", "list", "--all"]).expect(0);
    let id = letters.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let file = |name: &str, webhook: &Webhook| {
        std::fs::write(setup.folder().join(name), webhook.body()).unwrap();
    };
    file("event.json", &joined("fay").with("/event", HOSTILE));
    file("named.json", &named.with("/data/campaign/id", HOSTILE));
    for arguments in [
        &["dead-letters", "list"][..],
        &["dead-letters", "list", "--all"],
        &["dead-letters", "show", &id],
        &["replay", "--parked"],
        &["explain", "event.json"],
        &["explain", "--json", "event.json"],
        &["explain", "named.json"],
        &["explain", "--json", "named.json"],
        &["check"],
    ] {
        let ended = setup.command(arguments);
        let whole = ended.stdout.clone() + &ended.stderr;
        assert!(is_harmless(&whole), "{arguments:?} {whole:?}");
        let forged = whole.lines().any(|line| line == "ok    settings");
        assert!(!forged, "{arguments:?} {whole}");
        if arguments.contains(&"--json") {
            let document: Value = serde_json::from_str(&ended.stdout).unwrap();
            assert!(document.to_string().contains("owned"), "{document}");
        }
    }
    for path in ["/admin/dead-letters", &format!("/admin/dead-letters/{id}")] {
        let request = http::client().get(format!("http://{}{path}", relay.address));
        let answer = http::send(request.bearer_auth(token));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(is_harmless(&answer.body), "{answer:?}");
        let shows_call = path.ends_with(&id);
        assert_eq!(answer.json().to_string().contains("owned"), shows_call, "{answer:?}");
    }
    let logged = || std::fs::read_to_string(log.path()).unwrap();
    eventually("it is logged", || logged().contains("parked a webhook"));
    let logged = logged();
    assert!(is_harmless(&logged), "{logged:?}");
    assert!(!logged.contains("owned"), "what a destination quotes isn't logged: {logged}");
    assert!(!logged.lines().any(|line| line == "ok    settings"), "{logged}");
}

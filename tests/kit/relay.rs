//! The relay as a process on a store of its own, and the commands beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::http::{self, Answer};
use super::ids::{report_signature, signature};
use super::postgres::{Cluster, Database};
use super::process::{self, Process};
use super::sandbox::Sandbox;
use super::webhooks::Webhook;
use super::{ON_POSTGRES, eventually, now_millis};

/// The default secret of webhooks.
pub const SECRET: &str = "the-webhook-secret-of-the-tests";
/// The credentials of Customer.io.
pub const SITE_ID: &str = "site-of-the-tests";
pub const API_KEY: &str = "the-track-api-key-of-the-tests";

/// Settings and a folder: everything a relay has before it is started.
#[derive(Clone)]
pub struct Setup {
    folder: Arc<TempDir>,
    database: Option<Database>,
    variables: BTreeMap<String, String>,
}

impl Setup {
    /// Returns a setup that delivers to this sandbox, with short waits everywhere.
    pub fn new(sandbox: &Sandbox) -> Self {
        Self::towards(&sandbox.url())
    }

    /// Returns the same, with Customer.io at this address.
    pub fn towards(url: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let database = ON_POSTGRES.then(|| Cluster::shared().database());
        let store = match &database {
            Some(database) => database.url(),
            None => format!("sqlite:{}", folder.path().join("relay.db").display()),
        };
        Self { folder, database, variables: BTreeMap::new() }
            .set("server.listen", "127.0.0.1:0")
            .set("store.url", store)
            .set("growsurf.webhook_secrets", SECRET)
            .set("customerio.site_id", SITE_ID)
            .set("customerio.api_key", API_KEY)
            .set("customerio.base_url", url)
            .set("customerio.calls_per_second", "100000")
            .set("delivery.backoff_base", "20ms")
            .set("delivery.backoff_cap", "200ms")
            .set("delivery.probe_every", "200ms")
            .set("log.format", "json")
    }

    /// Sets a key as an environment variable.
    pub fn set(self, key: &str, value: impl Into<String>) -> Self {
        let name = format!("RELAY__{}", key.to_uppercase().replace('.', "__"));
        self.variable(name, value)
    }

    /// Sets an environment variable.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Takes a key's environment variable back.
    pub fn unset(mut self, key: &str) -> Self {
        let name = format!("RELAY__{}", key.to_uppercase().replace('.', "__"));
        self.variables.remove(&name);
        self
    }

    /// Writes the settings file, where the relay looks by itself.
    pub fn file(self, toml: &str) -> Self {
        fs::create_dir_all(self.folder().join("config")).unwrap();
        fs::write(self.folder().join("config/relay.toml"), toml).unwrap();
        self
    }

    /// Returns the number that a query gives, asked of the store itself.
    #[track_caller]
    pub fn number(&self, sql: &str) -> i64 {
        match self.variables["RELAY__STORE__URL"].strip_prefix("sqlite:") {
            Some(file) => {
                let store = Connection::open(self.folder().join(file)).unwrap();
                store.query_row(sql, [], |row| row.get(0)).unwrap()
            }
            None => self.database.as_ref().unwrap().query(sql).parse().unwrap(),
        }
    }

    /// Returns the files or tables of the store that hold the text.
    pub fn holding(&self, text: &str) -> Vec<String> {
        if let Some(database) = &self.database {
            return if database.holds(text) { vec!["the database".to_owned()] } else { Vec::new() };
        }
        let files = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path());
        let holds =
            |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        let found = files.filter(|path| path.is_file() && holds(&fs::read(path).unwrap()));
        found.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    /// Returns the same, with the store in this database, reached by this address.
    pub fn on(mut self, database: &Database, address: &str) -> Self {
        self.database = Some(database.clone());
        self.set("store.url", database.url_by(address))
    }

    /// Returns the folder that is its working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command to its end.
    pub fn command(&self, arguments: &[&str]) -> Finished {
        self.command_with(arguments, "")
    }

    /// Runs a command to its end, with this as standard input.
    pub fn command_with(&self, arguments: &[&str], input: &str) -> Finished {
        let mut child = Self::spawn(self.prepared(arguments));
        let mut stdin = child.stdin.take().unwrap();
        let _may_have_closed_it = stdin.write_all(input.as_bytes());
        drop(stdin);
        Finished::of(child)
    }

    /// Runs a command that can't make a file longer than `kib` KiB: a write beyond that fails,
    /// as on a bad disk, or ends the process, as a kill in the middle does.
    pub fn command_up_to(&self, kib: u32, beyond: Beyond, arguments: &[&str]) -> Finished {
        let relay = self.prepared(arguments);
        let signal = match beyond {
            Beyond::Fails => "trap '' XFSZ",
            Beyond::Kills => "trap - XFSZ",
        };
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("{signal}; ulimit -c 0; ulimit -f {kib}; exec \"$0\" \"$@\"")]);
        bash.arg(relay.get_program()).args(relay.get_args());
        bash.envs(&self.variables).current_dir(self.folder());
        Finished::of(Self::spawn(bash))
    }

    fn spawn(mut command: Command) -> Child {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts `serve` and waits until it listens.
    #[track_caller]
    pub fn start(self) -> Relay {
        let (process, addresses) = self.serve();
        Relay { setup: self, process, addresses, log: Vec::new() }
    }

    /// Returns a command, not started yet.
    pub fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = process::binary();
        command.args(arguments).envs(&self.variables).current_dir(self.folder());
        command
    }

    #[track_caller]
    fn serve(&self) -> (Process, Addresses) {
        let process = Process::spawn(self.prepared(&["serve"]));
        let addresses = process.wait_for("the relay's address", |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let is_it = line["message"] == "the relay accepts webhooks";
            is_it.then(|| Addresses::of(&line))
        });
        (process, addresses)
    }
}

/// Starts a sandbox and a relay, sends the webhooks and waits until everything is delivered.
#[track_caller]
pub fn after(webhooks: &[Webhook]) -> Sandbox {
    after_with(|setup| setup, webhooks)
}

/// Returns the same with settings changed.
#[track_caller]
pub fn after_with(change: impl FnOnce(Setup) -> Setup, webhooks: &[Webhook]) -> Sandbox {
    let sandbox = Sandbox::start();
    let relay = change(Setup::new(&sandbox)).start();
    for webhook in webhooks {
        relay.accept(webhook);
    }
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    sandbox
}

/// The result of a command.
#[derive(Debug)]
pub struct Finished {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The effect of a write that exceeds the longest file.
#[derive(Clone, Copy)]
pub enum Beyond {
    Fails,
    Kills,
}

impl Finished {
    fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns the output; the command must have ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.stdout + &self.stderr
    }
}

struct Addresses {
    public: String,
    operator: String,
}

impl Addresses {
    /// Reads `address` and `operator_address`, which is `Some(address)` or `None`.
    fn of(line: &Value) -> Self {
        let public = line["address"].as_str().unwrap().to_owned();
        let operator = line["operator_address"].as_str().unwrap();
        let own = operator.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')'));
        let operator = own.unwrap_or(&public).to_owned();
        Self { public, operator }
    }
}

/// A relay at work.
pub struct Relay {
    setup: Setup,
    process: Process,
    addresses: Addresses,
    /// Of the processes that have ended.
    log: Vec<String>,
}

impl Relay {
    /// Returns a relay with the usual settings.
    #[track_caller]
    pub fn start(sandbox: &Sandbox) -> Self {
        Setup::new(sandbox).start()
    }

    /// Returns an address on the listener that GrowSurf reaches.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.public)
    }

    /// Returns an address on the listener that operators reach.
    pub fn operator_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.operator)
    }

    /// Returns the listener's address and port.
    pub fn address(&self) -> &str {
        &self.addresses.public
    }

    /// Sends a webhook as GrowSurf does; an error is one of the connection.
    pub fn try_send(&self, webhook: &Webhook) -> Result<Answer, reqwest::Error> {
        self.try_send_body(webhook.body())
    }

    /// Sends a body as GrowSurf does; an error is one of the connection.
    pub fn try_send_body(&self, body: String) -> Result<Answer, reqwest::Error> {
        let signature = signature(SECRET, now_millis(), body.as_bytes());
        http::try_send(self.post("/webhooks/growsurf", body, Some(signature)))
    }

    /// Posts a body as Customer.io does, signed with this key at this time in Unix seconds.
    #[track_caller]
    pub fn customerio_posts(&self, path: &str, key: &str, seconds: i64, body: &[u8]) -> Answer {
        let request = self.post(path, body.to_vec(), None);
        let request = request.header("X-CIO-Timestamp", seconds.to_string());
        http::send(request.header("X-CIO-Signature", report_signature(key, seconds, body)))
    }

    /// Sends a webhook as GrowSurf does.
    #[track_caller]
    pub fn send(&self, webhook: &Webhook) -> Answer {
        self.try_send(webhook).unwrap()
    }

    /// Sends a webhook that must be accepted; gives its id.
    #[track_caller]
    pub fn accept(&self, webhook: &Webhook) -> String {
        self.must("accepted", webhook)["id"].as_str().unwrap().to_owned()
    }

    /// Sends a webhook that must be answered 200 with this status; gives the answer.
    #[track_caller]
    pub fn must(&self, status: &str, webhook: &Webhook) -> Value {
        let answer = self.send(webhook);
        assert_eq!(answer.status, 200, "{answer:?}");
        let document = answer.json();
        assert_eq!(document["status"], status, "{document}");
        assert_eq!(document["success"], true, "{document}");
        document
    }

    /// Returns a request with a body and a signature of the test's own.
    pub fn post(
        &self,
        path: &str,
        body: impl Into<reqwest::Body>,
        signature: Option<String>,
    ) -> reqwest::RequestBuilder {
        let request = http::client().post(self.url(path));
        let request = request.header("Content-Type", "application/json").body(body);
        match signature {
            Some(signature) => request.header("GrowSurf-Signature", signature),
            None => request,
        }
    }

    /// Waits until everything accepted is delivered or dead.
    #[track_caller]
    pub fn drained(&self) {
        eventually("nothing is pending", || self.metric("relay_pending_calls") == Some(0.0));
    }

    /// Returns the value of a metric's line, named with its labels.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = http::get(self.operator_url("/metrics")).body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }

    /// Waits until Customer.io counts as `running`, `paused`, `broken` or `halted`.
    #[track_caller]
    pub fn destination_is(&self, state: &str) {
        let name = format!("relay_destination_state{{state=\"{state}\"}}");
        eventually(&format!("the destination is {state}"), || self.metric(&name) == Some(1.0));
    }

    /// Returns the number of dead letters.
    pub fn dead_letters(&self) -> u64 {
        let dead = self.metric("relay_dead_letters").unwrap();
        format!("{dead}").parse().unwrap()
    }

    /// Returns the number of the only dead letter, from its list.
    #[track_caller]
    pub fn only_dead_letter(&self) -> String {
        assert_eq!(self.dead_letters(), 1);
        let listed = self.command(&["dead-letters", "list", "--all"]).expect(0);
        let line = listed.lines().nth(1).unwrap_or_else(|| panic!("{listed}"));
        line.split_whitespace().next().unwrap().to_owned()
    }

    /// Returns the value of a metric that must be there.
    #[track_caller]
    pub fn count(&self, metric: &str) -> f64 {
        self.metric(metric).unwrap_or_else(|| panic!("there is no {metric}"))
    }

    /// Waits until the log has a line with this in it.
    #[track_caller]
    pub fn logs(&self, part: &str) {
        self.process.wait_for(part, |line| line.contains(part).then_some(()));
    }

    /// Waits until a page of health is answered so.
    #[track_caller]
    pub fn answers(&self, path: &str, status: u16) {
        let url = self.url(path);
        eventually(&format!("{path} answers {status}"), || http::get(&url).status == status);
    }

    /// Runs a command with the same settings, beside the relay.
    pub fn command(&self, arguments: &[&str]) -> Finished {
        self.setup.command(arguments)
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Sends SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends SIGTERM without waiting for the end.
    pub fn signal_termination(&self) {
        self.process.signal("TERM");
    }

    /// Sends SIGINT without waiting for the end.
    pub fn signal_interrupt(&self) {
        self.process.signal("INT");
    }

    /// Returns the number of its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits for the end after SIGTERM, which must be clean.
    #[track_caller]
    pub fn ended_well(&mut self) {
        let status = self.process.wait();
        assert_eq!(status.code(), Some(0), "the relay ended with {status}");
    }

    /// Sends SIGTERM and asserts a clean end.
    #[track_caller]
    pub fn terminate(&mut self) {
        self.signal_termination();
        self.ended_well();
    }

    /// Starts another one on the same store, beside this one.
    #[track_caller]
    pub fn start_beside(&self) -> Self {
        self.setup.clone().start()
    }

    /// Starts again on the same store, after `kill` or `terminate`.
    #[track_caller]
    pub fn restart(&mut self) {
        self.log.append(&mut self.process.output());
        (self.process, self.addresses) = self.setup.serve();
    }

    /// Starts again on the same store, with settings changed.
    #[track_caller]
    pub fn restart_with(mut self, change: impl FnOnce(Setup) -> Setup) -> Self {
        self.kill();
        let log = self.whole_log();
        let Self { setup, .. } = self;
        let mut relay = change(setup).start();
        relay.log = log;
        relay
    }

    /// Returns every line it has logged, from the first start on.
    pub fn whole_log(&mut self) -> Vec<String> {
        let mut log = std::mem::take(&mut self.log);
        log.append(&mut self.process.output());
        log
    }
}

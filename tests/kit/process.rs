//! The built binary as a process whose output is read as it comes, and shown if the test fails.
//! It dies with its test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::{TIMEOUT, eventually_some};

/// Returns a command that runs the binary without the settings of the tests' environment.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_referral-relay"));
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy().to_ascii_uppercase();
        if shown.starts_with("RELAY_") || shown.starts_with("CIO_") || shown.ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command
}

/// Sends a signal to a process that must be there.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.unwrap().success(), "can't send SIG{name} to {pid}");
}

/// A process at work.
pub struct Process {
    child: Child,
    output: Arc<Output>,
}

/// Both streams by line, in order of arrival.
#[derive(Default)]
struct Output {
    written: Mutex<Written>,
    grown: Condvar,
}

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    closed: usize,
}

impl Process {
    /// Starts the command; from now on its output is read.
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = Arc::<Output>::default();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        output.clone().drain(stdout);
        output.clone().drain(stderr);
        Self { child, output }
    }

    /// Waits for a line that `parse` understands.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + TIMEOUT;
        let mut seen = 0;
        let mut written = self.output.written.lock().unwrap();
        loop {
            if let Some(found) = written.lines[seen..].iter().find_map(|line| parse(line)) {
                return found;
            }
            seen = written.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if written.closed == 2 || left.is_zero() {
                // The readers and `drop` still need the lock.
                drop(written);
                panic!("no line with {what} came");
            }
            written = self.output.grown.wait_timeout(written, left).unwrap().0;
        }
    }

    /// Returns everything written until now.
    pub fn output(&self) -> Vec<String> {
        self.output.written.lock().unwrap().lines.clone()
    }

    /// Sends SIGKILL, which ends the process at once.
    pub fn kill(&mut self) {
        let _may_have_ended = self.child.kill();
        self.child.wait().unwrap();
        self.output.finish();
    }

    /// Sends a signal, such as `TERM`, without waiting for the effect.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns true if it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let status = eventually_some("the process ended", || self.child.try_wait().unwrap());
        self.output.finish();
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _status = self.child.wait();
        if thread::panicking() {
            self.output.finish();
            println!("what the process wrote:\n{}", self.output().join("\n"));
        }
    }
}

impl Output {
    fn drain(self: Arc<Self>, stream: impl Read + Send + 'static) {
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                self.written.lock().unwrap().lines.push(line);
                self.grown.notify_all();
            }
            self.written.lock().unwrap().closed += 1;
            self.grown.notify_all();
        });
    }

    /// Waits until everything that was written has been read.
    fn finish(&self) {
        let written = self.written.lock().unwrap();
        let all = self.grown.wait_timeout_while(written, TIMEOUT, |written| written.closed < 2);
        assert!(!all.unwrap().1.timed_out(), "the output of an ended process stays open");
    }
}

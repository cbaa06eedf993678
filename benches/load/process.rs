//! The processes that are measured: started, watched through `/proc`, killed at the end.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Time that a process may take to start or to end.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A process that dies with its measurement.
pub struct Process(Child);

/// The usage of a process.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    /// Seconds of one core.
    pub cpu: f64,
    /// Resident memory at its highest, in MiB.
    pub memory: f64,
    /// Data written to the disk, in KiB.
    pub written: f64,
}

impl Usage {
    /// Returns the figures of the process with this number, or of `self`.
    pub fn of(process: &str) -> Self {
        let file = |name| fs::read_to_string(format!("/proc/{process}/{name}")).unwrap();
        let named = |text: &str, name| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
            value.trim_end_matches(" kB").parse::<f64>().unwrap()
        };
        Self {
            cpu: seconds(&file("stat"), 11..13),
            memory: named(&file("status"), "VmHWM:") / 1024.0,
            written: named(&file("io"), "write_bytes:") / 1024.0,
        }
    }

    /// Returns the seconds of one core that all processes of this name have used, and those of
    /// their children that have ended.
    pub fn of_all(name: &str) -> f64 {
        let processes = fs::read_dir("/proc").unwrap();
        let ids = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        // One may end while it is looked at.
        let stats = ids.filter_map(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok());
        let named = format!("({name})");
        stats.filter(|stat| stat.contains(&named)).map(|stat| seconds(&stat, 11..15)).sum()
    }

    /// Returns the usage since `before`; memory stays the highest.
    pub fn since(self, before: Self) -> Self {
        Self { cpu: self.cpu - before.cpu, written: self.written - before.written, ..self }
    }
}

/// Seconds from these fields of a process's `stat`.
fn seconds(stat: &str, fields: Range<usize>) -> f64 {
    // The name, in parentheses, may hold spaces.
    let all: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    let ticks: f64 = all[fields].iter().map(|field| field.parse::<f64>().unwrap()).sum();
    // Linux counts in hundredths.
    ticks / 100.0
}

impl Process {
    /// Starts it and waits until it listens on `address`.
    pub fn start(command: Command, address: SocketAddr) -> Self {
        Self::start_until(command, || TcpStream::connect(address).is_ok()).0
    }

    /// Starts it; returns the time until it was ready as well.
    pub fn start_until(mut command: Command, is_ready: impl Fn() -> bool) -> (Self, Duration) {
        let shown = format!("{command:?}");
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        while !is_ready() {
            assert!(child.try_wait().unwrap().is_none(), "{shown} ended early");
            assert!(began.elapsed() < TIMEOUT, "{shown} doesn't get ready");
            sleep(Duration::from_micros(500));
        }
        (Self(child), began.elapsed())
    }

    /// Returns the usage so far.
    pub fn usage(&self) -> Usage {
        Usage::of(&self.0.id().to_string())
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(asked.unwrap().success());
        assert!(self.0.wait().unwrap().success(), "it didn't end cleanly");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// Status and body of what is at this path.
pub fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, body.to_owned()))
}

/// Returns an address that nobody listens on now.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Returns this binary in another role.
pub fn role(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--role").args(arguments);
    command
}

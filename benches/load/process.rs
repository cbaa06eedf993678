//! The processes that are measured: started, watched through `/proc`, killed at the end.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process that dies with its measurement.
pub struct Process(Child);

/// What a process has used.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    /// Seconds of one core.
    pub cpu: f64,
    /// Resident memory at its highest, in MiB.
    pub memory: f64,
}

impl Process {
    /// Starts it and waits until it listens on `address`.
    pub fn start(mut command: Command, address: SocketAddr) -> Self {
        let shown = format!("{command:?}");
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        while TcpStream::connect(address).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "{shown} ended early");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self(child)
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        let file = |name| std::fs::read_to_string(format!("/proc/{}/{name}", self.0.id())).unwrap();
        let stat = file("stat");
        // The name, in parentheses, may hold spaces.
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
        let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum();
        let status = file("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        // Linux counts in hundredths of a second.
        Usage { cpu: ticks / 100.0, memory: kib / 1024.0 }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// An address that nobody listens on now.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// This very binary in another role.
pub fn role(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--role").args(arguments);
    command
}

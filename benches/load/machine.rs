//! Facts about the machine that figures depend on.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::statistics::{median, range};

/// Above this share of busy cores, figures mustn't be quoted.
const BUSY: f64 = 0.02;

/// Prints the machine, with a warning if it is busy; returns true if it is idle.
pub fn describe(folder: &Path) -> bool {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!(
        "{cores} cores, {}; {} of memory; Linux {}",
        model.map_or("unknown", |(_, model)| model),
        memory.unwrap_or("unknown").trim(),
        kernel.trim(),
    );
    let node = Command::new("node").arg("--version").output();
    let node = node.map_or(String::new(), |it| String::from_utf8_lossy(&it.stdout).into_owned());
    println!("Node {}", if node.is_empty() { "isn't here" } else { node.trim() });
    println!("{}", fsync_line(folder));
    let busy = busy();
    println!("{:.1} % busy before the start", busy * 100.0);
    let is_quiet = busy <= BUSY;
    if !is_quiet {
        println!("DON'T QUOTE: something else is at work on this machine.");
    }
    is_quiet
}

/// Measures the disk and returns a line: 4 KiB appended and synced, again and again.
pub fn fsync_line(folder: &Path) -> String {
    let path = folder.join("fsync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let took: Vec<f64> = (0..200)
        .map(|_| {
            file.write_all(&[7; 4096]).unwrap();
            let began = Instant::now();
            file.sync_data().unwrap();
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    fs::remove_file(path).unwrap();
    let typical = median(took.iter().copied());
    format!("{typical:.2} ms an fsync ({}), {:.0} a second", range(took, 2), 1e3 / typical)
}

/// Returns the time in Unix microseconds.
#[expect(clippy::disallowed_methods, reason = "the benchmark's one clock")]
pub fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

/// Returns the time in Unix milliseconds.
pub fn now_millis() -> i64 {
    now_micros() / 1_000
}

/// Returns the number of flushes of the disk below a folder since it was plugged in; 0 if there is
/// no disk below.
pub fn flushes(folder: &Path) -> u64 {
    let device = fs::metadata(folder).unwrap().dev();
    // As the C library takes a device number apart.
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00));
    let disks = fs::read_to_string("/proc/diskstats").unwrap_or_default();
    let of_disk = disks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields[..2] == [major.to_string(), minor.to_string()];
        is_it.then(|| fields.get(18)?.parse().ok()).flatten()
    });
    of_disk.unwrap_or(0)
}

/// Copies a file to the disk itself, so that what is measured next doesn't pay for it.
pub fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    File::open(to).unwrap().sync_all().unwrap();
}

/// Waits until nothing that was written waits for the disk, so that what comes next doesn't pay for
/// what was before.
pub fn settle_disk() {
    assert!(Command::new("sync").status().unwrap().success());
}

fn busy() -> f64 {
    let (idle, all) = ticks();
    sleep(Duration::from_secs(2));
    let (idle_after, all_after) = ticks();
    1.0 - (idle_after - idle) / (all_after - all)
}

fn ticks() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let fields = stat.lines().next().unwrap().split_whitespace().skip(1);
    let ticks: Vec<f64> = fields.map(|field| field.parse().unwrap()).collect();
    // Idle, and waiting for a disk.
    (ticks[3] + ticks[4], ticks.iter().take(8).sum())
}

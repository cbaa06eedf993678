//! What is to be known of the machine, so that figures can be judged.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Above this share of busy cores, figures mustn't be quoted.
const BUSY: f64 = 0.02;

/// Prints it, with a warning if something else is at work.
pub fn describe() {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, {}", model.map_or("unknown", |(_, model)| model));
    println!("{:.2} ms an fsync (median of 50)", fsync().as_secs_f64() * 1e3);
    let busy = busy();
    println!("{:.1} % busy before the start", busy * 100.0);
    if busy > BUSY {
        println!("DON'T QUOTE: something else is at work on this machine.");
    }
    println!();
}

/// A folder on the disk that the project is on; `/tmp` may be memory.
pub fn disk() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned();
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The time in Unix milliseconds.
#[expect(clippy::disallowed_methods, reason = "the benchmark's one clock")]
pub fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn fsync() -> Duration {
    let path = disk().join("fsync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let mut took: Vec<Duration> = (0..50)
        .map(|_| {
            file.write_all(&[7; 4096]).unwrap();
            let began = Instant::now();
            file.sync_data().unwrap();
            began.elapsed()
        })
        .collect();
    fs::remove_file(path).unwrap();
    took.sort_unstable();
    took[25]
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

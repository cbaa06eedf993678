//! The machine beneath a relay, which does wrong by order: its clocks jump, its disk is full or
//! hangs, it knows no names.
//!
//! What belongs here: a library put before the system's own (`machine.c`), so that the built binary
//! meets what it would meet on such a machine. What doesn't: faults of
//! Customer.io (`sandbox`).

use std::env;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::relay::Setup;

/// The library, made once a run, with the C compiler that built SQLite.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(make);

/// The error of a failing write to the store: the numbers are Linux's.
#[derive(Clone, Copy)]
pub enum Trouble {
    /// `EIO`: the disk is broken.
    Broken = 5,
    /// `ENOSPC`: the disk is full.
    Full = 28,
    /// `EROFS`: the file system is read-only.
    ReadOnly = 30,
}

/// The places of orders in the file, which are those of the library's `struct orders`.
#[derive(Clone, Copy)]
enum Place {
    Passed,
    Set,
    WriteError,
    SyncHangs,
    NoNames,
    Obeyed,
    LogSyncs,
}

/// A machine without faults, until one is set.
pub struct Machine {
    orders: NamedTempFile,
    /// The values of `passed` and `set` in the library.
    clocks: Mutex<(i64, i64)>,
}

impl Machine {
    /// Makes one.
    pub fn new() -> Self {
        let orders = NamedTempFile::new().unwrap();
        orders.as_file().set_len(64).unwrap();
        Self { orders, clocks: Mutex::default() }
    }

    /// Returns the settings of a relay that runs on it.
    pub fn beneath(&self, setup: Setup) -> Setup {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        setup.variable("LD_PRELOAD", text(&LIBRARY)).variable("MACHINE", text(self.orders.path()))
    }

    /// Returns the settings of a relay that learns from this file which start of the machine it is.
    pub fn finds_its_start_by(&self, setup: Setup, file: &Path) -> Setup {
        self.beneath(setup).variable("MACHINE_BOOT_ID", file.to_str().unwrap())
    }

    /// Lets time pass on both clocks.
    pub fn passes(&self, time: Duration) {
        let nanos = i64::try_from(time.as_nanos()).unwrap();
        self.move_clocks(nanos, 0);
    }

    /// Sets the clock forward.
    pub fn set_forward(&self, by: Duration) {
        self.move_clocks(0, i64::try_from(by.as_nanos()).unwrap());
    }

    /// Sets the clock back.
    pub fn set_back(&self, by: Duration) {
        self.move_clocks(0, -i64::try_from(by.as_nanos()).unwrap());
    }

    fn move_clocks(&self, passed: i64, set: i64) {
        let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        *clocks = (clocks.0 + passed, clocks.1 + set);
        self.order(Place::Passed, clocks.0);
        self.order(Place::Set, clocks.1);
    }

    /// Makes writes to the store fail from now on.
    pub fn store_is(&self, trouble: Trouble) {
        self.order(Place::WriteError, trouble as i64);
    }

    /// Writes to the store go well again.
    pub fn store_is_well(&self) {
        self.order(Place::WriteError, 0);
    }

    /// Sets if syncs of the disk hang, as on a disk that never answers.
    pub fn disk_hangs(&self, hangs: bool) {
        self.order(Place::SyncHangs, i64::from(hangs));
    }

    /// Sets if the lookup of host names fails.
    pub fn names_are_gone(&self, gone: bool) {
        self.order(Place::NoNames, i64::from(gone));
    }

    /// Asserts that a relay runs on this machine; otherwise a test would see no fault.
    #[track_caller]
    pub fn is_beneath(&self) {
        let why = "the relay doesn't use the system's library: is it linked statically?";
        assert_eq!(self.value(Place::Obeyed), 1, "{why}");
    }

    /// Returns the number of times that the store's log was brought to the disk.
    pub fn log_syncs(&self) -> i64 {
        self.value(Place::LogSyncs)
    }

    fn value(&self, place: Place) -> i64 {
        let mut value = [0; 8];
        self.orders.as_file().read_exact_at(&mut value, place.at()).unwrap();
        i64::from_ne_bytes(value)
    }

    fn order(&self, place: Place, value: i64) {
        self.orders.as_file().write_all_at(&value.to_ne_bytes(), place.at()).unwrap();
    }
}

impl Place {
    fn at(self) -> u64 {
        8 * self as u64
    }
}

fn make() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kit/machine.c");
    let unfinished = folder.join(format!("machine.so.{}", process::id()));
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut compile = Command::new(compiler);
    compile.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
    compile.arg(&unfinished).arg(&source).arg("-ldl");
    assert!(compile.status().unwrap().success(), "can't make the machine's library");
    let library = folder.join("machine.so");
    fs::rename(&unfinished, &library).unwrap();
    library
}

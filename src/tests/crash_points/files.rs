//! The store's files at one instant, as a process that is killed then leaves them.

use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// SQLite's page, and what is written before the first frame of a log and before each page of it
/// (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
const PAGE: usize = 4_096;
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The file and its log. The index of the log is left out: SQLite makes it anew.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Files {
    file: Vec<u8>,
    log: Vec<u8>,
}

fn log(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

fn read(path: &Path) -> Vec<u8> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        read => read.unwrap(),
    }
}

/// The sizes and times of the files, which show a change without reading them.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Stamp([Option<(u64, std::time::SystemTime)>; 2]);

impl Stamp {
    pub(super) fn of(path: &Path) -> Self {
        Self([path.to_owned(), log(path)].map(|path| {
            let about = fs::metadata(path).ok()?;
            Some((about.len(), about.modified().unwrap()))
        }))
    }
}

impl Files {
    /// Returns the files of the store at `path` as they are now. Beside a writer the log may end
    /// amid a write, as it may for one that is killed.
    pub(super) fn of(path: &Path) -> Self {
        Self { file: read(path), log: read(&log(path)) }
    }

    /// Puts them at `path`, in a folder that is there; a store that was never there isn't put.
    pub(super) fn put(&self, path: &Path) {
        if !self.file.is_empty() {
            fs::write(path, &self.file).unwrap();
            fs::write(log(path), &self.log).unwrap();
        }
    }

    /// Dies within every write between these files and the later ones, and sees that what SQLite
    /// makes of it is what the one or the other holds. Returns how many deaths those were.
    pub(super) fn assert_whole_or_nothing(&self, later: &Self, what: &str) -> usize {
        let within = self.until(later);
        if !within.is_empty() {
            let ends = [self.contents(), later.contents()];
            for (number, cut_off) in within.iter().enumerate() {
                let contents = cut_off.contents();
                assert!(ends.contains(&contents), "{what}, write {number}: {contents}");
            }
        }
        within.len()
    }

    /// Returns the possible contents of the files between two instants: a log grows by frames, and a checkpoint
    /// writes pages into the file before it ends the log.
    fn until(&self, later: &Self) -> Vec<Self> {
        let grows = later.log.starts_with(&self.log) && later.log.len() > self.log.len();
        if grows && later.file == self.file {
            let frame = FRAME_HEADER + PAGE;
            let ends = |start| [start, start + FRAME_HEADER + PAGE / 2];
            let cuts = (LOG_HEADER..later.log.len()).step_by(frame).flat_map(ends);
            let within = cuts.filter(|cut| (self.log.len() + 1..later.log.len()).contains(cut));
            let cut = |end| Self { file: self.file.clone(), log: later.log[..end].to_vec() };
            return within.map(cut).collect();
        }
        if self.log.is_empty() {
            return Vec::new();
        }
        let pages = (1..=later.file.len() / PAGE).map(|pages| pages * PAGE);
        let written = pages.map(|end| {
            let kept = self.file.get(end..).unwrap_or_default();
            Self { file: [&later.file[..end], kept].concat(), log: self.log.clone() }
        });
        let mut written: Vec<Self> = written.collect();
        written.dedup();
        written.retain(|files| files != self);
        written
    }

    /// Returns all rows of all tables, once SQLite has recovered the files.
    fn contents(&self) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.db");
        self.put(&path);
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        assert_sound(&connection);
        let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let mut names = connection.prepare(names).unwrap();
        let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let mut text = String::new();
        for name in names {
            let name = name.unwrap();
            let mut rows = connection.prepare(&format!("SELECT * FROM {name}")).unwrap();
            let columns = rows.column_count();
            let mut rows = rows.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let values = (0..columns).map(|column| row.get_ref(column).unwrap());
                writeln!(text, "{name} {:?}", values.collect::<Vec<_>>()).unwrap();
            }
        }
        text
    }
}

/// Asserts that SQLite finds no damage.
pub(super) fn assert_sound(connection: &Connection) {
    let integrity: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    let orphans = "SELECT COUNT(*) FROM pragma_foreign_key_check";
    let orphans: i64 = connection.query_row(orphans, [], |row| row.get(0)).unwrap();
    assert_eq!(orphans, 0);
}

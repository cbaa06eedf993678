//! PostgreSQL clusters that tests start and throw away, and databases on them.
//!
//! What belongs here: what the library's own tests need as well, so it names nothing of either
//! crate. The server ends with the process that started it, however that ends: it is kept by a
//! script that ends when its standard input does.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// A server of its own.
pub struct Cluster {
    port: u16,
    keeper: Mutex<Keeper>,
    databases: AtomicUsize,
}

struct Keeper {
    _script: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    /// Starts one that writes to disk as a real one does, or doesn't wait for the disk. Installs
    /// the server's programs, if they are missing; panics if it can't.
    pub fn start(fsync: bool) -> Self {
        Self::start_in("", fsync)
    }

    /// Returns the same with its files in this folder, which everybody has to have access to.
    pub fn start_in(folder: &str, fsync: bool) -> Self {
        Self::start_as(folder, fsync, None)
    }

    /// Starts a standby of this one, which waits for it from now on before it answers a COMMIT.
    pub fn standby(&self) -> Self {
        let standby = Self::start_as("", false, Some(self.port));
        let maintenance = Database { port: self.port, name: "postgres".to_owned() };
        maintenance.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
        maintenance.query("SELECT pg_reload_conf()");
        standby
    }

    fn start_as(folder: &str, fsync: bool, primary: Option<u16>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kit/postgres.sh");
        let mut script = Command::new("bash")
            .args([script, &port.to_string(), if fsync { "on" } else { "off" }, folder])
            .args(primary.map(|port| port.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = script.stdin.take().unwrap();
        let answers = BufReader::new(script.stdout.take().unwrap());
        let mut keeper = Keeper { _script: script, orders, answers };
        keeper.hears("up");
        Self { port, keeper: Mutex::new(keeper), databases: AtomicUsize::new(0) }
    }

    /// Returns the one that all tests of this process share. It doesn't wait for the disk: nobody
    /// pulls its plug.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(false))
    }

    /// Returns a new database, empty.
    pub fn database(&self) -> Database {
        let name = format!("relay{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let database = Database { port: self.port, name };
        psql(&database.of("postgres"), &format!("CREATE DATABASE {}", database.name));
        database
    }

    /// Returns a new database with all that another has, which nobody may be connected to.
    pub fn like(&self, other: &Database) -> Database {
        let name = format!("relay{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let database = Database { port: self.port, name };
        let sql = format!("CREATE DATABASE {} TEMPLATE {}", database.name, other.name);
        psql(&database.of("postgres"), &sql);
        database
    }

    /// Returns the same database on this server, which follows the other's.
    pub fn copy_of(&self, other: &Database) -> Database {
        Database { port: self.port, name: other.name.clone() }
    }

    /// Returns the port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it as a crash would, without any last words to clients.
    pub fn stop(&self) {
        self.order("stop immediate");
    }

    /// Stops all its processes where they are, as a machine that hangs does.
    pub fn freeze(&self) {
        self.order("freeze");
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.order("thaw");
    }

    /// Makes a primary of a standby.
    pub fn promote(&self) {
        self.order("promote");
    }

    /// Starts it again.
    pub fn begin(&self) {
        self.order("start");
    }

    /// Turns TLS on. Returns the certificate of the authority that signed the server's own, which
    /// is for `127.0.0.1`.
    pub fn secure(&self) -> PathBuf {
        self.order("secure");
        let data = psql(&self.database().url(), "SHOW data_directory");
        Path::new(&data).with_file_name("ca.pem")
    }

    fn order(&self, order: &str) {
        let mut keeper = self.keeper.lock().unwrap();
        writeln!(keeper.orders, "{order}").unwrap();
        keeper.hears("done");
    }
}

impl Keeper {
    fn hears(&mut self, word: &str) {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), word, "the cluster's script failed and said why");
    }
}

/// A database on a cluster.
#[derive(Clone)]
pub struct Database {
    port: u16,
    name: String,
}

impl Database {
    /// Returns its URL.
    pub fn url(&self) -> String {
        self.of(&self.name)
    }

    /// Returns its URL by way of another address.
    pub fn url_by(&self, address: &str) -> String {
        format!("postgres://relay@{address}/{}?sslmode=disable", self.name)
    }

    fn of(&self, name: &str) -> String {
        format!("postgres://relay@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    /// Returns the result of a statement: a line a row, columns apart by `|`.
    pub fn query(&self, sql: &str) -> String {
        psql(&self.url(), sql)
    }

    /// Returns true if a row holds the text.
    pub fn holds(&self, text: &str) -> bool {
        let output = Command::new("pg_dump").args(["--data-only", &self.url()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let dump = String::from_utf8(output.stdout).unwrap();
        // Bodies are dumped in hexadecimal.
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        dump.contains(text) || dump.contains(&hex)
    }

    /// Ends all connections to it but the asking one.
    pub fn end_connections(&self) {
        self.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
    }
}

fn psql(url: &str, sql: &str) -> String {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql, url]);
    let output = psql.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

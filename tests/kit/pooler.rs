//! A `PgBouncer` between relays and a server, in the mode that gives every transaction another
//! connection.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::eventually;

/// One at work.
pub struct Pooler {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Pooler {
    /// Starts one with `connections` connections to the server at this port. Installs the program, if it is
    /// missing.
    pub fn before(server: u16, connections: u16) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=relay\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 100\n"
        );
        fs::write(&settings, text).unwrap();
        // It refuses to run as root, and another user may not enter this folder.
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kit/pgbouncer.sh");
        let process = Command::new("bash")
            .arg(script)
            .arg(&settings)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut pooler = Self { process, port, _folder: folder };
        eventually("the pooler listens", || {
            assert!(pooler.process.try_wait().unwrap().is_none(), "the pooler ended");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        pooler
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

//! Libraries of Python and Node that tests run beside the relay.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders of the libraries.
pub struct Libraries {
    pub python: PathBuf,
    pub node: PathBuf,
}

impl Libraries {
    /// Installs the libraries if they are missing.
    ///
    /// # Panics
    /// If they can't be installed, with the reason.
    #[track_caller]
    pub fn installed() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kit/libraries.sh");
        let output = Command::new(script).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let mut folders = printed.lines().map(PathBuf::from);
        Self { python: folders.next().unwrap(), node: folders.next().unwrap() }
    }

    /// Returns the script of axe-core, which finds faults of accessibility in a page.
    #[track_caller]
    pub fn axe(&self) -> String {
        std::fs::read_to_string(self.node.join(Path::new("axe-core/axe.min.js"))).unwrap()
    }
}

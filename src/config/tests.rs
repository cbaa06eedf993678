//! Tests of loading as a whole: layers, problems, secrets, and the built-in file.

mod defaults;
mod forms;
mod layers;
mod problems;
mod risks;
mod together;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::config::problem::Problems;
use crate::config::sources::Sources;
use crate::config::{Required, Settings};

/// The settings that receiving and delivering need, and no others.
const REQUIRED: [(&str, &str); 3] = [
    ("CIO_SITE_ID", "site"),
    ("CIO_API_KEY", "hush-key-of-customerio"),
    ("RELAY__GROWSURF__WEBHOOK_SECRETS", "hush-hook-of-growsurf"),
];

/// A directory with a settings file, and the variables to load with.
struct Setup {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Setup {
    /// Returns the required settings and nothing else.
    fn new() -> Self {
        REQUIRED.iter().fold(Self::empty(), |setup, (name, value)| setup.variable(name, value))
    }

    fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn toml(self, text: &str) -> Self {
        self.file("config/relay.toml", text)
    }

    fn sources(&self, file: Option<&str>) -> Sources {
        Sources::new(file.map(PathBuf::from), self.variables.clone())
            .in_directory(self.directory.path())
    }

    fn load(&self) -> Result<Settings, Problems> {
        Settings::load(&self.sources(None), Required::Everything)
    }

    /// Loads what a command that neither receives nor delivers needs.
    fn load_any(&self) -> Result<Settings, Problems> {
        Settings::load(&self.sources(None), Required::Nothing)
    }

    fn settings(&self) -> Settings {
        self.load().unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Returns the problems, one a line; none is a failed test.
    fn problems(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

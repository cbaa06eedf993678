//! The sources of settings: one file and the environment, handed in as values.
//!
//! Only [`Sources::from_process`] reads the process; everything else works on its arguments,
//! so tests and commands can load settings from any environment. What the variables mean is the
//! business of `environment`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The file that is read when none is named, relative to the directory; it may be missing.
const DEFAULT_FILE: &str = "config/relay.toml";

/// No settings file or secret is longer, in bytes; stops a path such as `/dev/zero`.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The sources of settings. The variables hold secrets, so they can't be shown.
#[derive(Default)]
pub struct Sources {
    file: Option<PathBuf>,
    directory: PathBuf,
    environment: BTreeMap<String, String>,
    not_text: Vec<String>,
}

impl Sources {
    /// Settings from a named file, or `config/relay.toml` if it exists, and these variables.
    ///
    /// A named file must exist. Paths are relative to the working directory.
    pub fn new(
        file: Option<PathBuf>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self { file, environment: environment.into_iter().collect(), ..Self::default() }
    }

    /// Returns the same with the variables of this process; those that aren't Unicode become
    /// problems if they are the relay's.
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let mut sources = Self { file, ..Self::default() };
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(sources.environment.insert(name, value)),
                Err(_) => sources.not_text.push(name),
            }
        }
        sources
    }

    /// Returns the same with paths relative to this directory instead of the working directory.
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Returns the names of variables whose values aren't Unicode.
    pub(super) fn not_text(&self) -> &[String] {
        &self.not_text
    }

    /// Returns the settings file's path and content; `None` if none was named and there is none.
    pub(super) fn file(&self) -> Option<(PathBuf, io::Result<String>)> {
        match &self.file {
            Some(path) => Some((path.clone(), self.read(path))),
            None => match self.read(Path::new(DEFAULT_FILE)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                read => Some((PathBuf::from(DEFAULT_FILE), read)),
            },
        }
    }

    /// True if a path names a folder, one that is there, and a file in it.
    pub(super) fn has_folder_of(&self, path: &Path) -> bool {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        folder.is_some_and(|folder| self.directory.join(folder).is_dir())
    }

    /// Returns the text of a file that a setting names.
    pub(super) fn read(&self, path: &Path) -> io::Result<String> {
        let file = File::open(self.directory.join(path))?;
        let text = io::read_to_string(file.take(MAX_FILE_BYTES + 1))?;
        match text.len() as u64 {
            ..=MAX_FILE_BYTES => Ok(text),
            _ => Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Sources;

    #[test]
    fn the_default_file_may_be_missing_and_a_named_one_not() {
        let directory = tempfile::tempdir().unwrap();
        let none = Sources::new(None, []).in_directory(directory.path());
        assert!(none.file().is_none());
        let named = Sources::new(Some(PathBuf::from("a.toml")), []).in_directory(directory.path());
        assert!(named.file().unwrap().1.is_err());
    }
}

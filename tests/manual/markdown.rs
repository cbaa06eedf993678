//! Markdown files as the tests of this folder read them.

use std::fs;
use std::path::{Path, PathBuf};

/// The files outside of the guide that speak of the binary.
const OTHERS: [&str; 2] = ["README.md", ".github/CONTRIBUTING.md"];

/// Returns the root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Markdown file.
pub struct Page {
    pub path: PathBuf,
    pub text: String,
}

impl Page {
    /// Reads a file, by its path below the root of the repository.
    pub fn of(path: &str) -> Self {
        Self::read(root().join(path))
    }

    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        Self { path, text }
    }

    /// Returns the name of the topic.
    pub fn name(&self) -> &str {
        self.path.file_stem().unwrap().to_str().unwrap()
    }

    /// Returns the blocks of code in one language, and the text outside of all blocks.
    pub fn split(&self, language: &str) -> (Vec<&str>, String) {
        let parts: Vec<&str> = self.text.split("```").collect();
        let fenced = parts.iter().skip(1).step_by(2);
        let blocks = fenced.filter_map(|it| it.strip_prefix(language)?.strip_prefix('\n'));
        (blocks.collect(), parts.iter().step_by(2).copied().collect())
    }

    /// Returns the text outside of blocks, without code.
    pub fn prose(&self) -> String {
        let (_, text) = self.split("");
        text.split('`').step_by(2).collect::<Vec<_>>().join("X")
    }

    /// Returns the text between backticks.
    pub fn spans(&self) -> Vec<String> {
        let (_, text) = self.split("");
        text.split('`').skip(1).step_by(2).map(|it| it.replace('\n', " ")).collect()
    }

    /// Returns every span and every line of a block, those that end with a backslash joined.
    pub fn code(&self) -> Vec<String> {
        let (blocks, _) = self.split("sh");
        let lines = blocks.iter().flat_map(|it| {
            let joined = it.replace("\\\n", " ");
            joined.lines().map(str::to_owned).collect::<Vec<_>>()
        });
        lines.chain(self.spans()).collect()
    }
}

/// Returns the pages of the guide.
pub fn pages() -> Vec<Page> {
    let files = fs::read_dir(root().join("src/docs")).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|it| it.extension().is_some_and(|it| it == "md")).collect();
    files.sort();
    assert!(files.len() > 10, "{files:?}");
    files.into_iter().map(Page::read).collect()
}

/// Returns the same and the other files.
pub fn all() -> Vec<Page> {
    let others = OTHERS.map(Page::of);
    pages().into_iter().chain(others).collect()
}

/// Words of letters, digits and underscores.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_').filter(|it| !it.is_empty())
}

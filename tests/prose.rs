//! The language of the project: no retired names, plain beginnings of docs, and short sentences.
//!
//! A program can check no more of CONTRIBUTING's rules than this.

use std::fs;
use std::path::{Path, PathBuf};

use crate::kit::process::binary;

/// Names that the glossary replaced.
const RETIRED: &[&str] = &[
    "Absent",
    "ahead_of",
    "Answering",
    "ask_for_token",
    "Asked",
    "attend",
    "AtWork",
    "blames_the_plan",
    "bookmark",
    "Carrier",
    "Causes",
    "Company",
    "confer",
    "Deed",
    "Delivering",
    "Depth",
    "Desk",
    "excuse",
    "Face",
    "Fiction",
    "first_hand",
    "Forgotten",
    "Gate",
    "healed",
    "HEALED",
    "hear",
    "HEARD",
    "Hidden",
    "Hushed",
    "is_hearsay",
    "keep_house",
    "KeepCompany",
    "Knower",
    "let_go",
    "make_sure",
    "MissingReads",
    "Needs",
    "News",
    "Offered",
    "Overtaken",
    "Owed",
    "PageGate",
    "patience",
    "patient",
    "Pen",
    "Presence",
    "Pulse",
    "Receipted",
    "RestKind",
    "rooms",
    "Ruling",
    "rung",
    "Seat",
    "Seated",
    "SEEMING",
    "seen_to_panic",
    "SharedBudget",
    "Sharers",
    "Silence",
    "Standing",
    "Supposed",
    "suspicions",
    "Tally",
    "Tell",
    "Told",
    "Traced",
    "Transmission",
    "Trust",
    "Unplanned",
    "Untried",
    "Way",
    "WayBack",
    "Well",
    "Wellness",
    "Whereabouts",
    "Wish",
    "withheld",
];

/// The folders whose code uses the glossary's names.
const FOLDERS: [&str; 3] = ["src", "tests", "benches"];

/// Beginnings of a doc comment that name nothing and nobody who acts.
const QUESTIONS: [&str; 7] = ["What", "Who", "Whom", "Whose", "Why", "Whether", "How"];

/// Words for which the glossary or plain English has another one.
const BANNED: [&str; 10] =
    ["told", "tell", "tells", "telling", "news", "mend", "mends", "mended", "somebody", "whoever"];

/// Nouns that commands count; `domain::plural` gives them their form.
const COUNTED: [&str; 8] =
    ["call", "event", "finding", "letter", "participant", "row", "webhook", "attempt"];

/// The longest sentence of an error message or of `--help`, in words.
const WORDS: usize = 25;

/// Returns the Rust files below a folder, with their text.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    found.sort();
    assert!(found.len() > 3, "only {} files in {folder}", found.len());
    found
}

/// Returns the words of a line of code, without its comment.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap();
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| !name.is_empty())
}

#[test]
fn no_retired_name_is_used() {
    let mut found = Vec::new();
    for (path, text) in FOLDERS.into_iter().flat_map(files) {
        if path.ends_with("tests/prose.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for name in names(line).filter(|name| RETIRED.contains(name)) {
                found.push(format!("{}:{}: {name}", path.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "design.md and CONTRIBUTING have the names:\n{}", found.join("\n"));
}

/// Returns the first line of each doc comment, with its number.
fn first_lines(text: &str) -> Vec<(usize, &str)> {
    let doc = |line: &'_ str| {
        let line = line.trim_start();
        line.starts_with("///") || line.starts_with("//!")
    };
    let mut before = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let is_doc = doc(line);
        if is_doc && !before {
            found.push((number + 1, line.trim_start()[3..].trim_start()));
        }
        before = is_doc;
    }
    found
}

#[test]
fn docs_begin_with_a_noun_or_a_verb() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (path, text) in FOLDERS.into_iter().flat_map(files) {
        for (number, line) in first_lines(&text) {
            seen += 1;
            let first = line.split(|c: char| !c.is_alphabetic()).next().unwrap();
            if QUESTIONS.contains(&first) {
                wrong.push(format!("{}:{number}: {line}", path.display()));
            }
        }
    }
    assert!(seen > 1_000, "only {seen} docs were found");
    assert!(wrong.is_empty(), "name the thing or the action:\n{}", wrong.join("\n"));
}

/// Returns the functions with a doc, apart from tests: the line, its number and the doc's first line.
fn documented_functions(text: &str) -> Vec<(usize, &str, &str)> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let is_doc = |line: &&&str| line.starts_with("///");
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let code =
            ["pub ", "pub(super) ", "pub(crate) ", "pub(in crate::store) ", "const ", "async "]
                .iter()
                .fold(*line, |code, word| code.strip_prefix(word).unwrap_or(code));
        let above = lines[..number].iter().rev();
        let attributes = above.clone().take_while(|line| line.starts_with("#["));
        let attributes: Vec<&&str> = attributes.collect();
        let is_test = attributes.iter().any(|line| line.contains("test"));
        let docs: Vec<_> = above.skip(attributes.len()).take_while(is_doc).collect();
        if let (true, false, Some(first)) = (code.starts_with("fn "), is_test, docs.last()) {
            found.push((
                number + 1 - attributes.len() - docs.len(),
                *line,
                first[3..].trim_start(),
            ));
        }
    }
    found
}

#[test]
fn docs_of_functions_begin_with_a_verb() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (path, text) in FOLDERS.into_iter().flat_map(files) {
        for (number, function, doc) in documented_functions(&text) {
            seen += 1;
            let first = doc.split(|c: char| !c.is_alphabetic()).next().unwrap();
            let is_verb = first.ends_with('s') && !["This", "As", "Is", "Its"].contains(&first);
            if !is_verb && first != "True" {
                wrong.push(format!("{}:{number}: {doc} ({function})", path.display()));
            }
        }
    }
    assert!(seen > 1_000, "only {seen} functions were found");
    assert!(wrong.is_empty(), "say what the function does, \"Returns ...\":\n{}", wrong.join("\n"));
}

#[test]
fn no_banned_word_is_used() {
    let mut found = Vec::new();
    for (path, text) in FOLDERS.into_iter().flat_map(files) {
        if path.ends_with("tests/prose.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let words = line.split(|c: char| !c.is_ascii_alphabetic());
            for word in words.map(str::to_ascii_lowercase) {
                if BANNED.contains(&&*word) {
                    found.push(format!("{}:{}: {word}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "CONTRIBUTING has plain words:\n{}", found.join("\n"));
}

#[test]
fn output_counts_by_one_function() {
    let mut found = Vec::new();
    for (path, text) in files("src/cli").into_iter().chain(files("src/inspect")) {
        for (number, line) in text.lines().enumerate() {
            for noun in COUNTED {
                // `{count} rows` in place of `plural(count, "row")`.
                let pieces = line.split(&format!(" {noun}s")).collect::<Vec<_>>();
                let before = &pieces[..pieces.len() - 1];
                if before.iter().any(|piece| piece.ends_with('}')) {
                    found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "use `plural`, or 1 is wrong:\n{}", found.join("\n"));
}

/// Returns the sentences of a text that have too many words.
fn long_sentences(text: &str) -> Vec<String> {
    let ends = |word: &str| word.ends_with(['.', '?', '!', ':', ';']);
    let words: Vec<&str> = text.split_whitespace().collect();
    let sentences = words.split_inclusive(|word| ends(word));
    sentences.filter(|it| it.len() > WORDS).map(|it| it.join(" ")).collect()
}

/// Returns the texts of all `#[error("...")]`.
fn error_messages(text: &str) -> Vec<String> {
    let attributes = text.split("#[error(").skip(1).filter_map(|rest| {
        let literal = rest.trim_start().strip_prefix('"')?;
        let end = literal.match_indices('"').find(|(at, _)| !literal[..*at].ends_with('\\'))?.0;
        Some(literal[..end].replace("\\\n", " "))
    });
    attributes.collect()
}

#[test]
fn errors_have_short_sentences() {
    let (mut long, mut seen) = (Vec::new(), 0);
    for (path, text) in files("src") {
        for message in error_messages(&text) {
            seen += 1;
            let found = long_sentences(&message).into_iter();
            long.extend(found.map(|sentence| format!("{}: {sentence}", path.display())));
        }
    }
    assert!(seen > 50, "only {seen} messages were found");
    assert!(long.is_empty(), "more than {WORDS} words:\n{}", long.join("\n"));
}

/// Returns the help of a command and of all below it.
fn helps(command: &[String]) -> Vec<String> {
    let output = binary().args(command).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Usage:"), "{command:?}: {help}");
    let list = help.split_once("\nCommands:\n").map_or("", |(_, list)| list);
    let lines = list.lines().take_while(|line| !line.is_empty());
    // The names stand two columns in; the lines below them are descriptions.
    let named = lines.filter(|line| line.len() > 2 && !line[2..].starts_with(' '));
    let names = named.filter_map(|line| line.split_whitespace().next());
    let below = names.filter(|name| *name != "help").map(str::to_owned);
    let below: Vec<String> = below.flat_map(|name| helps(&[command, &[name]].concat())).collect();
    std::iter::once(help).chain(below).collect()
}

#[test]
fn help_has_short_sentences() {
    let helps = helps(&[]);
    assert!(helps.len() > 20, "only {} commands were found", helps.len());
    let mut long = Vec::new();
    for help in helps {
        // A paragraph goes on while the lines stand equally far in and are no columns.
        let mut paragraph = (0, String::new());
        for line in help.lines().chain([""]) {
            let text = line.trim_start();
            let indent = line.len() - text.len();
            if text.is_empty() || indent != paragraph.0 || text.contains("  ") {
                long.extend(long_sentences(&paragraph.1));
                paragraph = (indent, String::new());
            }
            let last_column = text.rsplit("  ").next().unwrap();
            paragraph.1 += last_column;
            paragraph.1.push(' ');
        }
    }
    assert!(long.is_empty(), "more than {WORDS} words:\n{}", long.join("\n"));
}

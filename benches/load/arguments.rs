//! The command line of the benchmark.

use std::path::{Path, PathBuf};

use super::Part;
use super::candidates::Candidate;

/// A setting of a measurement: connections, and the destination's delay in milliseconds.
pub type Setting = (usize, u64);

/// The arguments of a run.
pub struct Arguments {
    /// The role to play instead of measuring, with its own arguments.
    pub role: Option<Vec<String>>,
    /// Number of rounds.
    pub rounds: usize,
    /// Time that one measurement takes, after as long a warm-up at most.
    pub seconds: u64,
    /// The destination's delays in milliseconds.
    pub delays: Vec<u64>,
    /// Number of webhooks that the filled stores hold, smallest first.
    pub rows: Vec<u64>,
    /// Number of calls that a backlog has.
    pub backlog: u64,
    /// Folder of the stores. Cargo's own folder by default, because `/tmp` may be memory.
    pub folder: PathBuf,
    /// Folder in which filled stores stay after the run, for the next one; else they are removed.
    pub stock: Option<PathBuf>,
    /// Number of connections that the client has.
    pub connections: Vec<usize>,
    /// True if it is about stores on a Postgres server.
    server: bool,
    candidate: Option<String>,
    only: Vec<String>,
}

impl Arguments {
    /// Reads the command line; says what is wrong with it and ends the process.
    pub fn read() -> Self {
        let mut arguments = Self {
            role: None,
            rounds: 3,
            seconds: 5,
            delays: vec![0, 50],
            rows: vec![10_000, 1_000_000],
            backlog: 100_000,
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned(),
            stock: None,
            connections: vec![1, 32, 128],
            server: false,
            candidate: None,
            only: Vec::new(),
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| wrong(&word));
            match word.as_str() {
                // Cargo says it to every benchmark.
                "--bench" => {}
                "--role" => {
                    arguments.role = Some(words.collect());
                    return arguments;
                }
                "--only" => arguments.only = parts(&word, &value()),
                "--store" => match value().as_str() {
                    "sqlite" => arguments.server = false,
                    "postgres" => arguments.server = true,
                    _ => wrong(&word),
                },
                "--rounds" => arguments.rounds = number(&word, &value()),
                "--seconds" => arguments.seconds = number(&word, &value()),
                "--connections" => arguments.connections = numbers(&word, &value()),
                "--delays" => arguments.delays = numbers(&word, &value()),
                "--candidate" => arguments.candidate = Some(value()),
                "--rows" => arguments.rows = numbers(&word, &value()),
                "--backlog" => arguments.backlog = number(&word, &value()),
                "--stock" => arguments.stock = Some(value().into()),
                "--folder" => arguments.folder = value().into(),
                _ => wrong(&word),
            }
        }
        arguments.rows.sort_unstable();
        if arguments.rounds == 0 || arguments.seconds == 0 || arguments.rows.is_empty() {
            wrong("--rounds, --seconds or --rows");
        }
        std::fs::create_dir_all(&arguments.folder).unwrap();
        arguments
    }

    /// Returns the number of times that what takes a moment only is measured.
    pub fn short_rounds(&self) -> usize {
        2 * self.rounds - 1
    }

    /// Returns true if this part was asked for.
    pub fn wants(&self, part: Part) -> bool {
        if self.only.is_empty() {
            return self.server == matches!(part, Part::Server);
        }
        self.only.iter().any(|name| name == part.name())
    }

    /// Returns every combination of connections and delay, each with the candidates to measure
    /// there: what doesn't deliver is measured once, because no delay changes it.
    pub fn settings(&self) -> Vec<(Setting, Vec<Candidate>)> {
        let first = self.delays.first().copied();
        let of_delay = |&delay| {
            let fits = move |candidate: &Candidate| {
                self.is_asked(candidate.name()) && (candidate.delivers() || Some(delay) == first)
            };
            self.connections.iter().map(move |&connections| {
                ((connections, delay), Candidate::ALL.into_iter().filter(fits).collect())
            })
        };
        self.delays.iter().flat_map(of_delay).collect()
    }

    /// Returns true if the candidate of this name is to be measured.
    pub fn is_asked(&self, name: &str) -> bool {
        self.candidate.as_ref().is_none_or(|asked| name.contains(asked.as_str()))
    }
}

fn parts(word: &str, value: &str) -> Vec<String> {
    let names: Vec<String> = value.split(',').map(str::to_owned).collect();
    let is_known = |name: &String| Part::ALL.iter().any(|part| part.name() == name.as_str());
    if names.iter().all(is_known) { names } else { wrong(word) }
}

fn number<T: std::str::FromStr>(word: &str, value: &str) -> T {
    value.parse().unwrap_or_else(|_| wrong(word))
}

fn numbers<T: std::str::FromStr>(word: &str, value: &str) -> Vec<T> {
    value.split(',').map(|one| number(word, one)).collect()
}

fn wrong(word: &str) -> ! {
    eprintln!("load: {word} is unknown or lacks its value; see benches/load/main.rs");
    std::process::exit(64)
}

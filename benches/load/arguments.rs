//! The command line of the benchmark.

use super::Setting;
use super::candidates::Candidate;

/// What was asked for.
pub struct Arguments {
    /// The role to play instead of measuring, with its own arguments.
    pub role: Option<Vec<String>>,
    /// How often everything is measured.
    pub rounds: usize,
    /// How long one measurement takes, after as long a warm-up at most.
    pub seconds: u64,
    connections: Vec<usize>,
    delays: Vec<u64>,
    only: Option<String>,
}

impl Arguments {
    /// Reads the command line; says what is wrong with it and ends the process.
    pub fn read() -> Self {
        let mut arguments = Self {
            role: None,
            rounds: 3,
            seconds: 5,
            connections: vec![1, 32, 128],
            delays: vec![0, 50],
            only: None,
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
                "--rounds" => arguments.rounds = number(&word, &value()),
                "--seconds" => arguments.seconds = number(&word, &value()),
                "--connections" => arguments.connections = numbers(&word, &value()),
                "--delays" => arguments.delays = numbers(&word, &value()),
                "--only" => arguments.only = Some(value()),
                _ => wrong(&word),
            }
        }
        arguments
    }

    /// Every combination of connections and delay.
    pub fn settings(&self) -> Vec<Setting> {
        let of = |&delay| self.connections.iter().map(move |&connections| (connections, delay));
        self.delays.iter().flat_map(of).collect()
    }

    /// Whether a candidate is to be measured.
    pub fn wants(&self, candidate: Candidate) -> bool {
        self.only.as_ref().is_none_or(|only| candidate.name().contains(only.as_str()))
    }
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

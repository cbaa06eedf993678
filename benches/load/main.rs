//! `cargo bench --bench load`: how fast the relay is, beside what people build by hand.
//!
//! One run in several parts, each a table; at the end the targets, each with what was measured.
//! Separate processes, candidates in turn, medians over the rounds.
//!
//! | part | what is measured |
//! |---|---|
//! | `latency` | from webhook to acceptance by Customer.io, at a low rate, open loop |
//! | `acks` | acknowledgements a second, beside a bare axum handler and one made by hand, closed loop |
//! | `drain` | a backlog that is delivered after a start |
//! | `rows` | time to accept and to deliver, in stores with few and many rows |
//! | `server` | acknowledgements a second and backlogs with stores on a Postgres server; with `--store postgres` alone |
//! | `ui` | the operator's pages in the largest of the filled stores, and what open ones cost webhooks |
//! | `start` | from the start of the process to ready, with few and many rows, after a kill, too |
//!
//! ```text
//! cargo bench --bench load -- [--only latency,acks,drain,rows,ui,start] [--rounds 3] [--seconds 5]
//!     [--connections 1,32,128] [--delays 0,50] [--candidate NAME] [--backlog 100000]
//!     [--rows 10000,1000000] [--stock PATH] [--folder PATH] [--store postgres]
//! ```
//!
//! The server is one that the run starts with Debian's PostgreSQL, in the same folder and with its
//! usual settings. It needs Linux, and Node with npm for the handler made by hand (`benches/express`). The target
//! for large stores asks for `--rows 10000,1000000,5000000`, which takes 15 GB of disk and most of
//! an hour to fill; `--stock` names a folder where filled stores stay for the next run.
//! `--folder` on a tmpfs shows what is left without a disk.
//!
//! This binary is all the other roles, too: it starts itself as the bare handler and as the
//! stand-in for Customer.io, which only counts, because the sandbox remembers everything.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on has to stop")]

mod acks;
mod arguments;
mod candidates;
mod client;
mod destination;
mod drain;
mod keeper;
mod latency;
mod machine;
mod paced;
#[expect(dead_code, reason = "tests use more of it")]
#[path = "../../tests/kit/postgres.rs"]
mod postgres;
mod process;
mod roles;
mod rows;
mod server;
mod start;
mod statistics;
mod stock;
mod table;
mod targets;
mod ui;
mod webhooks;

use arguments::Arguments;
use stock::Stock;
use targets::Target;

/// A part of the run.
#[derive(Clone, Copy)]
enum Part {
    Latency,
    Acks,
    Drain,
    Rows,
    Start,
    Server,
    Ui,
}

impl Part {
    /// In the order of measuring: what leaves the disk busy comes last.
    const ALL: [Self; 7] =
        [Self::Latency, Self::Acks, Self::Drain, Self::Server, Self::Rows, Self::Ui, Self::Start];

    fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Acks => "acks",
            Self::Drain => "drain",
            Self::Rows => "rows",
            Self::Start => "start",
            Self::Server => "server",
            Self::Ui => "ui",
        }
    }

    fn run(self, arguments: &Arguments, stock: &mut Stock) -> Vec<Target> {
        match self {
            Self::Latency => latency::run(arguments),
            Self::Acks => acks::run(arguments),
            Self::Drain => drain::run(arguments),
            Self::Rows => rows::run(arguments, stock),
            Self::Start => start::run(arguments, stock),
            Self::Server => server::run(arguments),
            Self::Ui => ui::run(arguments, stock),
        }
    }
}

fn main() {
    let arguments = Arguments::read();
    if let Some(role) = &arguments.role {
        return roles::play(role);
    }
    let is_quiet = machine::describe(&arguments.folder);
    let mut stock = Stock::new(&arguments);
    let mut targets = Vec::new();
    for part in Part::ALL {
        if arguments.wants(part) {
            println!("\n## {}\n", part.name());
            targets.extend(part.run(&arguments, &mut stock));
        }
    }
    println!("\n{}", machine::fsync_line(&arguments.folder));
    targets::print(&targets, is_quiet);
}

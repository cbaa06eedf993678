//! Stores on a Postgres server: one relay and two of them, beside one with a file and the handler
//! made by hand.
//!
//! The server runs on the same machine and shares its cores, so two relays aren't faster here than
//! one: what counts is what a webhook costs, in the relays and in the server.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::acks::WARM_UP;
use super::arguments::Arguments;
use super::candidates::{Candidate, relay};
use super::client::{self, Measured};
use super::destination::Destination;
use super::keeper::Keeper;
use super::machine;
use super::postgres::{Cluster, Database};
use super::process::{Process, Usage, free_address};
use super::statistics::{median, range};
use super::targets::Target;
use super::webhooks::{CALLS, Requests};

/// Time that a backlog may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The target of webhooks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// To one relay with a file.
    File,
    /// This many relays on one server.
    Server(usize),
    /// To the handler made by hand.
    Express,
}

/// A kind, and whether Customer.io answers.
type Route = (Kind, bool);

const ROUTES: [Route; 7] = [
    (Kind::File, false),
    (Kind::Server(1), false),
    (Kind::Server(2), false),
    (Kind::File, true),
    (Kind::Server(1), true),
    (Kind::Server(2), true),
    (Kind::Express, true),
];

impl Kind {
    fn name(self) -> String {
        match self {
            Self::File => "one relay, SQLite".to_owned(),
            Self::Server(1) => "one relay, Postgres".to_owned(),
            Self::Server(relays) => format!("{relays} relays, Postgres"),
            Self::Express => Candidate::Express.name().to_owned(),
        }
    }
}

/// The relays that accept webhooks.
struct Fleet {
    processes: Vec<Process>,
    addresses: Vec<SocketAddr>,
    folders: Vec<TempDir>,
}

impl Fleet {
    /// Relays on one store.
    fn of(relays: usize, store: &str, customerio: SocketAddr, arguments: &Arguments) -> Self {
        let mut fleet = Self { processes: Vec::new(), addresses: Vec::new(), folders: Vec::new() };
        for _ in 0..relays {
            let (address, folder) = (free_address(), TempDir::new_in(&arguments.folder).unwrap());
            let mut command = relay(folder.path(), address, customerio, true);
            command.env("RELAY__STORE__URL", store);
            fleet.processes.push(Process::start(command, address));
            fleet.addresses.push(address);
            fleet.folders.push(folder);
        }
        fleet
    }

    fn cpu(&self) -> f64 {
        self.processes.iter().map(|process| process.usage().cpu).sum()
    }

    fn stop(self) {
        self.processes.into_iter().for_each(Process::stop);
    }
}

/// Measures and prints; there are no targets.
pub fn run(arguments: &Arguments) -> Vec<Target> {
    let folder = TempDir::new_in(&arguments.folder).unwrap();
    // The server runs as another user, if this one is root.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let cluster = Cluster::start_in(folder.path().to_str().unwrap(), true);
    println!("{}\n", cluster.database().query("SELECT version()"));
    acks(arguments, &cluster);
    println!();
    drains(arguments, &cluster);
    Vec::new()
}

/// The result of one path in one round.
struct Acks {
    measured: Measured,
    relay_cpu: f64,
    server_cpu: f64,
}

fn acks(arguments: &Arguments, cluster: &Cluster) {
    println!(
        "| connections | Customer.io | candidate | acks/s (range) | of SQLite | of express | p50 ms | p99 ms | CPU us an ack | of the server |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let routes: Vec<Route> =
        ROUTES.into_iter().filter(|(kind, _)| arguments.is_asked(&kind.name())).collect();
    let many = arguments.connections.iter().filter(|it| **it > 1);
    for &connections in many {
        let mut rounds: Vec<Vec<Acks>> = Vec::new();
        for round in 0..arguments.rounds {
            let acks = routes.iter().map(|way| {
                let acks = measure(*way, connections, arguments, cluster);
                eprintln!(
                    "round {} {connections} {} {}: {:.0} acks/s",
                    round + 1,
                    way.0.name(),
                    way.1,
                    acks.measured.rate()
                );
                acks
            });
            rounds.push(acks.collect());
        }
        let typical = |way: usize, value: &dyn Fn(&Acks) -> f64| {
            median(rounds.iter().map(|round| value(&round[way])))
        };
        for (place, (kind, answers)) in routes.iter().enumerate() {
            let rate = |acks: &Acks| acks.measured.rate();
            let to = |other: Route| {
                let other = routes.iter().position(|way| *way == other);
                other.map(|other| typical(place, &rate) / typical(other, &rate))
            };
            let ratio = |other| to(other).map_or(String::new(), |ratio| format!("{ratio:.2}"));
            let each = |value: fn(&Acks) -> f64| {
                let each = |acks: &Acks| value(acks) * 1e6 / acks.measured.latencies.len() as f64;
                typical(place, &each)
            };
            println!(
                "| {connections} | {} | {} | {:.0} ({}) | {} | {} | {:.2} | {:.2} | {:.0} | {:.0} |",
                if *answers { "answers at once" } else { "never answers" },
                kind.name(),
                typical(place, &rate),
                range(rounds.iter().map(|round| rate(&round[place])), 0),
                ratio((Kind::File, *answers)),
                ratio((Kind::Express, *answers)),
                typical(place, &|acks| acks.measured.percentile(0.5)),
                typical(place, &|acks| acks.measured.percentile(0.99)),
                each(|acks| acks.relay_cpu),
                each(|acks| acks.server_cpu),
            );
        }
        let refused: usize = rounds.iter().flatten().map(|acks| acks.measured.refused).sum();
        assert_eq!(refused, 0, "webhooks were refused");
    }
}

fn measure(
    (kind, answers): Route,
    connections: usize,
    arguments: &Arguments,
    cluster: &Cluster,
) -> Acks {
    let destination = answers.then(|| Destination::start(0, false));
    let customerio = destination.as_ref().map_or_else(free_address, |it| it.address);
    let fleet = match kind {
        Kind::File => Fleet::of(1, "sqlite:relay.db", customerio, arguments),
        Kind::Server(relays) => Fleet::of(relays, &cluster.database().url(), customerio, arguments),
        Kind::Express => {
            let running = Candidate::Express.start(arguments, 0, false);
            let (processes, addresses) = (vec![running.process], vec![running.address]);
            // Its destination goes on until the end of the measurement.
            let acks = measure_fleet(
                &Fleet { processes, addresses, folders: Vec::new() },
                connections,
                arguments,
            );
            drop(running.destination);
            return acks;
        }
    };
    measure_fleet(&fleet, connections, arguments)
}

fn measure_fleet(fleet: &Fleet, connections: usize, arguments: &Arguments) -> Acks {
    let spans = (
        Duration::from_secs(arguments.seconds.min(WARM_UP)),
        Duration::from_secs(arguments.seconds),
    );
    let requests = Requests::new(true, 0, machine::now_millis());
    let look = || (fleet.cpu(), Usage::of_all("postgres"));
    let (mut before, mut after) = Default::default();
    let measured = client::closed_loop(
        &fleet.addresses,
        connections,
        requests,
        spans,
        || before = look(),
        || after = look(),
    );
    Acks { measured, relay_cpu: after.0 - before.0, server_cpu: after.1 - before.1 }
}

/// A backlog, delivered.
struct Drain {
    rate: f64,
    relay_cpu: f64,
    server_cpu: f64,
    /// The store's size on disk afterwards, in bytes.
    size: f64,
}

fn drains(arguments: &Arguments, cluster: &Cluster) {
    let folder = TempDir::new_in(&arguments.folder).unwrap();
    let full = folder.path().join("full.db");
    let keeper = Keeper::open(&full);
    let webhooks = arguments.backlog / CALLS;
    keeper.accept(0..webhooks, 512);
    keeper.close();
    let database = cluster.database();
    copy(&full, &database);
    let kinds = [Kind::File, Kind::Server(1), Kind::Server(2)];
    let kinds: Vec<Kind> =
        kinds.into_iter().filter(|kind| arguments.is_asked(&kind.name())).collect();
    if kinds.is_empty() {
        return;
    }
    let mut rounds: Vec<Vec<Drain>> = Vec::new();
    for round in 0..arguments.rounds {
        let drains = kinds.iter().map(|kind| {
            let drain = drain(*kind, &full, (cluster, &database), arguments);
            eprintln!("round {} {}: {:.0} calls/s", round + 1, kind.name(), drain.rate);
            drain
        });
        rounds.push(drains.collect());
    }
    println!(
        "\n| backlog of {} calls | calls/s (range) | of SQLite | CPU us a call | of the server | GB a million webhooks |",
        arguments.backlog
    );
    println!("|---|---|---|---|---|---|");
    for (place, kind) in kinds.iter().enumerate() {
        let typical = |place: usize, value: &dyn Fn(&Drain) -> f64| {
            median(rounds.iter().map(|round| value(&round[place])))
        };
        let each = 1e6 / arguments.backlog as f64;
        println!(
            "| {} | {:.0} ({}) | {:.2} | {:.0} | {:.0} | {:.2} |",
            kind.name(),
            typical(place, &|drain| drain.rate),
            range(rounds.iter().map(|round| round[place].rate), 0),
            typical(place, &|drain| drain.rate) / typical(0, &|drain| drain.rate),
            typical(place, &|drain| drain.relay_cpu * each),
            typical(place, &|drain| drain.server_cpu * each),
            typical(place, &|drain| drain.size / webhooks as f64 / 1e3),
        );
    }
}

/// Copies the file's store into the database, as its user would.
fn copy(full: &Path, database: &Database) {
    let began = Instant::now();
    let copied = Command::new(env!("CARGO_BIN_EXE_referral-relay"))
        .args(["store", "copy", "--from", &format!("sqlite:{}", full.display())])
        .args(["--to", &database.url()])
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    println!(
        "`store copy` of the backlog into the server took {:.1} s.",
        began.elapsed().as_secs_f64()
    );
}

fn drain(
    kind: Kind,
    full: &Path,
    (cluster, database): (&Cluster, &Database),
    arguments: &Arguments,
) -> Drain {
    let destination = Destination::start(0, true);
    let own = TempDir::new_in(&arguments.folder).unwrap();
    let file = own.path().join("relay.db");
    let (relays, store, database) = match kind {
        Kind::Server(relays) => {
            let database = cluster.like(database);
            (relays, database.url(), Some(database))
        }
        Kind::File | Kind::Express => {
            machine::copy(full, &file);
            (1, format!("sqlite:{}", file.display()), None)
        }
    };
    let server = Usage::of_all("postgres");
    let fleet = Fleet::of(relays, &store, destination.address, arguments);
    let waiting = Instant::now();
    while destination.calls() < arguments.backlog {
        assert!(waiting.elapsed() < TIMEOUT, "{} calls", destination.calls());
        sleep(Duration::from_millis(50));
    }
    let (arrivals, relay_cpu) = (destination.arrivals(), fleet.cpu());
    let server_cpu = Usage::of_all("postgres") - server;
    fleet.stop();
    let size = match database {
        Some(database) => {
            let empty = "pg_database_size('template0')";
            let sql = format!("SELECT pg_database_size(current_database()) - {empty}");
            database.query(&sql).parse().unwrap()
        }
        None => std::fs::metadata(file).unwrap().len() as f64,
    };
    let seconds = (arrivals.span.1 - arrivals.span.0) as f64 / 1e6;
    Drain { rate: arrivals.calls as f64 / seconds, relay_cpu, server_cpu, size }
}

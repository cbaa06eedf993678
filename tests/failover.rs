//! A server that goes dark, a standby that takes its place, and a relay that freezes amid its work: how
//! long webhooks are refused for. `RELAY_TEST_FREEZES` says how often a relay freezes (default 6).

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::crash::number;
use crate::kit::ids::signature;
use crate::kit::network::{Network, State};
use crate::kit::postgres::Cluster;
use crate::kit::process::signal;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::{Event, Sandbox};
use crate::kit::webhooks::{Webhook, email, joined};
use crate::kit::{eventually, http, now_millis};
use crate::promises::assert_kept;

/// Time after a standby's promotion in which a relay may refuse webhooks.
const REFUSES: Duration = Duration::from_secs(10);

/// Time that a relay that freezes may hold up another.
const HOLDS_UP: Duration = Duration::from_secs(2);

/// Webhooks that are sent to a relay at the same time.
const SENDERS: usize = 4;

fn is_taken(relay: &Relay, webhook: &Webhook) -> bool {
    let body = webhook.body();
    let signature = signature(SECRET, now_millis(), body.as_bytes());
    let request = relay.post("/webhooks/growsurf", body, Some(signature));
    http::try_send(request).is_ok_and(|answer| {
        assert!([200, 503].contains(&answer.status), "{answer:?}");
        answer.status == 200
    })
}

/// A webhook that a relay acknowledged.
struct Taken {
    name: String,
    sent: Instant,
    answered: Instant,
}

/// Stops the senders, however a test ends.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends one webhook after the other to a relay, and notes those that it acknowledges.
fn send(relay: &Relay, whose: &str, taken: &Mutex<Vec<Taken>>, stop: &AtomicBool) {
    for count in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("{whose}n{count}");
        // Some are about one and the same person too, so that relays wait for each other.
        let webhook = match count % 2 {
            0 => joined(&name).referred_by_with("rae", 0),
            _ => joined(&name),
        };
        let sent = Instant::now();
        if is_taken(relay, &webhook) {
            taken.lock().unwrap().push(Taken { name, sent, answered: Instant::now() });
        }
    }
}

/// Asserts that both relays refuse webhooks while the primary is dark and accept them soon after
/// the promotion.
///
/// Nothing that they acknowledged is lost.
///
/// Nothing that they acknowledged is lost.
fn assert_the_standby_takes_over(dark: impl FnOnce(&Cluster, &Network), hosts: &str) {
    let sandbox = Sandbox::start();
    let primary = Cluster::start(false);
    let database = primary.database();
    let standby = primary.standby();
    let network = Network::to(&format!("127.0.0.1:{}", primary.port()));
    let hosts = hosts
        .replace("PRIMARY", network.address())
        .replace("STANDBY", &format!("127.0.0.1:{}", standby.port()));
    // A relay's limits are the defaults, which the promise is about.
    let setup = Setup::new(&sandbox)
        .on(&standby.copy_of(&database), &hosts)
        .set("customerio.timeout", "400ms")
        .set("delivery.lease", "5500ms");
    let relays = [setup.clone().start(), setup.start()];
    let taken: [Mutex<Vec<Taken>>; 2] = Default::default();
    let stop = AtomicBool::new(false);
    let last = |relay: usize| taken[relay].lock().unwrap().last().map(|it| it.answered);
    thread::scope(|scope| {
        let _stops = Stops(&stop);
        for (number, relay) in relays.iter().enumerate() {
            for sender in 0..SENDERS {
                let (taken, stop) = (&taken[number], &stop);
                let whose = format!("r{number}s{sender}");
                scope.spawn(move || send(relay, &whose, taken, stop));
            }
        }
        for relay in [0, 1] {
            let taken = &taken[relay];
            eventually("webhooks are taken", || taken.lock().unwrap().len() >= 20);
        }
        dark(&primary, &network);
        thread::sleep(Duration::from_secs(2));
        standby.promote();
        let promoted = Instant::now();
        for relay in [0, 1] {
            let again = || last(relay).is_some_and(|at| at > promoted);
            eventually(&format!("relay {relay} takes webhooks again"), again);
            let first = taken[relay].lock().unwrap();
            let first = first.iter().map(|it| it.answered).filter(|at| *at > promoted).min();
            let refused = first.unwrap() - promoted;
            println!("relay {relay} took webhooks {refused:?} after the promotion");
            assert!(refused <= REFUSES, "relay {relay} refused webhooks for {refused:?}");
        }
    });
    relays[0].drained();
    let events = sandbox.events_named("referral_program_joined");
    let arrived: BTreeSet<&str> = events.iter().map(Event::person).collect();
    assert_eq!(arrived.len(), events.len(), "a participant joined twice");
    for taken in taken.iter().flat_map(|taken| taken.lock().unwrap().drain(..).collect::<Vec<_>>())
    {
        assert!(arrived.contains(&*email(&taken.name)), "{} is lost", taken.name);
    }
    assert_eq!(relays[0].dead_letters(), 0);
    // Else it couldn't end.
    primary.thaw();
}

#[test]
fn a_primary_that_hangs_is_left_for_its_standby() {
    let hosts = "PRIMARY,STANDBY";
    assert_the_standby_takes_over(|primary, _| primary.freeze(), hosts);
}

#[test]
fn a_primary_behind_a_network_that_loses_everything_is_left_for_its_standby() {
    // A standby is passed over, wherever it stands in the URL.
    let hosts = "STANDBY,PRIMARY";
    assert_the_standby_takes_over(|_, network| network.is(State::Loses), hosts);
}

#[test]
fn a_read_only_standby_is_named() {
    let sandbox = Sandbox::start();
    let primary = Cluster::start(false);
    let (database, standby) = (primary.database(), primary.standby());
    let [one, other] = [&primary, &standby].map(|it| format!("127.0.0.1:{}", it.port()));
    let network = Network::to(&one);
    let relay = Setup::new(&sandbox).on(&database, network.address()).start();
    relay.accept(&joined("ann"));
    relay.drained();

    network.leads_to(&other);
    assert_eq!(relay.send(&joined("bob")).status, 503);
    eventually("/readyz names the standby", || {
        let ready = http::get(relay.url("/readyz"));
        ready.status == 503 && ready.body.contains("read-only standby")
    });
    let checked = relay.command(&["check"]).expect(1);
    let finding = checked.lines().find(|line| line.starts_with("FAIL  store")).unwrap();
    for part in ["is a read-only standby", "set store.url to the primary, or to all servers"] {
        assert!(finding.contains(part), "{checked}");
    }
    let both = format!("{other},{other}");
    let none = Setup::new(&sandbox).on(&database, &both).command(&["serve"]).expect(1);
    assert!(none.contains(&format!("{other}: it is a read-only standby")), "{none}");

    network.leads_to(&one);
    relay.answers("/readyz", 200);
    relay.accept(&joined("bob"));
    let expected = ["ann", "bob"].map(|name| format!("referral_program_joined {}", email(name)));
    assert_kept(&relay, &sandbox, &expected.each_ref().map(String::as_str));
}

/// The server takes back a frozen relay's locks.
#[test]
fn a_relay_that_freezes_in_a_transaction_delays_others_briefly() {
    let rounds = number("RELAY_TEST_FREEZES", 6);
    let sandbox = Sandbox::start();
    let database = Cluster::shared().database();
    let address = format!("127.0.0.1:{}", Cluster::shared().port());
    let setup = Setup::new(&sandbox).on(&database, &address);
    let (first, second) = (setup.clone().start(), setup.start());
    let (taken, of_first, stop) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let _stops = Stops(&stop);
        for sender in 0..SENDERS {
            let (first, second, stop) = (&first, &second, &stop);
            let (taken, of_first) = (&taken, &of_first);
            scope.spawn(move || send(first, &format!("a{sender}"), of_first, stop));
            scope.spawn(move || send(second, &format!("b{sender}"), taken, stop));
        }
        for _ in 0..rounds {
            let since = Instant::now();
            let answered = |taken: &Mutex<Vec<Taken>>| {
                let taken = taken.lock().unwrap();
                let new = taken.iter().rev().take_while(|it| it.answered > since);
                new.map(|it| it.name.split_once('n').unwrap().0.to_owned()).collect::<BTreeSet<_>>()
            };
            // Of every sender, so that nothing of the last round is left.
            eventually("both relays work", || {
                [&of_first, &taken].iter().all(|taken| answered(taken).len() == SENDERS)
            });
            // At any moment of a transaction.
            thread::sleep(Duration::from_micros(fastrand::u64(0..20_000)));
            signal(first.pid(), "STOP");
            thread::sleep(HOLDS_UP + Duration::from_millis(500));
            signal(first.pid(), "CONT");
        }
    });
    let taken = taken.into_inner().unwrap();
    let longest = taken.iter().map(|it| it.answered - it.sent).max().unwrap();
    println!(
        "{rounds} freezes: the other relay took {} webhooks, the slowest in {longest:?}",
        taken.len()
    );
    assert!(longest <= HOLDS_UP, "a webhook waited for {longest:?}");
}

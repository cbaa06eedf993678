//! Crash points: the relay dies at each moment of a small scenario, one after the other, and its
//! successor has to come to the same end.
//!
//! The real store, ingest, dispatcher and client run, against the sandbox over HTTP. Two deaths
//! leave the same behind if neither the store's files, nor what Customer.io has got, nor what was
//! acknowledged has changed between them. So the moments are these changes: each commit, before
//! anything depends on it; each request, when it has arrived and when it has taken effect; each
//! acknowledgement. All beginnings and ends of SQLite's statements are looked at, whether a change
//! came before them; and each commit is cut off behind and amid each page that it writes, to see
//! that it is whole or nothing. What a death leaves is a copy of the files at that instant. The
//! enumeration ends with the first life that has no further moment; lives differ by one at most,
//! where a settlement and the dispatcher's next look come to share a commit.
//!
//! What belongs here: the enumeration. What doesn't: deaths at random moments under load, which
//! `tests/crash.rs` deals out to the built binary.

mod files;
mod life;
mod parts;
mod scenario;
mod scenarios;
mod stand;
mod world;

use files::Files;
use life::Life;
use scenario::Scenario;
use stand::{Door, Stand};
use world::World;

/// The result of a scenario.
#[derive(Default)]
struct Tried {
    moments: usize,
    statements: usize,
    cut_off: usize,
}

/// Dies at each moment of the scenario.
fn enumerate(name: &str, scenario: &Scenario) {
    let Err(undisturbed) = scenario.run(None) else { unreachable!("nobody dies") };
    undisturbed.world.check(scenario, name);
    let mut tried = Tried::default();
    loop {
        let (death, memory) = match scenario.run(Some(tried.moments)) {
            Ok(left) => left,
            Err(end) => {
                tried.statements = end.statements;
                break;
            }
        };
        let what = format!("{name}, moment {}, {}", tried.moments, death.at);
        tried.cut_off += death.before.assert_whole_or_nothing(&death.files, &what);
        let world = scenario.recover(&death, memory, &what);
        world.check(scenario, &what);
        assert_eq!(world.end, undisturbed.world.end, "{what}");
        tried.moments += 1;
    }
    println!(
        "{name}: died at {} moments, among {} beginnings and ends of statements, and within \
         commits at {} more; each time the successor came to the same end",
        tried.moments, tried.statements, tried.cut_off
    );
    assert!(
        tried.moments >= 12 && tried.statements >= 150 && tried.cut_off >= 40,
        "{name}: does this still enumerate?"
    );
}

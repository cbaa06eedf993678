//! Pages whose reads take too long, which only a server lets a test arrange.

use std::thread;
use std::time::{Duration, Instant};

use crate::kit::eventually;
use crate::kit::pages::{VIEW, page, session, started};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;

#[test]
fn a_page_that_takes_too_long_is_given_up_and_says_how_to_narrow_it() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let cookie = session(&relay, VIEW);
    assert_eq!(page(&relay, "/ui/dead", &cookie).status, 200);
    let setup = relay.setup().clone();
    let holding = thread::spawn(move || {
        let lock = "LOCK TABLE dead_letters IN ACCESS EXCLUSIVE MODE";
        setup.number(&format!("BEGIN; {lock}; SELECT 1 FROM pg_sleep(5); COMMIT"))
    });
    eventually("the table is held", || {
        let asked = Instant::now();
        let slow = page(&relay, "/ui/dead", &cookie);
        let is_slow = slow.status == 503 && slow.body.contains("Narrow it");
        assert!(asked.elapsed() < Duration::from_secs(3), "{slow:?}");
        is_slow && slow.body.contains("aria-label=\"Pages\"")
    });
    relay.accept(&joined("fay"));
    assert_eq!(holding.join().unwrap(), 1);
    eventually("the page is shown", || page(&relay, "/ui/dead", &cookie).status == 200);
}

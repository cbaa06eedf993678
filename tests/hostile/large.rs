//! Large bodies: within the memory when they come, and when they are read.

use std::io::Write;
use std::thread;
use std::time::Instant;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{MIB, connect, descriptors, head, number, peak, rest, say, statuses, takes_promptly};
use crate::kit::ids::signature;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::{eventually, now_millis};

/// A body of the largest size that names one person, and its signature. All have the same
/// beginning, so that making a thousand of them takes no time.
struct Large {
    beginning: Vec<u8>,
    hashed: Hmac<Sha256>,
    time: i64,
    began: Instant,
}

impl Large {
    fn new() -> Self {
        let time = now_millis();
        let start = format!(
            "{{\"event\":\"NEW_PARTICIPANT_ADDED\",\"createdAt\":{time},\"essay\":\"{}\",",
            "x".repeat(8 * MIB - 300)
        );
        let mut hashed = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        hashed.update(format!("{time}.{start}").as_bytes());
        Self { beginning: start.into_bytes(), hashed, time, began: Instant::now() }
    }

    /// Returns the head and the end of the request; between them comes the beginning of the body.
    fn around(&self, name: &str) -> (String, String) {
        let end = format!(
            "\"data\":{{\"id\":\"{name}\",\"email\":\"{name}@example.com\",\"campaign\":{{\"id\":\"c\"}}}}}}"
        );
        let mut hashed = self.hashed.clone();
        hashed.update(end.as_bytes());
        let digest = hex::encode(hashed.finalize().into_bytes());
        let more =
            format!("GrowSurf-Signature: ts={},v={digest}\r\nConnection: close\r\n", self.time);
        (head(self.beginning.len() + end.len(), &more), end)
    }

    /// Sends it and gives the answer, which must be one.
    fn send(&self, relay: &Relay, name: &str) -> String {
        let (head, end) = self.around(name);
        let mut stream = connect(relay);
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&self.beginning))
            .and_then(|()| stream.write_all(end.as_bytes()));
        let answer = rest(&stream);
        assert!(
            !answer.is_empty(),
            "{name} was hung up on without an answer: {sent:?} after {:?}",
            self.began.elapsed()
        );
        answer
    }
}

#[test]
fn many_large_bodies_at_once_are_taken_or_refused_within_the_memory() {
    let sandbox = Sandbox::start();
    let bodies = number("RELAY_TEST_BODIES", 100).min(descriptors().saturating_sub(400));
    let body_memory = 32;
    let setup = Setup::new(&sandbox).set("server.body_memory", "32MiB");
    let relay = setup.set("server.connections_per_client", "10000").start();
    takes_promptly(&relay, "fay");
    let base = peak(&relay);
    let large = Large::new();
    let began = Instant::now();
    let taken: Vec<String> = thread::scope(|scope| {
        let (relay, large) = (&relay, &large);
        let senders: Vec<_> = (0..bodies)
            .map(|number| {
                let send = move || {
                    let name = format!("large{number}");
                    let answer = large.send(relay, &name);
                    match statuses(&answer).as_slice() {
                        [200] => Some(name),
                        [503] => {
                            assert!(
                                answer.to_lowercase().contains("\r\nretry-after: "),
                                "{answer}"
                            );
                            None
                        }
                        _ => panic!("{answer}"),
                    }
                };
                thread::Builder::new().stack_size(256 * 1024).spawn_scoped(scope, send).unwrap()
            })
            .collect();
        senders.into_iter().filter_map(|sender| sender.join().unwrap()).collect()
    });
    let (peak, time) = (peak(&relay), began.elapsed());
    let bound = base + body_memory + 128;
    println!(
        "{bodies} bodies of 8 MiB: {} taken, the others 503, in {time:.1?}; peak {peak} MiB, \
         {base} MiB before, bound {bound} MiB",
        taken.len()
    );
    assert!(peak <= bound, "{peak} MiB were resident, {bound} are allowed");
    assert!(!taken.is_empty(), "none was taken");
    // Everything is as before, and what was acknowledged arrives.
    eventually("the memory is given back", || statuses(&large.send(&relay, "afterwards")) == [200]);
    takes_promptly(&relay, "ben");
    relay.drained();
    let reported = sandbox.event_lines();
    for name in taken.iter().map(String::as_str).chain(["afterwards", "fay", "ben"]) {
        let joined = format!("referral_program_joined {name}@example.com");
        assert!(reported.contains(&joined), "{name} was acknowledged and is lost");
    }
}

#[test]
fn a_body_that_grows_when_it_is_read_stays_within_the_memory() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).start();
    takes_promptly(&relay, "fay");
    let base = peak(&relay);
    // Two bytes become a value of 32, and twelve an entry of a table.
    let zeros = format!("{{\"event\":\"A\",\"data\":[{}0]}}", "0,".repeat(4 * MIB - 100));
    let names: String = (0..500_000).map(|number| format!("\"k{number:x}\":1,")).collect();
    let names = format!(
        "{{\"event\":\"NEW_PARTICIPANT_ADDED\",\"createdAt\":{},\"data\":{{\"id\":\"rae\",\
         \"email\":\"rae@example.com\",\"campaign\":{{\"id\":\"c\"}},\"metadata\":{{{names}\"z\":1}}}}}}",
        now_millis()
    );
    let began = Instant::now();
    thread::scope(|scope| {
        for number in 0..8 {
            let body = if number % 2 == 0 { &zeros } else { &names };
            let relay = &relay;
            scope.spawn(move || {
                let proof = signature(SECRET, now_millis(), body.as_bytes());
                let more = format!("GrowSurf-Signature: {proof}\r\nConnection: close\r\n");
                let request = [head(body.len(), &more).as_bytes(), body.as_bytes()].concat();
                let answer = say(relay, &request);
                assert!(matches!(statuses(&answer).as_slice(), [200 | 503]), "{answer}");
            });
        }
    });
    let peak = peak(&relay);
    println!("growing bodies: peak {peak} MiB, {base} before, in {:.1?}", began.elapsed());
    // One alone takes 240 MiB, and all at once would take 1,900; freed memory goes back with a delay.
    assert!(peak <= base + 8 * 16 + 2 * 240, "{peak} MiB were resident");
    takes_promptly(&relay, "ben");
}

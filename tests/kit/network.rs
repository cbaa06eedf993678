//! The network between a relay and its server: it passes, holds back, or cuts off.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// The fate of sent bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It arrives.
    Passes,
    /// It arrives when the network passes again.
    Stalls,
    /// Packets are lost without an error; open connections never work again.
    Loses,
    /// Every connection is reset at once, new ones as well.
    Resets,
}

/// A network that obeys. It ends with its test.
pub struct Network {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    target: Mutex<String>,
    state: Mutex<State>,
    changed: Condvar,
    open: Mutex<Vec<TcpStream>>,
}

impl Network {
    /// Returns a way to an address, which passes.
    pub fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            target: Mutex::new(target.to_owned()),
            state: Mutex::new(State::Passes),
            changed: Condvar::new(),
            open: Mutex::default(),
        });
        let network = Arc::clone(&shared);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let target = network.target.lock().unwrap().clone();
                let Ok(far) = TcpStream::connect(target) else { continue };
                if *network.state.lock().unwrap() == State::Resets {
                    continue;
                }
                let (back, forth) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let ends = [near.try_clone().unwrap(), far.try_clone().unwrap()];
                network.open.lock().unwrap().extend(ends);
                let (one, other) = (Arc::clone(&network), Arc::clone(&network));
                thread::spawn(move || one.carry(near, forth));
                thread::spawn(move || other.carry(far, back));
            }
        });
        Self { address, shared }
    }

    /// Returns the address at which it begins.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sets the state of the network.
    pub fn is(&self, state: State) {
        *self.shared.state.lock().unwrap() = state;
        self.shared.changed.notify_all();
        if state == State::Resets {
            self.reset();
        }
    }

    /// Sets the target address and resets open connections.
    pub fn leads_to(&self, target: &str) {
        target.clone_into(&mut self.shared.target.lock().unwrap());
        self.reset();
    }

    fn reset(&self) {
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _may_be_closed = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    /// Carries what comes from one end to the other.
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let state = self.state.lock().unwrap();
            let state = self.changed.wait_while(state, |state| *state == State::Stalls).unwrap();
            if *state == State::Loses {
                drop(state);
                // Both ends wait for each other, as long as the relay has patience.
                thread::sleep(Duration::from_secs(60));
                break;
            }
            drop(state);
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _may_be_closed = to.shutdown(Shutdown::Both);
    }
}

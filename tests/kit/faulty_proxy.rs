//! The proxy to Customer.io: connections that go wrong as no server would choose.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use super::sandbox::Sandbox;

/// The fate of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Trouble {
    /// It works.
    Nothing,
    /// It is reset when the request is sent.
    Reset,
    /// The request arrives; its answer comes byte by byte, and never to an end.
    Drip,
}

/// The rest between two bytes of a dripping answer.
const DRIP: Duration = Duration::from_millis(20);

/// A proxy to a sandbox. It ends with its test.
pub struct FaultyProxy {
    address: String,
    trouble: Arc<AtomicU8>,
}

impl FaultyProxy {
    /// Returns a proxy on which connections meet this.
    pub fn to(sandbox: &Sandbox, trouble: Trouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let trouble = Arc::new(AtomicU8::new(trouble as u8));
        let (met, target) = (Arc::clone(&trouble), sandbox.address().to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (trouble, target) = (met.load(Ordering::Relaxed), target.clone());
                thread::spawn(move || {
                    // Either side may be gone at any time.
                    let _ended = match trouble {
                        it if it == Trouble::Reset as u8 => reset(&stream),
                        it if it == Trouble::Drip as u8 => drip(stream, &target),
                        _ => pass(stream, &target),
                    };
                });
            }
        });
        Self { address, trouble }
    }

    /// Returns the address at which it begins.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets new connections work again.
    pub fn heal(&self) {
        self.trouble.store(Trouble::Nothing as u8, Ordering::Relaxed);
    }
}

/// Returns a connection that is closed with something unread in it is reset.
fn reset(stream: &TcpStream) -> io::Result<()> {
    stream.peek(&mut [0]).map(|_| ())
}

fn pass(mut stream: TcpStream, target: &str) -> io::Result<()> {
    let mut server = TcpStream::connect(target)?;
    let (mut to_client, mut from_server) = (stream.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ended = io::copy(&mut from_server, &mut to_client);
        to_client.shutdown(Shutdown::Both)
    });
    io::copy(&mut stream, &mut server)?;
    server.shutdown(Shutdown::Write)
}

fn drip(stream: TcpStream, target: &str) -> io::Result<()> {
    let mut server = TcpStream::connect(target)?;
    let (mut to_client, mut from_client) = (stream.try_clone()?, stream);
    let mut to_server = server.try_clone()?;
    thread::spawn(move || io::copy(&mut from_client, &mut to_server));
    // The effect is there once the true answer begins.
    server.read_exact(&mut [0])?;
    to_client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{")?;
    loop {
        thread::sleep(DRIP);
        to_client.write_all(b" ")?;
    }
}

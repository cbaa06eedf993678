//! The other client: an open loop, which sends at its own pace whatever is answered, so that a slow
//! answer doesn't hide how long those behind it would have waited.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::client::read_answer;
use super::machine;
use super::webhooks::Requests;

/// Connections, one after the other: enough for so few requests to find a free one.
const CONNECTIONS: u32 = 16;

/// One webhook that was acknowledged.
pub struct Sent {
    /// The person of the webhook.
    pub person: usize,
    /// Time at which it was sent, or should have been, in Unix microseconds.
    pub at: i64,
    /// Time until the acknowledgement.
    pub acked: Duration,
}

/// Sends `count` webhooks, one `every` so often.
pub fn open_loop(target: SocketAddr, count: u32, every: Duration, requests: Requests) -> Vec<Sent> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tokio::task::LocalSet::new().run_until(async move {
        let requests = Rc::new(RefCell::new(requests));
        let (start, start_micros) = (Instant::now() + every, machine::now_micros());
        let since_start = |at: Instant| i64::try_from((at + every - start).as_micros()).unwrap();
        let tasks: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let requests = requests.clone();
                tokio::task::spawn_local(async move {
                    let mut stream = TcpStream::connect(target).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let (mut request, mut answer, mut sent) = (Vec::new(), Vec::new(), Vec::new());
                    for n in (connection..count).step_by(CONNECTIONS as usize) {
                        let due = start + every * n;
                        tokio::time::sleep_until(due.into()).await;
                        let now = Instant::now();
                        // The timer's grain isn't the candidate's fault; a busy connection is.
                        let at = if now - due < Duration::from_millis(2) { now } else { due };
                        let person = requests.borrow_mut().write(&mut request);
                        stream.write_all(&request).await.unwrap();
                        let status = read_answer(&mut stream, &mut answer).await;
                        assert_eq!(status, 200, "a webhook was refused at a low rate");
                        sent.push((person, at, at.elapsed()));
                    }
                    sent
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            let sent = task.await.unwrap();
            all.extend(sent.into_iter().map(|(person, at, acked)| Sent {
                person: usize::try_from(person).unwrap(),
                at: start_micros + since_start(at),
                acked,
            }));
        }
        all
    }))
}

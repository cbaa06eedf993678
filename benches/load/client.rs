//! The client: a closed loop over keep-alive connections, in one thread, so that it takes as little
//! as it can of the cores it shares with what it measures.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::statistics;
use super::webhooks::Requests;

/// The measurements of one run.
pub struct Measured {
    /// Time that it was measured.
    pub took: Duration,
    /// Latencies of what was acknowledged in that time, in order of size, in microseconds.
    pub latencies: Vec<u32>,
    /// Answers other than 200.
    pub refused: usize,
}

impl Measured {
    /// Returns the acknowledged webhooks a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// Returns the latency that this share of the answers had at most, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        statistics::percentile(&self.latencies, share) / 1e3
    }
}

/// Sends over this many connections, to each target in turn, for `warm` and then for `measure`; calls
/// `begin` and `end` around the second.
pub fn closed_loop(
    targets: &[SocketAddr],
    connections: usize,
    requests: Requests,
    (warm, measure): (Duration, Duration),
    begin: impl FnOnce(),
    end: impl FnOnce(),
) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tokio::task::LocalSet::new().run_until(async move {
        let requests = Rc::new(RefCell::new(requests));
        let start = Instant::now() + warm;
        let stop = start + measure;
        let targets = targets.iter().cycle().take(connections);
        let tasks: Vec<_> = targets
            .map(|target| tokio::task::spawn_local(one(*target, requests.clone(), start, stop)))
            .collect();
        tokio::time::sleep_until(start.into()).await;
        begin();
        tokio::time::sleep_until(stop.into()).await;
        end();
        let mut measured = Measured { took: measure, latencies: Vec::new(), refused: 0 };
        for task in tasks {
            let (latencies, refused) = task.await.unwrap();
            measured.latencies.extend(latencies);
            measured.refused += refused;
        }
        measured.latencies.sort_unstable();
        measured
    }))
}

async fn one(
    target: SocketAddr,
    requests: Rc<RefCell<Requests>>,
    start: Instant,
    stop: Instant,
) -> (Vec<u32>, usize) {
    let mut stream = TcpStream::connect(target).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    let (mut latencies, mut refused) = (Vec::new(), 0);
    loop {
        requests.borrow_mut().write(&mut request);
        let sent = Instant::now();
        if sent >= stop {
            return (latencies, refused);
        }
        stream.write_all(&request).await.unwrap();
        let status = read_answer(&mut stream, &mut answer).await;
        let answered = Instant::now();
        if answered < start || answered > stop {
            continue;
        }
        if status == 200 {
            latencies.push(u32::try_from((answered - sent).as_micros()).unwrap_or(u32::MAX));
        } else {
            refused += 1;
        }
    }
}

/// Reads one answer with a `Content-Length`, and gives its status.
pub async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> u16 {
    answer.clear();
    loop {
        let read = stream.read_buf(answer).await.unwrap();
        assert!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(answer));
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&answer[..head]).unwrap();
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        if answer.len() >= head + 4 + length.map_or(0, Result::unwrap) {
            return text[9..12].parse().unwrap();
        }
    }
}

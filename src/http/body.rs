//! Reads a request's body within bounds: its size, its time, its rate, and the memory of all bodies.

mod memory;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

pub use self::memory::MemoryPermit;
use self::memory::{Memory, MemoryShortage};
use super::problem::Problem;
use crate::options::size::size;
use crate::telemetry::Metrics;

/// The smallest `max_body`, which lets a webhook of one participant through.
const MIN_BODY: u64 = 1024;

/// The largest `max_body`: bodies are held in memory whole, so a larger one is a slip.
const MAX_BODY: u64 = 1 << 30;

/// More memory than any machine this runs on has; keeps sums far from overflow.
const MAX_MEMORY: u64 = 1 << 40;

/// The bounds of bodies.
#[derive(Clone, Debug, Deserialize)]
pub struct BodyOptions {
    /// The most bytes of one body.
    #[serde(deserialize_with = "size::<_, MIN_BODY, MAX_BODY>")]
    pub max_body: usize,
    /// The bytes for all bodies together, at least `max_body`.
    #[serde(deserialize_with = "size::<_, MIN_BODY, MAX_MEMORY>")]
    pub body_memory: usize,
    /// The time for one body.
    pub body_timeout: Duration,
    /// The bytes a second at which a body has to come after ten seconds; zero for any.
    #[serde(deserialize_with = "size::<_, 0, MAX_BODY>")]
    pub body_min_rate: usize,
}

/// The reader of bodies within their bounds.
#[derive(Clone)]
pub struct BodyLimits {
    options: BodyOptions,
    memory: Arc<Memory>,
    metrics: Arc<Metrics>,
}

/// The first step in which a body takes its memory; most webhooks need no second.
const FIRST_STEP: usize = 4 * 1024;

/// The time for which a body may be slower than its rate.
const RATE_GRACE: Duration = Duration::from_secs(10);

/// The time without bytes after which no more is read of a body that was refused.
const DISCARD_IDLE: Duration = Duration::from_secs(5);

/// The seconds after which to send again when all memory for bodies is in use.
const MEMORY_RETRY_AFTER: u64 = 2;

/// A body that was read.
#[derive(Debug)]
pub struct ReadBody {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Its part of the memory, to be held as long as the bytes.
    pub permit: MemoryPermit,
}

impl BodyLimits {
    /// Applies the options.
    pub fn new(options: BodyOptions, metrics: Arc<Metrics>) -> Self {
        let memory = Arc::new(Memory::new(options.body_memory, options.max_body));
        Self { options, memory, metrics }
    }

    /// Returns the same limits for bodies of at most `max_body` bytes, which share the memory.
    pub fn up_to(&self, max_body: usize) -> Self {
        let options = BodyOptions { max_body, ..self.options.clone() };
        Self { options, ..self.clone() }
    }

    /// Reads the body of a request of this client with these headers.
    ///
    /// # Errors 413 if it is too large, 408 if it is too slow, 503 with `Retry-After` if the memory
    /// is in use, 400 if the connection breaks.
    pub async fn read(
        &self,
        client: IpAddr,
        headers: &HeaderMap,
        mut body: Body,
    ) -> Result<ReadBody, Problem> {
        let length = length(headers);
        let read = if length.is_some_and(|length| length > self.options.max_body) {
            Err(self.too_large())
        } else {
            self.read_frames(client, length, &mut body).await
        };
        if read.is_err() {
            self.discard(headers, body);
        }
        read
    }

    /// Lets the sender of a refused body finish, in the background. Closing a connection on a sender in
    /// the middle of a body resets it, and the refusal may be lost with it (RFC 9112, 9.6).
    pub fn discard(&self, headers: &HeaderMap, body: Body) {
        // A sender that waits for `100 Continue` hasn't sent any of it.
        if !headers.contains_key(header::EXPECT) {
            tokio::spawn(discard(
                body,
                self.options.max_body,
                Instant::now() + self.options.body_timeout,
            ));
        }
    }

    /// Reads the frames. Memory is taken for the bytes that came, in doubling steps, and not for
    /// the announced length. A client that announces much and sends little must not keep others
    /// out.
    async fn read_frames(
        &self,
        client: IpAddr,
        length: Option<usize>,
        body: &mut Body,
    ) -> Result<ReadBody, Problem> {
        let began = Instant::now();
        let most = length.unwrap_or(self.options.max_body);
        let mut permit = self.memory.permit(client);
        let mut taken = 0;
        let mut bytes = Vec::new();
        loop {
            let until = began + self.time_for(bytes.len());
            let frame = tokio::select! {
                biased;
                full = permit.displaced() => return Err(self.no_memory(full)),
                frame = timeout_at(until, body.frame()) => frame,
            };
            let Some(frame) = frame.map_err(|_| self.late(began))? else { break };
            let broken = |_| self.refused("broken", StatusCode::BAD_REQUEST, "the body broke off");
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            let needed = bytes.len() + data.len();
            if needed > self.options.max_body {
                return Err(self.too_large());
            }
            if needed > taken {
                taken = step(needed, most);
                permit.grow(taken).map_err(|full| self.no_memory(full))?;
                bytes.reserve_exact(taken - bytes.len());
            }
            bytes.extend_from_slice(&data);
        }
        permit.read();
        Ok(ReadBody { bytes, permit })
    }

    /// Returns the time allowed for a body after `read` bytes.
    fn time_for(&self, read: usize) -> Duration {
        let micros = u64::try_from(read).unwrap_or(u64::MAX).saturating_mul(1_000_000);
        let at_rate = u64::try_from(self.options.body_min_rate)
            .ok()
            .and_then(|rate| micros.checked_div(rate));
        at_rate.map_or(self.options.body_timeout, |at_rate| {
            Duration::from_micros(at_rate).max(RATE_GRACE).min(self.options.body_timeout)
        })
    }

    fn late(&self, began: Instant) -> Problem {
        let (reason, detail) = if began.elapsed() >= self.options.body_timeout {
            (
                "timeout",
                format!(
                    "the body didn't arrive within {:?} (server.body_timeout)",
                    self.options.body_timeout
                ),
            )
        } else {
            let rate = self.options.body_min_rate;
            (
                "slow",
                format!("the body came at less than {rate} bytes a second (server.body_min_rate)"),
            )
        };
        self.refused(reason, StatusCode::REQUEST_TIMEOUT, detail)
    }

    fn too_large(&self) -> Problem {
        let detail =
            format!("the body is larger than {} bytes (server.max_body)", self.options.max_body);
        self.refused("too_large", StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    fn no_memory(&self, full: MemoryShortage) -> Problem {
        let (reason, whose) = match full {
            MemoryShortage::All => ("memory", ""),
            MemoryShortage::Client => ("client", " of this client"),
            MemoryShortage::Reserve => ("reserve", ""),
        };
        self.metrics.body_refused(reason);
        let detail =
            format!("too many bodies{whose} are on their way; try again (server.body_memory)");
        Problem::unavailable(detail, MEMORY_RETRY_AFTER)
    }

    fn refused(
        &self,
        reason: &'static str,
        status: StatusCode,
        detail: impl Into<String>,
    ) -> Problem {
        self.metrics.body_refused(reason);
        Problem::new(status, detail)
    }
}

/// Returns the announced length of a body.
fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns the memory for a body that needs `needed` bytes now and at most `most` in the end: the
/// next power of two, so that small bodies hold little.
fn step(needed: usize, most: usize) -> usize {
    needed.next_power_of_two().max(FIRST_STEP).min(most.max(needed))
}

/// Reads the rest of a body and keeps nothing of it.
async fn discard(mut body: Body, most: usize, until: Instant) {
    let mut read = 0;
    while read <= most {
        let until = until.min(Instant::now() + DISCARD_IDLE);
        let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await else { return };
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// Refuses a post whose body is coded, before it is read.
pub async fn refuse_coded(
    State(bodies): State<BodyLimits>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST || !is_coded(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    bodies.discard(&parts.headers, body);
    let detail = "the body is coded, by Content-Encoding or Transfer-Encoding; send it as it is";
    let problem = bodies.refused("coded", StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    ([(header::ACCEPT_ENCODING, "identity"), (header::CONNECTION, "close")], problem)
        .into_response()
}

/// True if a header names a coding that changes the bytes; `chunked` changes how they are sent alone.
fn is_coded(headers: &HeaderMap) -> bool {
    let names_other = |name, plain: &'static str| {
        let values = headers.get_all(name).iter();
        let mut codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        codings.any(|coding| {
            let coding = coding.trim_ascii();
            !coding.is_empty() && !coding.eq_ignore_ascii_case(plain.as_bytes())
        })
    };
    names_other(header::CONTENT_ENCODING, "identity")
        || names_other(header::TRANSFER_ENCODING, "chunked")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use axum::http::HeaderName;

    use super::memory::SMALL;
    use super::*;

    fn limits(time: Duration, memory: usize) -> BodyLimits {
        let options = BodyOptions {
            max_body: 128 * 1024,
            body_memory: memory,
            body_timeout: time,
            body_min_rate: 1000,
        };
        BodyLimits::new(options, Arc::default())
    }

    async fn read(limits: &BodyLimits, bytes: usize) -> Result<ReadBody, Problem> {
        let client = Ipv6Addr::LOCALHOST.into();
        limits.read(client, &HeaderMap::new(), vec![b'x'; bytes].into()).await
    }

    #[tokio::test]
    async fn a_body_of_the_largest_size_is_read_and_one_byte_more_is_refused() {
        let limits = limits(Duration::from_secs(1), 128 * 1024);
        assert_eq!(read(&limits, 128 * 1024).await.unwrap().bytes.len(), 128 * 1024);
        assert!(read(&limits, 128 * 1024 + 1).await.is_err());
    }

    #[tokio::test]
    async fn memory_is_given_back_when_a_body_is_dropped() {
        let limits = limits(Duration::from_secs(1), 128 * 1024);
        let first = read(&limits, 128 * 1024).await.unwrap();
        assert!(read(&limits, 100 * 1024).await.is_err());
        assert!(read(&limits, SMALL).await.is_ok());
        drop(first);
        assert!(read(&limits, 100 * 1024).await.is_ok());
    }

    #[test]
    fn a_body_has_ten_seconds_and_then_the_time_of_its_rate() {
        let limits = limits(Duration::from_secs(30), 128 * 1024);
        let seconds = |read| limits.time_for(read).as_secs();
        assert_eq!([0, 10_000, 12_000, 40_000].map(seconds), [10, 10, 12, 30]);
        let options = BodyOptions { body_min_rate: 0, ..limits.options.clone() };
        let unhurried = BodyLimits { options, ..limits };
        assert_eq!(unhurried.time_for(0), Duration::from_secs(30));
    }

    #[test]
    fn memory_grows_in_steps_up_to_the_announced_length() {
        let steps = |most| [1, 5_000, 60_000, SMALL + 1].map(|needed| step(needed, most));
        assert_eq!(steps(1 << 20), [FIRST_STEP, 8192, SMALL, 2 * SMALL]);
        assert_eq!(steps(70_000), [FIRST_STEP, 8192, SMALL, 70_000]);
        assert_eq!(steps(2_000), [2_000, 5_000, 60_000, SMALL + 1], "more came than was announced");
    }

    #[test]
    fn a_body_is_coded_by_what_a_header_names_and_not_by_a_header() {
        let coded = |name: HeaderName, values: &[&'static str]| {
            let values = values.iter().map(|value| (name.clone(), value.parse().unwrap()));
            is_coded(&values.collect())
        };
        let (content, transfer) = (header::CONTENT_ENCODING, header::TRANSFER_ENCODING);
        for values in [
            &[] as &[_],
            &["identity"],
            &["Identity"],
            &["identity, identity "],
            &[""],
            &[" ,", ""],
        ] {
            assert!(!coded(content.clone(), values), "{values:?}");
        }
        for values in [&["gzip"] as &[_], &["x-gzip"], &["identity, br"], &["identity", "deflate"]]
        {
            assert!(coded(content.clone(), values), "{values:?}");
        }
        for (values, is_coded) in [
            (&["chunked"] as &[_], false),
            (&["Chunked", ""], false),
            (&["gzip, chunked"], true),
            (&["deflate", "chunked"], true),
            (&["x-gzip,chunked"], true),
        ] {
            assert_eq!(coded(transfer.clone(), values), is_coded, "{values:?}");
        }
    }
}

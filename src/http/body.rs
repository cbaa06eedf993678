//! Reads a request's body within bounds: its size, its time, and the memory of all bodies.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::problem::Problem;

/// What reading bodies may cost.
#[derive(Clone, Debug)]
pub struct BodyLimits {
    largest: usize,
    time: Duration,
    memory: Arc<Semaphore>,
}

/// Memory is counted in units of this many bytes, so that a semaphore can count any machine's.
const UNIT: usize = 1024;

/// The first step in which a body takes its memory; most webhooks need no second.
const FIRST_STEP: usize = 4 * UNIT;

/// For how long a sender is asked to wait when all memory for bodies is in use, in seconds.
const MEMORY_RETRY_AFTER: u64 = 2;

/// A body that was read.
#[derive(Debug)]
pub struct ReadBody {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Its share of the memory, to be held as long as the bytes.
    pub share: Share,
}

/// A share of the memory for bodies; given back when dropped.
#[derive(Debug)]
pub struct Share {
    _permits: Vec<OwnedSemaphorePermit>,
}

impl BodyLimits {
    /// Bodies of at most `largest` bytes, each within `time`, all together within `memory` bytes.
    pub fn new(largest: usize, time: Duration, memory: usize) -> Self {
        let units = (memory / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { largest, time, memory: Arc::new(Semaphore::new(units)) }
    }

    /// The same, with bodies of at most `largest` bytes; all together share the memory.
    pub fn up_to(&self, largest: usize) -> Self {
        Self { largest, ..self.clone() }
    }

    /// Reads the body of a request with these headers.
    ///
    /// # Errors
    /// 413 if it is too large, 408 if it takes too long, 503 with `Retry-After` if the memory is
    /// in use, 400 if the connection breaks.
    pub async fn read(&self, headers: &HeaderMap, mut body: Body) -> Result<ReadBody, Problem> {
        let until = Instant::now() + self.time;
        let told = headers.get(header::CONTENT_LENGTH);
        let told = told.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let read = if told.is_some_and(|length| length > self.largest) {
            Err(self.too_large())
        } else {
            let read = self.read_frames(&mut body);
            tokio::time::timeout_at(until, read).await.map_err(|_| {
                let detail = format!("the body didn't arrive within {:?}", self.time);
                Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
            })?
        };
        // Who waits to be told to go on hasn't sent any of it.
        if read.is_err() && !headers.contains_key(header::EXPECT) {
            tokio::spawn(discard(body, self.largest, until));
        }
        read
    }

    /// Memory is taken for what has come, in doubling steps, and not for what was announced:
    /// whoever announces much and sends little must not keep others out.
    async fn read_frames(&self, body: &mut Body) -> Result<ReadBody, Problem> {
        let mut permits = Vec::new();
        let mut taken = 0;
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "the body broke off");
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            if bytes.len() + data.len() > self.largest {
                return Err(self.too_large());
            }
            if bytes.len() + data.len() > taken {
                let more = (bytes.len() + data.len() - taken).max(taken).max(FIRST_STEP);
                permits.push(self.take(more)?);
                taken += more;
            }
            bytes.extend_from_slice(&data);
        }
        Ok(ReadBody { bytes, share: Share { _permits: permits } })
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.memory);
        memory.try_acquire_many_owned(units).map_err(|_| {
            let detail = "too many bodies are on their way; try again (server.body_memory)";
            Problem::unavailable(detail, MEMORY_RETRY_AFTER)
        })
    }

    fn too_large(&self) -> Problem {
        let detail = format!("the body is larger than {} bytes (server.max_body)", self.largest);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }
}

/// Reads what is left of a refused body and keeps nothing of it. Closing a connection on a sender
/// in the middle of a body resets it, and the refusal may be lost with it (RFC 9112, 9.6).
async fn discard(mut body: Body, most: usize, until: Instant) {
    let mut read = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > most {
                return;
            }
        }
    };
    let _in_time = tokio::time::timeout_at(until, reading).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(limits: &BodyLimits, bytes: usize) -> Result<ReadBody, Problem> {
        limits.read(&HeaderMap::new(), vec![b'x'; bytes].into()).await
    }

    #[tokio::test]
    async fn a_body_of_the_largest_size_is_read_and_one_byte_more_is_refused() {
        let limits = BodyLimits::new(4096, Duration::from_secs(1), 8192);
        assert_eq!(read(&limits, 4096).await.unwrap().bytes.len(), 4096);
        assert!(read(&limits, 4097).await.is_err());
    }

    #[tokio::test]
    async fn memory_is_given_back_when_a_body_is_dropped() {
        let limits = BodyLimits::new(4096, Duration::from_secs(1), 4096);
        let first = read(&limits, 4096).await.unwrap();
        assert!(read(&limits, 2048).await.is_err());
        drop(first);
        assert!(read(&limits, 2048).await.is_ok());
    }
}

//! Standard error, written by one thread without blocking the others.
//!
//! What belongs here: the queue of lines, their order, and the count of those that were dropped. What
//! doesn't: the form of a line (`logs`).
//!
//! A full disk, a closed pipe and a pipe that nobody reads must not stop what the relay is for. So a
//! line goes into a bounded queue; where there is no room, or the write fails, it is dropped and
//! counted. `tracing-appender` bounds lines and not bytes, doesn't count failed writes, and prints in
//! its own `drop`, which blocks on a full pipe and panics on a closed one.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

/// The process's own.
static STDERR: LazyLock<Lines> = LazyLock::new(|| Lines::to(own_handle(), BUFFER));

/// The default of the bytes that may wait.
const BUFFER: usize = 1 << 20;

/// The longest write of several lines, in bytes: a pipe accepts it in one piece (POSIX,
/// `_POSIX_PIPE_BUF` and Linux's `PIPE_BUF`), so lines of several processes stay whole.
const WRITE: usize = 4096;

/// The wait for more lines before few are written, so that a line each moment isn't a write each.
const GATHER: Duration = Duration::from_millis(5);

/// The wait before a descriptor that can't be written at once is tried again.
const REST: Duration = Duration::from_millis(10);

/// The time for the last lines at the end of the process.
pub const LAST_LINES: Duration = Duration::from_secs(1);

/// Returns the queue of the process's standard error.
pub fn stderr() -> &'static Lines {
    &STDERR
}

/// A queue of lines, and the thread that writes them.
#[derive(Debug)]
pub struct Lines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write.
    filled: Condvar,
    /// Everything is written or dropped.
    emptied: Condvar,
    dropped: Counter,
}

#[derive(Debug)]
struct Queue {
    /// Whole lines, each with its line feed.
    waiting: Vec<u8>,
    /// Bytes that are being written.
    writing: usize,
    /// The largest sum of the bytes that wait and are written.
    most: usize,
    /// True if the thread waits to be notified.
    is_asleep: bool,
    /// True if there is no thread.
    is_dead: bool,
}

impl Lines {
    /// Starts a thread that writes into `out`.
    fn to(out: impl Write + Send + 'static, most: usize) -> Self {
        let queue =
            Queue { waiting: Vec::new(), writing: 0, most, is_asleep: false, is_dead: false };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: Counter::default(),
        });
        let work = Arc::clone(&shared);
        let started = thread::Builder::new().name("log".to_owned()).spawn(move || work.run(out));
        shared.queue().is_dead = started.is_err();
        Self(shared)
    }

    /// Queues one line, without its line feed; drops and counts it if there is no room.
    pub fn write(&self, line: &str) {
        let mut queue = self.0.queue();
        let bytes = queue.waiting.len() + queue.writing + line.len() + 1;
        if queue.is_dead || bytes > queue.most {
            drop(queue);
            self.0.dropped.inc();
            return;
        }
        queue.waiting.extend_from_slice(line.as_bytes());
        queue.waiting.push(b'\n');
        if std::mem::take(&mut queue.is_asleep) {
            drop(queue);
            self.0.filled.notify_one();
        }
    }

    /// Waits until everything queued so far is written or dropped, at most for `timeout`.
    pub fn flush(&self, timeout: Duration) {
        let is_busy = |queue: &mut Queue| !queue.waiting.is_empty() || queue.writing > 0;
        let queue = self.0.queue();
        let _what_takes_longer_is_lost = self.0.emptied.wait_timeout_while(queue, timeout, is_busy);
    }

    /// Sets the largest number of bytes that may wait.
    pub fn limit(&self, most: usize) {
        self.0.queue().most = most;
    }

    /// Returns the count of dropped lines.
    pub fn dropped(&self) -> Counter {
        self.0.dropped.clone()
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is queued, until the process ends.
    fn run(&self, out: impl Write) {
        let mut out = WholeLines { out, is_torn: false };
        let mut lines = Vec::new();
        loop {
            let mut queue = self.queue();
            queue.writing = 0;
            while queue.waiting.is_empty() {
                self.emptied.notify_all();
                queue.is_asleep = true;
                queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            if queue.waiting.len() < WRITE {
                drop(queue);
                thread::sleep(GATHER);
                queue = self.queue();
            }
            lines.clear();
            std::mem::swap(&mut lines, &mut queue.waiting);
            queue.writing = lines.len();
            drop(queue);
            self.dropped.inc_by(out.write(&lines));
        }
    }
}

/// Writes lines whole, as far as the system lets it.
struct WholeLines<W> {
    out: W,
    /// True if the last thing written is the beginning of a line that was dropped.
    is_torn: bool,
}

impl<W: Write> WholeLines<W> {
    /// Writes all lines; returns the number of those that were dropped.
    fn write(&mut self, mut lines: &[u8]) -> u64 {
        let mut dropped = 0;
        while !lines.is_empty() {
            let last = &lines[..lines.len().min(WRITE)];
            let end = last.iter().rposition(|byte| *byte == b'\n');
            let end = end.or_else(|| lines.iter().position(|byte| *byte == b'\n'));
            let (piece, rest) = lines.split_at(end.map_or(lines.len(), |end| end + 1));
            if self.is_torn && self.write_piece(b"\n") == 1 {
                self.is_torn = false;
            }
            let written = if self.is_torn { 0 } else { self.write_piece(piece) };
            if written < piece.len() {
                self.is_torn |= written > 0 && piece[written - 1] != b'\n';
                dropped +=
                    piece[written..].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
            }
            lines = rest;
        }
        dropped
    }

    /// Returns the number of bytes that could be written.
    fn write_piece(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            match self.out.write(&bytes[written..]) {
                Ok(0) => break,
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(REST),
                Err(_) => break,
            }
        }
        written
    }
}

/// Returns a handle without the lock of `std::io::stderr`, which would be held while a write blocks.
fn own_handle() -> Box<dyn Write + Send> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        Err(_) => Box::new(io::stderr()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    /// Takes what is written in steps that the test allows, and fails when it is ordered to.
    struct Sink {
        written: Arc<Mutex<Vec<u8>>>,
        results: mpsc::Receiver<io::Result<usize>>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let most = self.results.recv().unwrap_or(Ok(usize::MAX))?;
            let bytes = &bytes[..most.min(bytes.len())];
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    type Results = mpsc::Sender<io::Result<usize>>;

    fn lines(most: usize) -> (Lines, Results, Arc<Mutex<Vec<u8>>>) {
        let (allow, results) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Sink { written: Arc::clone(&written), results };
        (Lines::to(sink, most), allow, written)
    }

    fn text(written: &Arc<Mutex<Vec<u8>>>) -> String {
        String::from_utf8(written.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn lines_are_written_whole_and_in_order() {
        let (lines, allow, written) = lines(1 << 20);
        let all: Vec<String> =
            (0..2_000).map(|n| format!("line {n} {}", "x".repeat(n % 99))).collect();
        for line in &all {
            lines.write(line);
        }
        allow.send(Err(ErrorKind::Interrupted.into())).unwrap();
        allow.send(Err(ErrorKind::WouldBlock.into())).unwrap();
        allow.send(Ok(3)).unwrap();
        drop(allow);
        lines.flush(SOON);
        assert_eq!(text(&written), all.join("\n") + "\n");
        assert_eq!(lines.dropped().get(), 0);
    }

    #[test]
    fn what_has_no_room_is_dropped_and_counted() {
        let (lines, allow, written) = lines(100);
        for _ in 0..1_000 {
            lines.write("a line of 20 letters");
        }
        lines.flush(Duration::from_millis(10));
        assert_eq!(text(&written), "", "nobody reads");
        let dropped = lines.dropped().get();
        assert_eq!(dropped, 1_000 - 100 / 21);
        drop(allow);
        lines.flush(SOON);
        assert_eq!(text(&written), "a line of 20 letters\n".repeat(100 / 21));
        lines.write(&"x".repeat(100));
        assert_eq!(lines.dropped().get(), dropped + 1, "longer than the whole queue");
    }

    #[test]
    fn what_cant_be_written_is_dropped_and_a_torn_line_ends() {
        let (lines, allow, written) = lines(1 << 20);
        for failure in [Ok(4), Err(ErrorKind::StorageFull.into())] {
            allow.send(failure).unwrap();
        }
        lines.write("first line");
        lines.flush(SOON);
        assert_eq!((text(&written).as_str(), lines.dropped().get()), ("firs", 1));
        allow.send(Err(ErrorKind::StorageFull.into())).unwrap();
        lines.write("second");
        lines.flush(SOON);
        assert_eq!((text(&written).as_str(), lines.dropped().get()), ("firs", 2));
        drop(allow);
        lines.write("third");
        lines.flush(SOON);
        assert_eq!((text(&written).as_str(), lines.dropped().get()), ("firs\nthird\n", 2));
    }
}

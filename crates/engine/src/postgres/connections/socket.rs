//! The socket of a connection. The task that waits for an answer reads and writes it itself.
//!
//! The driver expects a task of its own for each socket. Then each statement passes from the caller's task to that task
//! and its answer back, which costs more than the rest of a short read. A connection has one caller at a time, so the
//! caller's task does that work while it waits. Nothing reads the socket of an idle connection: [`Socket::is_open`] looks
//! at it when the connection is leased.

use super::encrypted::Encrypted;
use futures_util::task::AtomicWaker;
use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// The driver's side of a socket.
pub(super) type Stream = tokio_postgres::Connection<tokio_postgres::Socket, Encrypted>;

/// Number of times that a task goes on with a socket that has more to do, before it lets other tasks run. The runtime
/// lets a socket wait when its task has had its share, so without a limit the task would go on for ever.
const ROUNDS: usize = 16;

/// A socket that the caller of its connection drives.
pub(super) struct Socket {
    /// `None` once the connection has ended. Never locked: the mutex makes the stream `Sync`, which the driver's is not.
    stream: Mutex<Option<Stream>>,
    relay: Arc<Relay>,
    /// Waker of `relay`.
    waker: Waker,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}

impl Socket {
    pub(super) fn new(stream: Stream) -> Self {
        let relay = Arc::<Relay>::default();
        Self { stream: Mutex::new(Some(stream)), waker: relay.clone().into(), relay }
    }

    /// Returns a handle with which another task closes the socket.
    pub(super) fn cutter(&self) -> Cutter {
        Cutter(Arc::downgrade(&self.relay))
    }

    /// Reads what has arrived. Returns false if the connection has ended.
    pub(super) fn is_open(&mut self) -> bool {
        self.advance();
        self.stream().is_some()
    }

    /// Waits for `work`, which waits for nothing but answers on this socket.
    pub(super) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut sent = false;
        poll_fn(|context| {
            // Answers come from this socket only, so `work` is polled after the socket and need not wake the task.
            let mut answers = Context::from_waker(Waker::noop());
            if !std::mem::replace(&mut sent, true) {
                // A statement that is queued wakes the task that drives the socket: not the one of the last caller.
                self.relay.state.store(POLLED, Ordering::Release);
                if let Poll::Ready(done) = work.as_mut().poll(&mut answers) {
                    self.relay.state.store(RESTS, Ordering::Release);
                    return Poll::Ready(done);
                }
            }
            self.rounds(context, |_| work.as_mut().poll(&mut answers))
        })
        .await
    }

    /// Waits until the connection has ended. Drop the client before.
    pub(super) async fn ended(&mut self) {
        poll_fn(|context| {
            self.rounds(context, |socket| match socket.stream() {
                Some(_) => Poll::Pending,
                None => Poll::Ready(()),
            })
        })
        .await;
    }

    /// Reads and writes until `done` or until the socket has nothing more to do now.
    fn rounds<T>(
        &mut self,
        context: &mut Context<'_>,
        mut done: impl FnMut(&mut Self) -> Poll<T>,
    ) -> Poll<T> {
        self.relay.caller.register(context.waker());
        for _ in 0..ROUNDS {
            self.relay.state.store(POLLED, Ordering::Release);
            self.advance();
            if let Poll::Ready(done) = done(self) {
                self.relay.state.store(RESTS, Ordering::Release);
                return Poll::Ready(done);
            }
            if self.relay.rests() {
                return Poll::Pending;
            }
        }
        self.relay.state.store(RESTS, Ordering::Release);
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads and writes what is possible without waiting.
    fn advance(&mut self) {
        if self.relay.is_cut.load(Ordering::Acquire) {
            *self.stream() = None;
        }
        let mut context = Context::from_waker(&self.waker);
        let stream = self.stream.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = stream else { return };
        if let Poll::Ready(ended) = Pin::new(open).poll(&mut context) {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to PostgreSQL ended");
            }
            *stream = None;
        }
    }

    fn stream(&mut self) -> &mut Option<Stream> {
        self.stream.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a socket from another task.
#[derive(Debug)]
pub(super) struct Cutter(Weak<Relay>);

impl Cutter {
    /// Returns true while the connection exists.
    pub(super) fn is_needed(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Closes the socket. A statement that waits for an answer fails as if the server had closed the connection.
    pub(super) fn cut(&self) {
        if let Some(relay) = self.0.upgrade() {
            relay.is_cut.store(true, Ordering::Release);
            relay.wake();
        }
    }
}

/// The socket waits for the caller, or the caller for the socket.
const RESTS: u8 = 0;
/// The caller's task reads or writes.
const POLLED: u8 = 1;
/// More can be done since the caller's task last began to read or write.
const WOKEN: u8 = 2;

/// Wakes the task that waits for the socket, but not while that task is at work on it.
#[derive(Debug, Default)]
struct Relay {
    state: AtomicU8,
    caller: AtomicWaker,
    /// Whether the socket must be closed.
    is_cut: AtomicBool,
}

impl Relay {
    /// Ends the work on the socket. Returns false if more can be done.
    fn rests(&self) -> bool {
        self.state.compare_exchange(POLLED, RESTS, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = self.state.compare_exchange(POLLED, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        if woken == Err(RESTS) {
            self.caller.wake();
        }
    }
}

//! State shared by the parts of one connection: whether a request is running, and whether the peer reads.
//!
//! Written by the service, the body and the socket of the connection; read by the crowd, which closes idle connections.

use std::{
    future::{pending, poll_fn},
    sync::atomic::{
        AtomicBool, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
    task::Poll,
};

/// State while a request is running.
const BUSY: u64 = u64::MAX;
/// State while the crowd closes the connection.
const CLOSING: u64 = u64::MAX - 1;

/// State of one connection.
#[derive(Debug)]
pub(super) struct Link {
    /// Time at which the last answer ended, by the crowd's clock, or [`BUSY`] or [`CLOSING`].
    state: AtomicU64,
    /// True after the socket refused bytes, until it takes them.
    full: AtomicBool,
}

impl Link {
    /// Creates the state of a connection that was accepted at `now`.
    pub(super) fn new(now: u64) -> Self {
        Self { state: AtomicU64::new(now), full: AtomicBool::new(false) }
    }

    /// Starts a request once the peer has taken the previous answers. Never returns on a connection that is being
    /// closed.
    pub(super) async fn begin(&self) {
        // The socket wakes this task when it is empty again.
        poll_fn(|_| if self.full.load(Relaxed) { Poll::Pending } else { Poll::Ready(()) }).await;
        if self.state.swap(BUSY, AcqRel) == CLOSING {
            pending::<()>().await;
        }
    }

    /// Ends a request at `now`.
    pub(super) fn end(&self, now: u64) {
        self.state.store(now, Release);
    }

    /// Sets whether the socket holds bytes that the peer does not take.
    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Relaxed);
    }

    /// Returns since when no request is running and nothing waits to be sent; `None` while the connection is busy.
    pub(super) fn idle_since(&self) -> Option<u64> {
        let since = self.state.load(Acquire);
        (since < CLOSING && !self.full.load(Relaxed)).then_some(since)
    }

    /// Marks the connection as closing; returns false if a request has started since `since`.
    pub(super) fn close(&self, since: u64) -> bool {
        self.state.compare_exchange(since, CLOSING, AcqRel, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_connection_is_closed_while_idle_and_never_under_a_request() {
        let link = Link::new(3);
        assert_eq!(link.idle_since(), Some(3));
        assert!(link.begin().now_or_never().is_some());
        assert_eq!(link.idle_since(), None);
        assert!(!link.close(3), "a request is at work");
        link.end(5);
        assert!(link.close(5));
        assert!(link.begin().now_or_never().is_none(), "no request starts on a closing connection");
    }

    #[test]
    fn no_request_starts_while_the_peer_does_not_read() {
        let link = Link::new(0);
        link.set_full(true);
        assert_eq!(link.idle_since(), None);
        assert!(link.begin().now_or_never().is_none());
        link.set_full(false);
        assert!(link.begin().now_or_never().is_some());
    }
}

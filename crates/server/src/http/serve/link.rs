//! State shared by the parts of one connection: whether a request is running, whether its body is awaited, and whether
//! the peer reads.
//!
//! The service, the bodies and the socket of the connection write it. `Connections` reads it, and closes connections
//! that wait for their client.

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
/// State while `Connections` closes the connection.
const CLOSING: u64 = u64::MAX - 1;

/// Flag that is added to the time in the state while a request waits for more of its body.
const AWAITED: u64 = 1 << 62;

/// State of one connection.
#[derive(Debug)]
pub(super) struct Link {
    /// Time at which the last answer ended, by the clock of `Connections`. While a body is awaited, [`AWAITED`] with
    /// the time of the body's last progress. Otherwise [`BUSY`] or [`CLOSING`].
    state: AtomicU64,
    /// True from the moment the socket refuses bytes until it takes them again.
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

    /// Marks the running request as waiting for more of its body, whose last progress was at `progress`.
    pub(super) fn awaits(&self, progress: u64) {
        // This has no effect on a connection whose answer has been sent, or that is being closed.
        let _ = self.state.compare_exchange(BUSY, AWAITED | progress, AcqRel, Relaxed);
    }

    /// Marks the request as running again. Returns false on a connection that is being closed.
    pub(super) fn received(&self) -> bool {
        let state = self.state.load(Acquire);
        let resumed = state & AWAITED == 0
            || state >= CLOSING
            || self.state.compare_exchange(state, BUSY, AcqRel, Acquire).is_ok();
        resumed && state != CLOSING
    }

    /// Sets whether the socket holds bytes that the peer does not take.
    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Relaxed);
    }

    /// Returns the time since which the connection has waited for its client, for a request or for more of a body,
    /// while nothing waits to be sent. Returns `None` while it is busy.
    pub(super) fn waiting_since(&self) -> Option<u64> {
        let since = self.state.load(Acquire);
        (since < CLOSING && !self.full.load(Relaxed)).then_some(since & !AWAITED)
    }

    /// Marks the connection as closing. Returns false unless it has waited for its client since `since` without
    /// interruption.
    pub(super) fn close(&self, since: u64) -> bool {
        let closes = |state| self.state.compare_exchange(state, CLOSING, AcqRel, Relaxed).is_ok();
        closes(since) || closes(AWAITED | since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_connection_is_closed_while_idle_and_never_under_a_request() {
        let link = Link::new(3);
        assert_eq!(link.waiting_since(), Some(3));
        assert!(link.begin().now_or_never().is_some());
        assert_eq!(link.waiting_since(), None);
        assert!(!link.close(3), "a request is at work");
        link.awaits(4);
        assert_eq!(link.waiting_since(), Some(4), "it waits for the rest of a body");
        assert!(link.received() && link.waiting_since().is_none());
        link.end(5);
        assert!(link.close(5));
        assert!(link.begin().now_or_never().is_none(), "no request starts on a closing connection");
    }

    #[test]
    fn a_connection_is_closed_while_it_waits_for_a_body() {
        let link = Link::new(0);
        assert!(link.begin().now_or_never().is_some());
        link.awaits(7);
        assert!(!link.close(6), "the body has made progress");
        assert!(link.close(7));
        assert!(!link.received(), "the request does not go on");
    }

    #[test]
    fn no_request_starts_while_the_peer_does_not_read() {
        let link = Link::new(0);
        link.set_full(true);
        assert_eq!(link.waiting_since(), None);
        assert!(link.begin().now_or_never().is_none());
        link.set_full(false);
        assert!(link.begin().now_or_never().is_some());
    }
}

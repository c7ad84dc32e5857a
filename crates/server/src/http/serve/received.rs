//! The body of an incoming request. While it waits for the client, `Connections` may close its connection. It fails if
//! the client sends too slowly.
//!
//! The serve loop wraps every body. Time counts only while the body waits for the client, not while the handler works.

use super::Shared;
use axum::BoxError;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// Number of bytes that count as progress: a client that sends single bytes ranks like one that sends none.
const PROGRESS_BYTES: u64 = 1 << 10;

/// Lowest rate at which a client must send a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyPace {
    /// Length of a span.
    pub(super) span: Duration,
    /// Number of bytes that must arrive while the body waits for the length of one span.
    pub(super) bytes: u64,
}

/// Body of an incoming request.
pub(super) struct Received<B> {
    body: B,
    /// Watch on the body's speed; `None` for a request without a body.
    watch: Option<Watch>,
}

/// Watches how fast a body arrives.
struct Watch {
    shared: Arc<Shared>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Time since which the body has been waiting; `None` while it is not waiting.
    since: Option<Instant>,
    /// Time waited and bytes received in this span.
    waited: Duration,
    taken: u64,
    /// Time of the last progress, by the clock of `Connections`, and number of bytes received since.
    progress: (u64, u64),
}

impl<B: Body> Received<B> {
    /// Watches the body of a request on the connection of `shared`.
    pub(super) fn of(request: Request<B>, shared: &Arc<Shared>) -> Request<Self> {
        request.map(|body| {
            let watch = (!body.is_end_stream()).then(|| Watch::new(shared.clone()));
            Self { body, watch }
        })
    }
}

impl Watch {
    fn new(shared: Arc<Shared>) -> Self {
        let progress = (shared.connections.now(), 0);
        Self { shared, timer: None, since: None, waited: Duration::ZERO, taken: 0, progress }
    }

    /// Waits for the client. Returns an error once a span has passed in which the client sent too few bytes.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let BodyPace { span, bytes } = self.shared.pace;
        if self.since.is_none() {
            let now = Instant::now();
            self.since = Some(now);
            self.shared.link.awaits(self.progress.0);
            self.set_timer(now + span.saturating_sub(self.waited));
        }
        while self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready()) {
            if self.taken < bytes {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client sends too slowly"));
            }
            let now = Instant::now();
            (self.since, self.waited, self.taken) = (Some(now), Duration::ZERO, 0);
            self.set_timer(now + span);
        }
        Poll::Pending
    }

    fn set_timer(&mut self, end: Instant) {
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(end),
            None => self.timer = Some(Box::pin(sleep_until(end))),
        }
    }

    /// Ends the waiting. Returns false if `Connections` is closing the connection.
    fn stop_waiting(&mut self) -> bool {
        let Some(since) = self.since.take() else { return true };
        self.waited += since.elapsed();
        self.shared.link.received()
    }

    fn count(&mut self, bytes: u64) {
        self.taken += bytes;
        self.progress.1 += bytes;
        if self.progress.1 >= PROGRESS_BYTES {
            self.progress = (self.shared.connections.now(), 0);
        }
    }
}

impl<B> Body for Received<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, watch } = &mut *self;
        let polled = Pin::new(body).poll_frame(context).map_err(Into::into);
        let Some(watch) = watch else { return polled };
        match polled {
            Poll::Pending => watch.wait(context).map(|slow| Some(Err(slow.into()))),
            Poll::Ready(_) if !watch.stop_waiting() => Poll::Pending,
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                watch.count(data.map_or(0, |data| data.len() as u64));
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The handler continues without the rest of the body.
        self.stop_waiting();
    }
}

//! A socket that gives up on a peer that does not read.
//!
//! hyper writes until the socket refuses bytes. From then on, the peer must take a minimum number of bytes in each
//! span, or the connection ends. No further request starts on the connection meanwhile ([`Link::begin`]), so the bytes
//! that wait for one peer belong to only one answer.

use super::link::Link;
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// Lowest rate at which a peer must read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Length of a span.
    pub(super) span: Duration,
    /// Number of bytes that the peer must take in a span; at least one.
    pub(super) bytes: u64,
}

/// Socket that ends the connection of a peer that does not read.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    link: Arc<Link>,
    pace: Pace,
    /// Current span, which began after the socket refused bytes.
    span: Option<Span>,
}

#[derive(Debug)]
struct Span {
    end: Pin<Box<Sleep>>,
    /// Number of bytes that the peer took in this span.
    taken: u64,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, link: Arc<Link>, pace: Pace) -> Self {
        Self { stream, link, pace, span: None }
    }

    /// Handles refused bytes. Returns an error once a span has passed in which the peer took too few bytes.
    fn refused(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let span = self.span.get_or_insert_with(|| {
            self.link.set_full(true);
            Span { end: Box::pin(sleep(self.pace.span)), taken: 0 }
        });
        while span.end.as_mut().poll(context).is_ready() {
            if span.taken < self.pace.bytes.max(1) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")));
            }
            span.taken = 0;
            span.end.as_mut().reset(Instant::now() + self.pace.span);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Pending => self.refused(context),
            Poll::Ready(Ok(taken)) => {
                if let Some(span) = &mut self.span {
                    span.taken += taken as u64;
                }
                Poll::Ready(Ok(taken))
            }
            failed => failed,
        }
    }

    /// hyper flushes once it has written everything.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.span.take().is_some() {
            self.link.set_full(false);
            // A request in the same task may be waiting for this.
            context.waker().wake_by_ref();
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_peer_must_take_enough_in_every_span() {
        let (mut peer, ours) = tokio::io::duplex(8);
        let link = Arc::new(Link::new(0));
        let span = Duration::from_secs(1);
        let mut wire = Wire::new(ours, link.clone(), Pace { span, bytes: 4 });
        assert_eq!(wire.write(&[0; 16]).await.unwrap(), 8);
        let refused = |wire: &mut Wire<_>| {
            let mut context = Context::from_waker(std::task::Waker::noop());
            Pin::new(wire).poll_write(&mut context, &[0; 8])
        };
        assert!(refused(&mut wire).is_pending() && link.waiting_since().is_none());
        let mut some = [0; 5];
        peer.read_exact(&mut some).await.unwrap();
        assert!(matches!(refused(&mut wire), Poll::Ready(Ok(5))));
        sleep(span).await;
        assert!(refused(&mut wire).is_pending(), "it took enough: a new span begins");
        peer.read_exact(&mut some[..1]).await.unwrap();
        assert!(matches!(refused(&mut wire), Poll::Ready(Ok(1))));
        sleep(span).await;
        assert!(matches!(refused(&mut wire), Poll::Ready(Err(_))), "one byte in a span is too slow");
    }
}

//! A socket that gives up on a peer that does not read.
//!
//! hyper writes until the socket refuses bytes. From then on the peer must take a minimum number of bytes in each span,
//! or the connection ends. No further request starts on it meanwhile ([`Link::begin`]), so that the bytes waiting for
//! one peer are those of one answer.

use super::{link::Link, patience::Ticks};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Minimum rate at which a peer must read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Length of a span, ticks.
    pub(super) ticks: u64,
    /// Number of bytes that the peer must take in a span, at least one.
    pub(super) bytes: u64,
}

/// Socket that ends the connection of a peer that does not read.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    link: Arc<Link>,
    ticks: Ticks,
    pace: Pace,
    /// The span since the socket refused bytes: its first tick, and the bytes taken in it.
    span: Option<(u64, u64)>,
}

impl<S> Wire<S> {
    /// Wraps `stream`; `ticks` are those of its connection.
    pub(super) fn new(stream: S, link: Arc<Link>, ticks: Ticks, pace: Pace) -> Self {
        Self { stream, link, ticks, pace, span: None }
    }

    /// Handles refused bytes; returns an error once a span has passed in which the peer took too few.
    fn refused(&mut self) -> Poll<io::Result<usize>> {
        let now = self.ticks.now();
        match self.span {
            Some((first, _)) if now - first < self.pace.ticks => {}
            Some((_, taken)) if taken < self.pace.bytes.max(1) => {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")));
            }
            _ => {
                self.span = Some((now, 0));
                self.link.set_full(true);
            }
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
            Poll::Pending => self.refused(),
            Poll::Ready(Ok(taken)) => {
                if let Some((_, sum)) = &mut self.span {
                    *sum += taken as u64;
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
            // A request may wait for this in the same task.
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
        let (link, ticks) = (Arc::new(Link::new(0)), Ticks::default());
        let pace = Pace { ticks: 2, bytes: 4 };
        let mut wire = Wire::new(ours, link.clone(), ticks.clone(), pace);
        assert_eq!(wire.write(&[0; 16]).await.unwrap(), 8);
        let refused = |wire: &mut Wire<_>| {
            let mut context = Context::from_waker(std::task::Waker::noop());
            Pin::new(wire).poll_write(&mut context, &[0; 8])
        };
        assert!(refused(&mut wire).is_pending() && link.waiting_since().is_none());
        ticks.advance();
        ticks.advance();
        let mut some = [0; 5];
        peer.read_exact(&mut some).await.unwrap();
        assert!(matches!(refused(&mut wire), Poll::Ready(Ok(5))));
        assert!(refused(&mut wire).is_pending(), "it took enough: a new span begins");
        ticks.advance();
        peer.read_exact(&mut some[..1]).await.unwrap();
        assert!(matches!(refused(&mut wire), Poll::Ready(Ok(1))));
        assert!(refused(&mut wire).is_pending(), "the span is not over");
        ticks.advance();
        assert!(matches!(refused(&mut wire), Poll::Ready(Err(_))), "one byte in a span is too slow");
    }
}

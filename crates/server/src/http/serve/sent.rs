//! The body of an outgoing answer, split into chunks, so that hyper buffers one chunk instead of the whole body.
//!
//! The serve loop creates one for every answer. It holds the permit that counts a request against its tenant until the
//! body is sent or the connection has ended.

use super::{super::guard::Reply, Shared};
use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tenantry::access::meter::Hold;

/// Largest number of bytes passed to hyper at a time.
pub(in crate::http) const PIECE: usize = 16 * 1024;

/// Body of an outgoing answer.
pub(super) struct Sent {
    body: Reply,
    /// Remaining bytes of the last chunk of `body`.
    rest: Bytes,
    shared: Arc<Shared>,
    _hold: Option<Hold>,
}

impl Sent {
    /// Prepares `response` to be sent on the connection of `shared`.
    pub(super) fn of(mut response: Response<Reply>, shared: Arc<Shared>) -> Response<Self> {
        let hold = response.extensions_mut().remove::<Hold>();
        response.map(|body| Self { body, rest: Bytes::new(), shared, _hold: hold })
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = <Reply as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.shared.link.end(self.shared.connections.now());
    }
}

//! Limits the part of an uploaded form before its file.
//!
//! The parser of forms buffers the head of a part until it is complete, and skips fields that are not files. It limits
//! neither, so this stream limits the bytes that the parser reads until the file begins.

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Poll, ready},
};

/// Maximum number of bytes of a form before its file: heads of parts and fields that are not files.
pub(super) const MOST: usize = 64 << 10;
/// Number of bytes after which the parser gets a turn. It reads all bytes that are ready before it parses any of them.
const PIECE: usize = 8 << 10;

/// Bytes of a form that were read before its file. The form's handler and its stream share it.
#[derive(Debug, Default)]
pub(super) struct Preamble {
    bytes: AtomicUsize,
    has_ended: AtomicBool,
}

impl Preamble {
    /// Marks the beginning of the file. The caller limits the bytes that follow.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Relaxed);
    }

    /// Returns true if the form has more than [`MOST`] bytes before its file.
    pub(super) fn is_too_long(&self) -> bool {
        !self.has_ended.load(Relaxed) && self.bytes.load(Relaxed) > MOST
    }

    /// Returns how many of the `ready` bytes to pass on next.
    fn next(&self, ready: usize) -> io::Result<usize> {
        if self.has_ended.load(Relaxed) {
            return Ok(ready);
        }
        let length = ready.min(PIECE);
        self.bytes.fetch_add(length, Relaxed);
        if self.is_too_long() {
            return Err(io::Error::other("the form has too many bytes before its file"));
        }
        Ok(length)
    }
}

/// Passes on the body of a form. It fails once the form has too many bytes before its file.
pub(super) fn bounded(body: Body, preamble: Arc<Preamble>) -> Body {
    let (mut pieces, mut rest, mut has_passed) = (body.into_data_stream(), Bytes::new(), false);
    Body::from_stream(stream::poll_fn(move |context| {
        if std::mem::take(&mut has_passed) && !preamble.has_ended.load(Relaxed) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while rest.is_empty() {
            match ready!(pieces.poll_next_unpin(context)) {
                Some(Ok(piece)) => rest = piece,
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => return Poll::Ready(None),
            }
        }
        has_passed = true;
        Poll::Ready(Some(preamble.next(rest.len()).map(|length| rest.split_to(length))))
    }))
}

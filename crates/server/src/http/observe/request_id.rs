//! Request ids, which connect an answer with its log line.
//!
//! The guard creates one per request, without asking the system for randomness each time. The ids are not secret.

use http::{HeaderName, HeaderValue};
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// Header that carries the id in every answer.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A request id: 16 hex digits, 8 for this process and 8 from a counter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId([u8; 16]);

impl RequestId {
    /// Returns the next id.
    pub(crate) fn next() -> Self {
        static PROCESS: LazyLock<u32> = LazyLock::new(|| (RandomState::new().hash_one(1_u8) >> 32) as u32);
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let id = u64::from(*PROCESS) << 32 | u64::from(COUNT.fetch_add(1, Relaxed));
        let mut text = [0; 16];
        for (place, digit) in text.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(id >> (60 - 4 * place) & 15) as usize];
        }
        Self(text)
    }

    /// Returns the id as text.
    pub(crate) fn as_str(&self) -> &str {
        // The digits are ASCII, so the conversion cannot fail.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the id as a header value.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static("0"))
    }
}

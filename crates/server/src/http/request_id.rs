//! Ids of requests: what an answer and its log line have in common.
//!
//! Made by the guard, one a request, without asking the system for randomness each time. They are not secret.

use http::{HeaderName, HeaderValue};
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// Header of every answer that carries it.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// 16 hex digits: 8 of this process, 8 counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId([u8; 16]);

impl RequestId {
    /// The next one.
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

    /// Its text.
    pub(crate) fn as_str(&self) -> &str {
        // Hex digits are ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As a header's value.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static("0"))
    }
}

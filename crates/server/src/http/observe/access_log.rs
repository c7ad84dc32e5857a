//! Request log: one JSON line per request, collected in memory and written a few times a second.
//!
//! The guard adds lines; the serve loop flushes them. Lines are not `tracing` events, because formatting and one system
//! call per request would cost more than the read that they report. A graceful stop writes all lines; a killed process
//! loses at most the last half second. The query string never gets here, because it may contain personal data.

use crate::http::{guard::Noted, request_id::RequestId};
use http::{Method, StatusCode, Uri};
use std::{
    io::Write,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Largest size of the buffer in bytes while the sink is slow. Further lines are dropped and counted.
const MOST_BYTES: usize = 4 << 20;

/// Destination of the request log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogTo {
    /// Discards the log.
    #[default]
    Nowhere,
    /// Writes to standard error.
    Stderr,
}

/// A line of the log: one answered request.
pub(crate) struct Line<'a> {
    pub(crate) id: RequestId,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) peer: IpAddr,
    pub(crate) status: StatusCode,
    pub(crate) took: Duration,
    pub(crate) noted: Noted,
}

/// Buffer of lines that are not yet written.
pub(crate) struct AccessLog {
    to: LogTo,
    waiting: Mutex<Vec<u8>>,
    dropped: AtomicU64,
}

impl AccessLog {
    pub(crate) fn new(to: LogTo) -> Self {
        Self { to, waiting: Mutex::default(), dropped: AtomicU64::new(0) }
    }

    /// Adds a line. Never blocks on the sink.
    pub(crate) fn add(&self, line: &Line<'_>) {
        if self.to == LogTo::Nowhere {
            return;
        }
        // Format before taking the lock, which every request of the process needs.
        let mut text = Vec::with_capacity(256);
        // Writing to memory does not fail.
        drop(write(&mut text, line));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() > MOST_BYTES {
            self.dropped.fetch_add(1, Relaxed);
        } else {
            waiting.extend_from_slice(&text);
        }
    }

    /// Writes the buffered lines. Blocks as long as the sink does, so call it outside the async threads.
    pub(crate) fn flush(&self) {
        let lines = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if !lines.is_empty() {
            // A failing sink leaves no place to report the failure.
            drop(std::io::stderr().write_all(&lines));
        }
        let dropped = self.dropped.swap(0, Relaxed);
        if dropped > 0 {
            tracing::warn!(dropped, "request log lines were dropped: the sink is too slow");
        }
    }
}

/// Writes a line as JSON by hand: with `core::fmt`, this would take a tenth of the time of a warm read.
fn write(out: &mut Vec<u8>, line: &Line<'_>) -> std::io::Result<()> {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut number = itoa::Buffer::new();
    put(out, "{\"at_ms\":", number.format(small(at.as_millis())));
    put(out, ",\"request\":\"", line.id.as_str());
    put(out, "\",\"method\":\"", line.method.as_str());
    put(out, "\",\"path\":", "");
    serde_json::to_writer(&mut *out, line.uri.path())?;
    put(out, ",\"status\":", number.format(line.status.as_u16()));
    put(out, ",\"took_us\":", number.format(small(line.took.as_micros())));
    put(out, ",\"tenant\":", number.format(line.noted.tenant));
    put(out, ",\"user\":", number.format(line.noted.user));
    out.extend_from_slice(b",\"peer\":\"");
    match line.peer {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                put(out, if index == 0 { "" } else { "." }, number.format(octet));
            }
        }
        IpAddr::V6(address) => write!(out, "{address}")?,
    }
    out.extend_from_slice(b"\"}\n");
    Ok(())
}

/// Converts to 64 bits, which suffice and are cheaper to format than 128.
fn small(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn put(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(value.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whatever_the_path_and_has_no_query() {
        let log = AccessLog::new(LogTo::Stderr);
        let uri = Uri::from_static("/a\"b?secret=1");
        log.add(&Line {
            id: RequestId::next(),
            method: &Method::GET,
            uri: &uri,
            peer: IpAddr::from([127, 0, 0, 1]),
            status: StatusCode::OK,
            took: Duration::from_micros(12),
            noted: Noted { route: 0, tenant: 3, user: 4, store: None, language: None },
        });
        let text = String::from_utf8(log.waiting.lock().unwrap().clone()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&json["path"], &json["tenant"]), (&"/a\"b".into(), &3.into()), "{text}");
        assert_eq!((&json["peer"], &json["took_us"]), (&"127.0.0.1".into(), &12.into()), "{text}");
        assert!(text.ends_with("}\n") && !text.contains("secret"));
    }
}

//! Stops a tenant's statement: at its deadline, when its caller is gone, or when it eats memory.

use crate::error::{Error, Kind, Result};
use rusqlite::Connection;
use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Instructions between two looks. With values of at most 1 MB each, a statement cannot take much
/// between them.
const OPS_BETWEEN_LOOKS: i32 = 200;
/// Growth of the process at which a statement is taken to be the cause, in pages of 4 KB: 256 MB.
/// Sorting and recursion are in memory, so that no temporary file is ever opened for a statement.
const MEMORY_PAGES: u64 = 65_536;

/// Why the handler stopped the statement.
pub(super) struct Guard {
    memory: Arc<AtomicBool>,
}

impl Guard {
    /// Sets the handler on the connection.
    pub(super) fn set(conn: &mut Connection, limit: Duration, gone: Arc<AtomicBool>) -> Result<Self> {
        let memory = Arc::new(AtomicBool::new(false));
        let (deadline, over, statm) =
            (Instant::now() + limit, memory.clone(), File::open("/proc/self/statm").ok());
        let before = statm.as_ref().and_then(resident_pages);
        let handler = move || {
            let grown = before
                .zip(statm.as_ref().and_then(resident_pages))
                .is_some_and(|(before, now)| now > before + MEMORY_PAGES);
            over.fetch_or(grown, Relaxed);
            grown || gone.load(Relaxed) || Instant::now() >= deadline
        };
        conn.progress_handler(OPS_BETWEEN_LOOKS, Some(handler))?;
        Ok(Self { memory })
    }

    /// The error in the caller's terms.
    pub(super) fn reason(&self, error: Error) -> Error {
        if self.memory.load(Relaxed) {
            Error::with_source(Kind::Limit("memory"), "statement stopped", error)
        } else {
            error
        }
    }
}

/// Second number of `statm`: resident pages of this process.
fn resident_pages(statm: &File) -> Option<u64> {
    let mut text = [0; 64];
    let length = statm.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(&text[..length]).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

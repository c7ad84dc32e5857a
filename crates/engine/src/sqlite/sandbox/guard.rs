//! Stops a tenant's statement: at its deadline, when its caller is gone, or when it uses too much memory or temporary
//! file space.
//!
//! Memory and files are counted for the thread that runs the statement. The thread runs nothing else, so the statement
//! is not charged for the use of other statements.

use crate::{
    error::{Error, Kind, Result},
    sqlite::connection::Stop,
    statement::SqlLimits,
};
use rusqlite::Connection;
use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// Instructions of SQLite's virtual machine between two checks of the clock. One instruction may take some
/// milliseconds: with values of 256 KB each and functions whose cost grows with the length of their arguments.
const OPS_BETWEEN_CHECKS: i32 = 10;
/// Time between two checks of memory and files, each of which takes a system call.
const COUNT_EVERY: Duration = Duration::from_millis(1);
/// Duration from which a statement counts as long. Its thread then gives way to the statements of other tenants.
const SHORT: Duration = Duration::from_millis(20);
/// `nice` value of the thread of a long statement, the lowest priority.
const LONG_NICENESS: i32 = 19;
const PAGE_BYTES: u64 = 4096;

/// Records why the progress handler stopped the statement.
pub(super) struct Guard {
    /// The limit that the statement exceeded.
    over: Arc<OnceLock<&'static str>>,
}

impl Guard {
    /// Sets the progress handler of the connection. Call this on the thread that runs the statement.
    ///
    /// # Errors
    /// Returns SQLite's error if a statement is running on the connection.
    pub(super) fn set(conn: &mut Connection, limits: SqlLimits, stop: Stop) -> Result<Self> {
        let over = Arc::new(OnceLock::new());
        let (exceeded, mut taken) = (over.clone(), Taken::new(limits));
        let end = Instant::now() + limits.deadline;
        let mut count_at = Instant::now() + COUNT_EVERY;
        let mut long_at = Some(Instant::now() + SHORT);
        let handler = move || {
            let now = Instant::now();
            if stop.is_told() || now >= end {
                return true;
            }
            if now < count_at {
                return false;
            }
            count_at = now + COUNT_EVERY;
            if long_at.is_some_and(|at| now >= at) {
                long_at = None;
                let_others_go_first();
            }
            let limit = taken.exceeded();
            limit.is_some_and(|limit| exceeded.set(limit).is_ok())
        };
        conn.progress_handler(OPS_BETWEEN_CHECKS, Some(handler))?;
        Ok(Self { over })
    }

    /// Returns the error that the caller sees: the exceeded limit, if there is one, or else `error`.
    pub(super) fn reason(&self, error: Error) -> Error {
        match self.over.get() {
            Some(limit) => Error::with_source(Kind::Limit(limit), "statement stopped", error),
            None => error,
        }
    }
}

/// Lowers the priority of this thread, which ends with its statement. If that is not allowed, the priority stays as it
/// is.
fn let_others_go_first() {
    if let Err(error) = rustix::process::setpriority_process(None, LONG_NICENESS) {
        tracing::debug!(%error, "a long statement runs at the priority of short ones");
    }
}

/// Returns true if the temporary files of a thread can be counted. Otherwise a statement may use none.
pub(super) fn counts_files() -> bool {
    open("io").as_ref().and_then(written).is_some()
}

/// Resource use of one thread.
struct Taken {
    limits: SqlLimits,
    stat: Option<File>,
    statm: Option<File>,
    io: Option<File>,
    faults: u64,
    resident: u64,
    written: u64,
}

impl Taken {
    /// Starts to count for the calling thread.
    fn new(limits: SqlLimits) -> Self {
        let (stat, statm, io) = (open("stat"), File::open("/proc/self/statm").ok(), open("io"));
        let of =
            |file: &Option<File>, count: fn(&File) -> Option<u64>| file.as_ref().and_then(count).unwrap_or(0);
        let (faults, resident, written) = (of(&stat, faults), of(&statm, resident), of(&io, written));
        Self { limits, stat, statm, io, faults, resident, written }
    }

    /// Returns the limit that is exceeded, if any.
    fn exceeded(&mut self) -> Option<&'static str> {
        let since = |file: &Option<File>, count: fn(&File) -> Option<u64>, before: u64| {
            file.as_ref().and_then(count).map_or(0, |now| now.saturating_sub(before))
        };
        if since(&self.io, written, self.written) > self.limits.scratch_bytes {
            return Some("scratch");
        }
        let most = self.limits.memory_bytes / PAGE_BYTES;
        // The statement holds at most the lesser of two numbers: the pages that this thread touched first, some perhaps
        // twice, and the pages that the process has gained.
        let over = since(&self.stat, faults, self.faults) > most
            && since(&self.statm, resident, self.resident) > most;
        over.then_some("memory")
    }
}

fn open(name: &str) -> Option<File> {
    File::open(format!("/proc/thread-self/{name}")).ok()
}

/// Returns the page faults of the thread: 10th and 12th field of `stat`, which are the 8th and 10th after the name in
/// parentheses.
fn faults(stat: &File) -> Option<u64> {
    read(stat, |text| {
        let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(7);
        let (minor, major) = (fields.next()?, fields.nth(1)?);
        Some(minor.parse::<u64>().ok()? + major.parse::<u64>().ok()?)
    })
}

/// Returns the resident pages of the process: second field of `statm`.
fn resident(statm: &File) -> Option<u64> {
    read(statm, |text| text.split(' ').nth(1)?.parse().ok())
}

/// Returns the bytes that the thread has written to files.
fn written(io: &File) -> Option<u64> {
    read(io, |text| text.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse().ok())
}

fn read(file: &File, parse: impl FnOnce(&str) -> Option<u64>) -> Option<u64> {
    let mut text = [0; 1024];
    let length = file.read_at(&mut text, 0).ok()?;
    parse(std::str::from_utf8(&text[..length]).ok()?)
}

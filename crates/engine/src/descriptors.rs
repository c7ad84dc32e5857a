//! File descriptors of the process, and their division between databases, clients and everything else.
//!
//! The engine and the server each compute the division once, so both rely on the same shares. This module opens no
//! files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything but databases and clients, unless the limit is very low: files being sent or received,
/// backups, the many connections to system stores, the log.
const RESERVED: usize = 256;
/// Descriptors that databases get unless more are requested. The rest goes to clients.
const USUAL: usize = 4096;
/// Useful number of descriptors per open database: [`BASE`], and some for more connections.
const EACH: usize = 8;
/// Descriptors of an open database with one connection: the file, its `-wal`, its `-shm`, and one of another connection
/// that was closed, which SQLite retains until the database closes.
pub(crate) const BASE: usize = 4;
/// Upper bound for the limit that the process requests. A higher limit would only slow down programs that iterate over
/// all possible descriptors.
const MOST: u64 = 1 << 20;

/// The shares of the descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// Maximum number of open files of the process.
    pub limit: usize,
    /// Number of descriptors for databases, out of `limit`.
    pub databases: usize,
    /// Maximum number of databases that are open at the same time.
    pub open_databases: usize,
    /// Number of client connections that the remaining descriptors suffice for.
    pub connections: usize,
}

impl Descriptors {
    /// Divides the descriptors of this process. Provides for `open_databases` open databases if there are enough
    /// descriptors.
    pub fn of_process(open_databases: usize) -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(MOST).min(MOST);
        Self::share(usize::try_from(limit).unwrap_or(usize::MAX), open_databases)
    }

    /// Divides `limit` descriptors.
    pub fn share(limit: usize, open_databases: usize) -> Self {
        let free = limit.saturating_sub(RESERVED.min(limit / 4));
        let wanted = open_databases.saturating_mul(EACH).max(USUAL);
        Self::within((free / 3 * 2).min(wanted), limit, free, open_databases)
    }

    /// Divides descriptors so that databases get exactly `databases` of them.
    pub(crate) fn for_databases(databases: usize, open_databases: usize) -> Self {
        Self::within(databases, databases, databases, open_databases)
    }

    fn within(databases: usize, limit: usize, free: usize, open_databases: usize) -> Self {
        let files = databases - watches(databases);
        // Leave room for databases that are being opened and closed.
        let kept = (files - files / 8) / BASE;
        Self {
            limit,
            databases,
            open_databases: open_databases.clamp(1, kept.max(1)),
            connections: free.saturating_sub(databases).max(1),
        }
    }

    /// Returns the number of descriptors for database files.
    pub(crate) fn files(&self) -> usize {
        self.databases - self.watches()
    }

    /// Returns the number of descriptors for reading `-shm` files.
    pub(crate) fn watches(&self) -> usize {
        watches(self.databases)
    }
}

fn watches(databases: usize) -> usize {
    databases / 8
}

/// Raises the limit of open files of the process to its hard limit. Call it before opening files: services are often
/// started with a soft limit of 1,024.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST).min(MOST);
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
    {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_exceed_the_limit() {
        for limit in [64, 256, 1024, 4096, 20_000, 1 << 20] {
            for asked in [1, 20, 500, 20_000, 1_000_000] {
                let shares = Descriptors::share(limit, asked);
                assert!(shares.databases + shares.connections <= limit, "{limit}: {shares:?}");
                assert!(shares.open_databases * BASE <= shares.files().max(BASE), "{limit}: {shares:?}");
                assert!(shares.open_databases <= asked);
            }
        }
    }

    #[test]
    fn the_usual_limits_have_room_for_both() {
        let low = Descriptors::share(1024, 500);
        assert!(low.open_databases >= 90 && low.connections >= 200, "{low:?}");
        let usual = Descriptors::share(20_000, 500);
        assert!(usual.open_databases == 500 && usual.connections >= 4096, "{usual:?}");
    }
}

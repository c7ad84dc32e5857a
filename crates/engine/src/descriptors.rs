//! The descriptors of the process, and how they are shared out between databases, clients and all else.
//!
//! Asked once by the engine and once by the server, so that both count on the same shares. It opens nothing.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Left to all else, where the limit is not very low: files being sent or received, backups, the system stores' many
/// connections, the log.
const RESERVED: usize = 256;
/// Descriptors that databases have without being asked for more: others go to clients.
const USUAL: usize = 4096;
/// Descriptors per open database that are worth having: see [`BASE`], and further connections.
const EACH: usize = 8;
/// Descriptors of an open database with one connection: the file, its `-wal`, its `-shm`, and the descriptor of one
/// further connection that was closed, which SQLite keeps until the database closes.
pub(crate) const BASE: usize = 4;
/// Most the process asks for: more would only make programs slow that look at each possible one.
const MOST: u64 = 1 << 20;

/// Who may have how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// Open files the process may have.
    pub limit: usize,
    /// Of them for databases.
    pub databases: usize,
    /// Databases kept open.
    pub open_databases: usize,
    /// Connections of clients that the rest is enough for.
    pub connections: usize,
}

impl Descriptors {
    /// Shares out what this process may have, with `open_databases` kept open if there is room for so many.
    pub fn of_process(open_databases: usize) -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(MOST).min(MOST);
        Self::share(usize::try_from(limit).unwrap_or(usize::MAX), open_databases)
    }

    /// Shares out `limit`.
    pub fn share(limit: usize, open_databases: usize) -> Self {
        let free = limit.saturating_sub(RESERVED.min(limit / 4));
        let wanted = open_databases.saturating_mul(EACH).max(USUAL);
        Self::within((free / 3 * 2).min(wanted), limit, free, open_databases)
    }

    /// With exactly `databases` descriptors for databases.
    pub(crate) fn for_databases(databases: usize, open_databases: usize) -> Self {
        Self::within(databases, databases, databases, open_databases)
    }

    fn within(databases: usize, limit: usize, free: usize, open_databases: usize) -> Self {
        let files = databases - watches(databases);
        // Room for databases that are being opened and closed.
        let kept = (files - files / 8) / BASE;
        Self {
            limit,
            databases,
            open_databases: open_databases.clamp(1, kept.max(1)),
            connections: free.saturating_sub(databases).max(1),
        }
    }

    /// Descriptors for the files of databases.
    pub(crate) fn files(&self) -> usize {
        self.databases - self.watches()
    }

    /// Descriptors for looking at `-shm` files.
    pub(crate) fn watches(&self) -> usize {
        watches(self.databases)
    }
}

fn watches(databases: usize) -> usize {
    databases / 8
}

/// Lets the process have as many open files as its hard limit allows. Call it before anything is opened; services are
/// often started with a soft limit of 1,024.
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

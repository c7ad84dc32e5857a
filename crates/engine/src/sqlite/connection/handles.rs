//! Counts the file descriptors of open databases: taken when a connection opens, returned when it closes.
//!
//! When a connection closes, SQLite retains the descriptor of its database file until no connection of the process
//! holds a lock on that file, because closing it would drop the locks of the other connections. SQLite reuses the
//! descriptor for the next connection. So a file counts as many descriptors as the maximum number of its simultaneous
//! connections. If no descriptors are left, the caller makes room: the cache closes databases that are not in use.

use crate::{
    descriptors::BASE,
    error::{Error, Kind, Result},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Longest wait for descriptors.
const WAIT: Duration = Duration::from_secs(5);
/// Minimum time between two rounds of making room, in which the closes of the first round take effect.
const ROOM_EVERY: Duration = Duration::from_millis(10);

/// The descriptors that all databases of an engine together may use. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Handles(Arc<Inner>);

struct Inner {
    free: Arc<Semaphore>,
    close_unused: OnceLock<Box<dyn Fn() + Send + Sync>>,
    made_room: Mutex<Option<Instant>>,
}

impl Handles {
    /// Allows this many descriptors, but at least enough for one database.
    pub(crate) fn new(descriptors: usize) -> Self {
        let free = Arc::new(Semaphore::new(descriptors.max(BASE)));
        Self(Arc::new(Inner { free, close_unused: OnceLock::new(), made_room: Mutex::default() }))
    }

    /// Sets the function that closes databases that are not in use.
    pub(crate) fn makes_room_by(&self, close_unused: impl Fn() + Send + Sync + 'static) {
        // `set` cannot fail: the cache that made this value calls it once.
        self.0.close_unused.set(Box::new(close_unused)).ok();
    }

    /// Takes the descriptors of a database that is about to be opened, and of its first connection. Waits if not enough
    /// are free.
    ///
    /// # Errors
    /// Returns `Busy` if all open databases stay in use.
    pub(crate) async fn open(&self) -> Result<(Arc<Files>, Ticket)> {
        let held = match self.take(BASE as u32) {
            Some(held) => held,
            None => Box::pin(self.wait_for_base()).await?,
        };
        let retained = Retained { held, writers: 1, readers: 0, first: false };
        let files = Arc::new(Files { handles: self.clone(), retained: Mutex::new(retained) });
        let ticket = Ticket { files: Some(files.clone()), of: Of::First };
        Ok((files, ticket))
    }

    async fn wait_for_base(&self) -> Result<OwnedSemaphorePermit> {
        let mut taking = std::pin::pin!(self.0.free.clone().acquire_many_owned(BASE as u32));
        let until = Instant::now() + WAIT;
        while Instant::now() < until {
            self.make_room();
            if let Ok(taken) = timeout(ROOM_EVERY, &mut taking).await {
                return taken.map_err(|error| Error::with_source(Kind::Internal, "descriptors", error));
            }
        }
        Err(none_left())
    }

    fn take(&self, descriptors: u32) -> Option<OwnedSemaphorePermit> {
        self.0.free.clone().try_acquire_many_owned(descriptors).ok()
    }

    /// Closes databases that are not in use. If all are in use, closes idle connections.
    pub(crate) fn make_room(&self) {
        let mut made = self.0.made_room.lock().unwrap_or_else(PoisonError::into_inner);
        if made.is_some_and(|at| at.elapsed() < ROOM_EVERY) {
            return;
        }
        *made = Some(Instant::now());
        if let Some(close_unused) = self.0.close_unused.get() {
            close_unused();
        }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handles({} free)", self.free.available_permits())
    }
}

/// Returns the error for the case that every descriptor is in use.
pub(crate) fn none_left() -> Error {
    Error::new(Kind::Busy, "all descriptors for databases are in use: raise the limit of open files")
}

/// The descriptors of one open database. They are returned when its last connection closes.
#[derive(Debug)]
pub(crate) struct Files {
    handles: Handles,
    retained: Mutex<Retained>,
}

#[derive(Debug)]
struct Retained {
    /// The permits that stay taken until the database closes.
    held: OwnedSemaphorePermit,
    /// Descriptors of the file that SQLite retains from closed connections that could write.
    writers: usize,
    /// Descriptors of the file that SQLite retains from closed connections that could only read.
    readers: usize,
    /// Set while the database's first connection is closed: its descriptors wait for the next connection.
    first: bool,
}

/// The access that a connection was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading and writing.
    Write,
    /// Reading only.
    Read,
}

impl Files {
    fn lock(&self) -> MutexGuard<'_, Retained> {
        self.retained.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the descriptors of another connection; `None` if not enough are free.
    pub(crate) fn ticket(self: &Arc<Self>, access: Access) -> Option<Ticket> {
        let mut retained = self.lock();
        if access == Access::Write && std::mem::take(&mut retained.first) {
            return Some(Ticket { files: Some(self.clone()), of: Of::First });
        }
        let known = retained.of(access);
        let wal = if *known > 0 {
            let wal = self.handles.take(1)?;
            *known -= 1;
            wal
        } else {
            let mut both = self.handles.take(2)?;
            if let Some(file) = both.split(1) {
                retained.held.merge(file);
            }
            both
        };
        Some(Ticket { files: Some(self.clone()), of: Of::Further(access, wal) })
    }

    /// Takes the descriptors of another connection. Waits if not enough are free.
    ///
    /// # Errors
    /// Returns `Busy` if all open databases stay in use.
    pub(crate) async fn wait_for_ticket(self: &Arc<Self>, access: Access) -> Result<Ticket> {
        let until = Instant::now() + WAIT;
        loop {
            match self.ticket(access) {
                Some(ticket) => return Ok(ticket),
                None if Instant::now() >= until => return Err(none_left()),
                None => self.handles.make_room(),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Makes room for the next attempt.
    pub(crate) fn make_room(&self) {
        self.handles.make_room();
    }
}

impl Retained {
    fn of(&mut self, access: Access) -> &mut usize {
        match access {
            Access::Write => &mut self.writers,
            Access::Read => &mut self.readers,
        }
    }
}

/// The descriptors of one connection. Drop this value after the connection.
#[derive(Debug)]
pub(crate) struct Ticket {
    files: Option<Arc<Files>>,
    of: Of,
}

#[derive(Debug)]
enum Of {
    /// The descriptors that were taken when the database was opened.
    First,
    /// The descriptor of the connection's `-wal`. The descriptor of its database file stays with the database.
    Further(Access, #[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
    /// Descriptors that are not counted.
    Reserved,
}

impl Ticket {
    /// Returns a ticket for a connection that must not wait: its descriptors come from the reserve of the process.
    pub(crate) fn reserved() -> Self {
        Self { files: None, of: Of::Reserved }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(files) = &self.files else { return };
        match self.of {
            Of::First => files.lock().first = true,
            Of::Further(access, _) => *files.lock().of(access) += 1,
            Of::Reserved => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(handles: &Handles) -> usize {
        handles.0.free.available_permits()
    }

    #[tokio::test]
    async fn the_descriptors_of_closed_connections_are_retained_for_the_next_ones() {
        let handles = Handles::new(8);
        let (files, first) = handles.open().await.unwrap();
        assert_eq!(free(&handles), 4);
        let second = files.ticket(Access::Write).unwrap();
        assert_eq!(free(&handles), 3, "its -wal; the file's was counted with the database");
        let third = files.ticket(Access::Write).unwrap();
        assert_eq!(free(&handles), 1);
        assert!(files.ticket(Access::Write).is_none(), "one is not enough for two files");
        drop((second, third));
        assert_eq!(free(&handles), 3, "the file's descriptor stays");
        drop(first);
        let again = files.ticket(Access::Write).unwrap();
        assert_eq!(free(&handles), 3, "there is always one connection");
        let reader = files.ticket(Access::Read).unwrap();
        drop((again, reader));
        assert_eq!(free(&handles), 2, "SQLite keeps a reader's descriptor apart");
        drop(files);
        assert_eq!(free(&handles), 8);
    }

    #[tokio::test]
    async fn an_open_waits_for_one_that_closes() {
        let handles = Handles::new(BASE);
        let (files, first) = handles.open().await.unwrap();
        let waiting = tokio::spawn({
            let handles = handles.clone();
            async move { handles.open().await.map(drop) }
        });
        tokio::time::sleep(3 * ROOM_EVERY).await;
        assert!(!waiting.is_finished());
        drop((files, first));
        waiting.await.unwrap().unwrap();
    }
}

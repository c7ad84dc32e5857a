//! Makes the connections to a database close one at a time.
//!
//! The last connection to a database writes the `-wal` back and removes it. If two threads closed the last two
//! connections at the same moment, each would find the other one open, and both would leave the `-wal` in place. So
//! every connection that can write to a database is wrapped in [`ClosesAlone`].

use rusqlite::Connection;
use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

/// Locks for closing. The path of a database selects its lock.
static CLOSING: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

/// A connection whose close never overlaps with the close of another connection to the same database.
#[derive(Debug)]
pub(crate) struct ClosesAlone(Option<Connection>);

impl From<Connection> for ClosesAlone {
    fn from(conn: Connection) -> Self {
        Self(Some(conn))
    }
}

impl Deref for ClosesAlone {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.0 {
            Some(conn) => conn,
            None => unreachable!("a connection is taken out only when it closes"),
        }
    }
}

impl DerefMut for ClosesAlone {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.0 {
            Some(conn) => conn,
            None => unreachable!("a connection is taken out only when it closes"),
        }
    }
}

impl Drop for ClosesAlone {
    fn drop(&mut self) {
        let Some(conn) = self.0.take() else { return };
        let path = conn.path().unwrap_or_default();
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(path);
        let lock = usize::try_from(hash % CLOSING.len() as u64).unwrap_or(0);
        let _lock = CLOSING[lock].lock().unwrap_or_else(PoisonError::into_inner);
        drop(conn);
    }
}

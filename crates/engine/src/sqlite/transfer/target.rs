//! The targets that rows are written to: a place that catches up, a new file, or a place in a pool.

use super::pool::Filling;
use crate::{
    error::Result,
    identity::PlaceState,
    sqlite::{
        connection::{Dedicated, open},
        files::new_file,
        tables,
    },
};
use rusqlite::{Connection, params};
use std::{ops::Deref, path::Path};

pub(crate) enum Target {
    /// A place that is closed to everything but catching up.
    Place(Dedicated),
    /// A new file that does not have the row of its place yet.
    File(Connection, NewFile),
    /// A place in a pool that is being filled.
    Pool(Dedicated, Box<Filling>),
}

/// Identity of the place that a new file is for.
pub(crate) struct NewFile {
    pub(crate) generation: i64,
    pub(crate) platform: String,
    /// State of the place whose database the file becomes; `None` for a copy.
    pub(crate) filled: Option<PlaceState>,
}

impl NewFile {
    /// Writes the row of the place, and commits.
    pub(crate) fn enrol(
        &self,
        conn: &Connection,
        (tenant, store): (i64, &str),
        (rows, bytes, log_upto): (i64, i64, i64),
    ) -> Result<()> {
        let (state, log_upto) = match self.filled {
            Some(state) => (state, Some(log_upto)),
            None => (PlaceState::Open, None),
        };
        conn.execute(
            "INSERT INTO _tenantry_place(tenant, store, generation, rows, bytes, platform, state, log_upto)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![tenant, store, self.generation, rows, bytes, self.platform, state.name(), log_upto],
        )?;
        conn.execute_batch("COMMIT")?;
        if self.filled.is_some() {
            // From here on the file is used like any other database.
            conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        }
        Ok(())
    }
}

impl Deref for Target {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Place(conn) | Self::Pool(conn, _) => conn,
            Self::File(conn, _) => conn,
        }
    }
}

impl Target {
    /// Returns true if full-text indexes are maintained row by row. Those of a new file are created at the end.
    pub(crate) fn is_indexed(&self) -> bool {
        !matches!(self, Self::File(..))
    }

    /// In a pool, begins a batch.
    pub(crate) fn begin_batch(&mut self) -> Result<()> {
        match self {
            Self::Pool(conn, filling) => filling.batches.open(conn),
            _ => Ok(()),
        }
    }

    /// Adds work that was done to the batch. In a pool, this may complete the batch.
    pub(crate) fn did(&mut self, rows: u64, bytes: u64) -> Result<()> {
        match self {
            Self::Pool(conn, filling) => filling.batches.did(conn, rows, bytes),
            _ => Ok(()),
        }
    }

    /// In a pool, ends a batch, so that no lock is held while the next rows are read.
    pub(crate) fn end_batch(&mut self) -> Result<()> {
        match self {
            Self::Pool(conn, filling) => filling.batches.pause(conn),
            _ => Ok(()),
        }
    }
}

/// Creates a new file with the platform's own tables.
pub(crate) fn create(path: &Path) -> Result<Connection> {
    drop(new_file(path)?);
    let conn = open::connect(path)?;
    // No other process knows the file, and it is removed on failure, so it needs no journal on disk.
    conn.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY",
    )?;
    tables::ensure(&conn)?;
    Ok(conn)
}

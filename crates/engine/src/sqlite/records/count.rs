//! Counts the bytes of a tenant's values in a database that was created before they were counted, or whose values were
//! replaced. The count runs once, at the first write or the first request for usage.
//!
//! Meanwhile writes continue, and add their changes to the counter. So one read transaction reads the values and the
//! counter, and the difference in that state is added to the counter later.

use crate::{
    carry::Tables,
    error::Result,
    place::{Isolation, Place},
    schema::{Confinement, Schema},
    sqlite::{connection::Mode, schema::bytes_of},
};
use rusqlite::{Connection, params};
use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};
use tokio::sync::OnceCell;

/// Longest duration of a count: many times the duration for the largest tenants.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);

/// State of the count for a tenant with its own database.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    done: OnceCell<()>,
    asked: AtomicBool,
}

impl Counted {
    /// Reads the state from the database. In a pool, the bytes are always counted.
    pub(crate) fn read(conn: &Connection, place: &Place, mode: Mode) -> Result<Self> {
        let counted = Self::default();
        // A database of an older form that is opened read-only cannot be counted.
        let is_done = place.isolation == Isolation::Pooled || mode == Mode::ReadOnly || {
            let sql = "SELECT counted FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
            let key = params![place.tenant_number(), place.store.as_str()];
            conn.query_row(sql, key, |row| row.get(0))?
        };
        if is_done {
            counted.done.set(()).unwrap_or_default();
        }
        Ok(counted)
    }

    /// Returns true if the counter has all bytes.
    pub(crate) fn is_done(&self) -> bool {
        self.done.initialized()
    }

    /// Returns true for the first caller that finds the counter incomplete.
    pub(crate) fn is_first_to_ask(&self) -> bool {
        !self.is_done() && !self.asked.swap(true, Relaxed)
    }

    /// Lets the next write request a count again, after one has failed.
    pub(crate) fn ask_again(&self) {
        self.asked.store(false, Relaxed);
    }

    /// Runs `count` unless the counter is complete. Concurrent callers wait for the one that counts.
    pub(crate) async fn once<F: Future<Output = Result<()>>>(&self, count: impl FnOnce() -> F) -> Result<()> {
        self.done.get_or_try_init(count).await.copied()
    }
}

/// Returns the bytes that the counter of the place lacks in the state that `conn` reads.
pub(crate) fn missing(conn: &Connection, schema: &Schema, who: &Confinement) -> Result<i64> {
    let sql = "SELECT bytes FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let mut missing: i64 =
        -conn.query_row(sql, params![who.tenant, schema.store().as_str()], |row| row.get::<_, i64>(0))?;
    for table in Tables::of_schema(schema).iter() {
        let columns = table.columns.iter().map(|column| bytes_of(&column.name, column.storage));
        let row = columns.collect::<Vec<_>>().join(" + ");
        let sql = format!("SELECT coalesce(sum({row}), 0) FROM [{}] AS m", table.model);
        missing += conn.query_row(&sql, [], |row| row.get::<_, i64>(0))?;
    }
    Ok(missing)
}

/// Completes the counter, unless another process or a migration has completed it.
pub(crate) fn add(conn: &Connection, schema: &Schema, who: &Confinement, missing: i64) -> Result<()> {
    conn.execute(
        "UPDATE _tenantry_place SET bytes = bytes + ?3, counted = 1
         WHERE tenant = ?1 AND store = ?2 AND counted = 0",
        params![who.tenant, schema.store().as_str(), missing],
    )?;
    Ok(())
}

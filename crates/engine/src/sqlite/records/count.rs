//! Counts the bytes of a tenant's values in a database that was made before they were counted, or whose values were
//! replaced. It happens once, at the first write or question.
//!
//! Meanwhile writes go on and add what they change to the counter. So the count is taken in one state, together with the
//! counter, and what the counter lacks in that state is added later.

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

/// Longest duration of a count: many times what it takes for the largest tenants.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);

/// Whether the bytes of the tenant that has a database to itself are counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    done: OnceCell<()>,
    asked: AtomicBool,
}

impl Counted {
    /// Reads what the database says. A pool is always counted.
    pub(crate) fn read(conn: &Connection, place: &Place, mode: Mode) -> Result<Self> {
        let counted = Self::default();
        // A database of an older form that cannot be written stays as it is.
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

    /// Returns true if the counter is complete.
    pub(crate) fn is_done(&self) -> bool {
        self.done.initialized()
    }

    /// Returns true if the counter is not complete and no caller has asked for a count yet.
    pub(crate) fn is_first_to_ask(&self) -> bool {
        !self.is_done() && !self.asked.swap(true, Relaxed)
    }

    /// Lets the next write ask for a count again, after one has failed.
    pub(crate) fn ask_again(&self) {
        self.asked.store(false, Relaxed);
    }

    /// Runs `count` unless the counter is complete. Only one caller counts, and others wait for it.
    pub(crate) async fn once<F: Future<Output = Result<()>>>(&self, count: impl FnOnce() -> F) -> Result<()> {
        self.done.get_or_try_init(count).await.copied()
    }
}

/// Returns the bytes that the counter of the place lacks, in the state that `conn` reads.
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

/// Completes the counter, unless another process or a migration has.
pub(crate) fn add(conn: &Connection, schema: &Schema, who: &Confinement, missing: i64) -> Result<()> {
    conn.execute(
        "UPDATE _tenantry_place SET bytes = bytes + ?3, counted = 1
         WHERE tenant = ?1 AND store = ?2 AND counted = 0",
        params![who.tenant, schema.store().as_str(), missing],
    )?;
    Ok(())
}

//! Removes a pooled tenant with all its rows from the shared database. Touches no other tenant's row.
//!
//! Rows are removed in batches, so that no writer in the pool waits longer than a batch. Meanwhile no request is routed
//! to the place: its state is *leaving*, and its row in `_tenantry_place` is deleted last. Several calls that withdraw
//! the same place share the work. If another call fills the place again, this one stops.

use super::batches::{Batches, LONGEST_PAUSE, Queue};
use crate::{
    error::{Error, Kind, Result},
    place::{Isolation, Place},
    sqlite::{
        connection::{BUSY_WAIT, Durability, base, open},
        identity,
        site::Site,
        transfer::fencing,
    },
};
use rusqlite::{Connection, DEFAULT_NAME, params, wal::CheckpointMode};
use std::time::Instant;

/// Rows that are removed at a time.
const ROWS: i64 = 250;
/// Pages of a full-text index that are merged at a time.
const PAGES: i64 = 64;

/// Removes a pooled tenant and all its rows. Idempotent: succeeds if the tenant is gone, but fails if the database has
/// it at another generation. `queue` waits for this process's turn to write.
pub(crate) fn withdraw(site: &Site, queue: &Queue) -> Result<()> {
    let place = &site.place;
    if place.isolation != Isolation::Pooled || place.tenant.is_none() {
        return Err(Error::new(Kind::Internal, format!("{place} is not a pooled tenant's")));
    }
    let conn = base::connect(site)?;
    match identity::check(&conn, place, &site.platform) {
        Err(error) if *error.kind() == Kind::WrongIdentity => return identity::is_ours(&conn),
        checked => checked?,
    }
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    // All rows of the tenant are removed, so no reference dangles in the end, whatever the order.
    conn.execute_batch("PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF;")?;
    match remove(&conn, place, queue) {
        // Another call also withdrew the place, and has finished.
        Err(error) if *error.kind() == Kind::WrongIdentity => {}
        removed => removed?,
    }
    forget_terms(&conn, queue)?;
    // This also clears the tenant's rows from the `-wal`. If a reader needs them, a later checkpoint clears them.
    if let Err(error) = conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::TRUNCATE) {
        tracing::warn!(%error, database = %site.path.display(), "withdrawn rows stay in the -wal for now");
    }
    Ok(())
}

fn remove(conn: &Connection, place: &Place, queue: &Queue) -> Result<()> {
    let tenant = place.tenant_number();
    let mut batches = Batches::begin(conn, queue.clone())?;
    require_single_store(conn, place)?;
    fencing::begin_leaving(conn, place)?;
    let left = place.clone();
    batches.guard(move |conn| fencing::check_leaving(conn, &left));
    for (table, key, column) in tables_of_tenants(conn)? {
        let some = format!("SELECT [{key}] FROM [{table}] WHERE [{column}] = ?1 LIMIT ?2");
        let sql = format!("DELETE FROM [{table}] WHERE [{key}] IN ({some})");
        while let gone @ 1.. = conn.prepare_cached(&sql)?.execute([tenant, ROWS])? {
            batches.did(conn, gone as u64, 0)?;
        }
    }
    conn.execute("DELETE FROM _tenantry_seq WHERE tenant = ?1", [tenant])?;
    let key = params![tenant, place.store.as_str()];
    conn.execute("DELETE FROM _tenantry_place WHERE tenant = ?1 AND store = ?2", key)?;
    batches.end(conn)
}

fn require_single_store(conn: &Connection, place: &Place) -> Result<()> {
    let tenant = place.tenant_number();
    let stores: i64 =
        conn.query_row("SELECT count(*) FROM _tenantry_place WHERE tenant = ?1", [tenant], |row| row.get(0))?;
    if stores > 1 {
        let detail =
            format!("{place}: the tenant has several stores pooled here, which tables do not tell apart");
        return Err(Error::new(Kind::Internal, detail));
    }
    Ok(())
}

/// Returns the tables with tenants' rows: name, key column and tenant column. Pooled tables begin with `_row` and the
/// tenant column. A table whose second column is `id` belongs to a database of one tenant.
fn tables_of_tenants(conn: &Connection) -> Result<Vec<(String, String, String)>> {
    let sql = "SELECT t.name, '_row', c.name FROM sqlite_schema t
        JOIN pragma_table_info(t.name) r ON r.cid = 0 AND r.name = '_row'
        JOIN pragma_table_info(t.name) c ON c.cid = 1 AND c.name <> 'id'
        WHERE t.type = 'table' AND t.name NOT LIKE '\\_tenantry\\_%' ESCAPE '\\'
        UNION ALL VALUES ('_tenantry_activity', 'id', 'tenant'), ('_tenantry_changes', 'seq', 'tenant')";
    let mut statement = conn.prepare(sql)?;
    let tables = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(tables.collect::<rusqlite::Result<_>>()?)
}

/// Merges the full-text indexes, some pages at a time. An index retains deleted words until its present segments are
/// merged.
fn forget_terms(conn: &Connection, queue: &Queue) -> Result<()> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%fts5%'";
    let names: Vec<String> =
        conn.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for name in names {
        // A negative number starts one merge of all existing segments; the following calls continue it.
        let mut pages = -PAGES;
        while merge_some(conn, &name, pages, queue)? {
            pages = PAGES;
        }
    }
    Ok(())
}

/// Merges some pages. Returns false if there was nothing left to merge, which FTS5 reports through the number of
/// changed rows.
fn merge_some(conn: &Connection, name: &str, pages: i64, queue: &Queue) -> Result<bool> {
    let turn = queue();
    let (began, before) = (Instant::now(), conn.total_changes());
    conn.execute(&format!("INSERT INTO [{name}]([{name}], rank) VALUES('merge', ?1)"), [pages])?;
    drop(turn);
    std::thread::sleep(began.elapsed().min(LONGEST_PAUSE));
    Ok(conn.total_changes() - before >= 2)
}

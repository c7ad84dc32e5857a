//! Rare work on a whole database, on a connection of its own: migrations, inspection, identity rows,
//! and taking a tenant out of a shared database. Called by the engine on blocking threads.

use super::{
    identity,
    inspect::{self, Inspection},
    migrate::{MigrateReport, Script},
    open::{self, Durability},
    server::Site,
    system::BUSY_WAIT,
    transfer::whole,
};
use crate::{
    error::{Error, Kind, Result},
    place::{Isolation, Place},
};
use rusqlite::{Connection, DEFAULT_NAME, TransactionBehavior, params, wal::CheckpointMode};

/// Opens the database of a place apart from the pool. This connection waits for others by itself.
pub(super) fn apart(site: &Site) -> Result<Connection> {
    let conn = open::connect(&site.path)?;
    identity::check(&conn, &site.place, &site.platform)?;
    let durability =
        if identity::needs_sync(&conn, &site.place)? { Durability::Full } else { Durability::Normal };
    open::settle(&conn, durability)?;
    conn.busy_timeout(BUSY_WAIT)?;
    Ok(conn)
}

/// Brings the database of `place` to the end of `script`.
pub(crate) fn migrate_file(site: &Site, script: &Script) -> Result<MigrateReport> {
    script.run(&mut apart(site)?)
}

/// Compares the database of `place` with what `script` makes.
pub(crate) fn inspect_file(site: &Site, script: &Script) -> Result<Inspection> {
    inspect::inspect(&apart(site)?, script)
}

/// Looks at every page of the database of `place`.
pub(crate) fn look(site: &Site) -> Result<()> {
    whole(&apart(site)?)
}

/// Changes identity rows in one synced transaction. `place` itself need not live there yet.
pub(crate) fn change_identity(
    site: &Site,
    work: impl FnOnce(&Connection, &Site) -> Result<()>,
) -> Result<()> {
    let mut conn = open::connect(&site.path)?;
    identity::is_ours(&conn)?;
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    work(&transaction, site)?;
    Ok(transaction.commit()?)
}

/// Bytes of stored values of a pooled tenant, as its writes counted them.
pub(crate) fn pooled_bytes(site: &Site) -> Result<u64> {
    let (conn, place) = (apart(site)?, &site.place);
    let sql = "SELECT bytes FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let key = params![identity::tenant_number(place), place.store.as_str()];
    let bytes: i64 = conn.query_row(sql, key, |row| row.get(0))?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Gives a database without identity that of `place`. One with an identity must have this one.
pub(crate) fn attach(site: &Site) -> Result<()> {
    let place = &site.place;
    if place.isolation != Isolation::Database {
        return Err(Error::new(Kind::Internal, format!("{place:?} has no database of its own")));
    }
    let mut conn = open::connect(&site.path)?;
    let known: bool = conn.query_row(
        "SELECT EXISTS(SELECT 1 FROM sqlite_schema WHERE name = '_tenantry_place')",
        [],
        |r| r.get(0),
    )?;
    if known {
        identity::check(&conn, place, &site.platform)?;
        return Ok(());
    }
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(identity::META_SQL)?;
    identity::enrol(&transaction, place, &site.platform)?;
    Ok(transaction.commit()?)
}

/// Removes a pooled tenant and all its rows, overwriting them on disk (T11). Idempotent: nobody to remove is
/// no fault, another generation of him is.
pub(crate) fn withdraw(site: &Site) -> Result<()> {
    let place = &site.place;
    if place.isolation != Isolation::Pooled || place.tenant.is_none() {
        return Err(Error::new(Kind::Internal, format!("{place:?} is not a pooled tenant's")));
    }
    let mut conn = open::connect(&site.path)?;
    match identity::check(&conn, place, &site.platform) {
        Err(error) if *error.kind() == Kind::WrongIdentity => return identity::is_ours(&conn),
        checked => checked?,
    }
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    // All rows of the tenant go, so no reference is left dangling whatever the order.
    conn.execute_batch("PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF;")?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    remove_rows(&transaction, place)?;
    transaction.commit()?;
    forget_terms(&conn)?;
    // What the -wal still holds of him goes too, unless a reader needs it: then with a later checkpoint.
    if let Err(error) = conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::TRUNCATE) {
        tracing::warn!(%error, database = %site.path.display(), "withdrawn rows stay in the -wal for now");
    }
    Ok(())
}

fn remove_rows(conn: &Connection, place: &Place) -> Result<()> {
    let tenant = identity::tenant_number(place);
    let stores: i64 =
        conn.query_row("SELECT count(*) FROM _tenantry_place WHERE tenant = ?1", [tenant], |row| row.get(0))?;
    if stores > 1 {
        let detail =
            format!("{place:?}: the tenant has several stores pooled here, which tables do not tell apart");
        return Err(Error::new(Kind::Internal, detail));
    }
    for (table, column) in pooled_tables(conn)? {
        conn.execute(&format!("DELETE FROM [{table}] WHERE [{column}] = ?1"), [tenant])?;
    }
    for table in ["_tenantry_seq", "_tenantry_activity", "_tenantry_changes"] {
        conn.execute(&format!("DELETE FROM {table} WHERE tenant = ?1"), [tenant])?;
    }
    conn.execute(
        "DELETE FROM _tenantry_place WHERE tenant = ?1 AND store = ?2",
        params![tenant, place.store.as_str()],
    )?;
    Ok(())
}

/// Tables with a tenant column and its name. Pooled tables begin with `_row` and the tenant column;
/// where `id` comes second, the table is one database's alone.
fn pooled_tables(conn: &Connection) -> Result<Vec<(String, String)>> {
    let sql = "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) r ON r.cid = 0 AND r.name = '_row'
        JOIN pragma_table_info(t.name) c ON c.cid = 1 AND c.name <> 'id'
        WHERE t.type = 'table' AND t.name NOT LIKE '\\_tenantry\\_%' ESCAPE '\\'";
    let mut statement = conn.prepare(sql)?;
    let tables = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(tables.collect::<rusqlite::Result<_>>()?)
}

/// Writes the -wal back and empties it: what was deleted before is then in no file. `Busy` while somebody reads
/// an older state for longer than the wait.
pub(crate) fn scrub(site: &Site) -> Result<()> {
    let conn = open::connect(&site.path)?;
    identity::is_ours(&conn)?;
    open::settle(&conn, Durability::Normal)?;
    conn.busy_timeout(BUSY_WAIT)?;
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    match busy {
        0 => Ok(()),
        _ => Err(Error::new(Kind::Busy, format!("{}: the -wal is in use", site.path.display()))),
    }
}

/// Full-text indexes keep deleted words until their segments are merged.
fn forget_terms(conn: &Connection) -> Result<()> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%fts5%'";
    let names: Vec<String> =
        conn.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for name in names {
        conn.execute_batch(&format!("INSERT INTO [{name}]([{name}]) VALUES('optimize')"))?;
    }
    Ok(())
}

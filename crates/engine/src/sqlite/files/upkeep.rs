//! Rare work on a whole database, on a separate connection: migrations, inspection, identity rows. The engine calls it
//! on blocking threads.

use crate::{
    error::{Error, Kind, Result},
    ledger::MigrateReport,
    place::Isolation,
    schema::{Inspection, Script},
    sqlite::{
        connection::{BUSY_WAIT, Dedicated, Durability, WriteTurn, base, open},
        files::check_pages,
        identity,
        site::Site,
        tables,
    },
};
use rusqlite::{Connection, DEFAULT_NAME, TransactionBehavior, limits::Limit, params, wal::CheckpointMode};

/// Opens the database of a place outside the pool. SQLite itself waits for other writers on this connection, for up to
/// [`BUSY_WAIT`].
pub(crate) fn open_dedicated(site: &Site) -> Result<Dedicated> {
    let conn = base::connect(site)?;
    identity::check(&conn, &site.place, &site.platform)?;
    let durability =
        if identity::needs_sync(&conn, &site.place)? { Durability::Full } else { Durability::Normal };
    open::settle(&conn, durability)?;
    conn.busy_timeout(BUSY_WAIT)?;
    Ok(conn)
}

/// Applies the migrations of `script` to the database of `place`.
pub(crate) fn migrate_file(site: &Site, script: &Script) -> Result<MigrateReport> {
    let mut conn = open_dedicated(site)?;
    script.sqlite(site.place.isolation)?.run(&mut conn)
}

/// Checks whether the database refuses one of the missing migrations of `script`. Changes nothing.
pub(crate) fn rehearse_file(site: &Site, script: &Script) -> Result<()> {
    let mut conn = open_dedicated(site)?;
    script.sqlite(site.place.isolation)?.rehearse(&mut conn)
}

/// Compares the database of `place` with the schema that `script` produces.
pub(crate) fn inspect_file(site: &Site, script: &Script) -> Result<Inspection> {
    let conn = open_dedicated(site)?;
    script.sqlite(site.place.isolation)?.inspect(&conn)
}

/// Checks every page of the database of `place`.
pub(crate) fn check_all_pages(site: &Site) -> Result<()> {
    let conn = open_dedicated(site)?;
    check_pages(&conn)
}

/// Changes identity rows in one synced transaction. The database need not hold `place` yet.
pub(crate) fn change_identity(
    site: &Site,
    work: impl FnOnce(&Connection, &Site) -> Result<()>,
) -> Result<()> {
    let mut conn = base::connect(site)?;
    identity::is_ours(&conn)?;
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    work(&transaction, site)?;
    Ok(transaction.commit()?)
}

/// Returns the size of a pooled tenant's stored values in bytes, as counted by its writes.
pub(crate) fn pooled_bytes(site: &Site) -> Result<u64> {
    let (conn, place) = (open_dedicated(site)?, &site.place);
    let sql = "SELECT bytes FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let key = params![place.tenant_number(), place.store.as_str()];
    let bytes: i64 = conn.query_row(sql, key, |row| row.get(0))?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Gives the identity of `place` to a database that has none. If the database has an identity, it must be that of
/// `place`.
pub(crate) fn attach(site: &Site) -> Result<()> {
    let place = &site.place;
    if place.isolation != Isolation::Database {
        return Err(Error::new(Kind::Internal, format!("{place} has no database of its own")));
    }
    let mut conn = open::connect(&site.path)?;
    let known: bool = conn.query_row(
        "SELECT EXISTS(SELECT 1 FROM sqlite_schema WHERE name = '_tenantry_place')",
        [],
        |r| r.get(0),
    )?;
    if known {
        identity::check(&conn, place, &site.platform)?;
        return into_file(&conn);
    }
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tables::ensure(&transaction)?;
    identity::enrol(&transaction, place, &site.platform)?;
    transaction.commit()?;
    into_file(&conn)
}

/// Writes the `-wal` back, so that the database file itself names the place that it holds.
pub(super) fn into_file(conn: &Connection) -> Result<()> {
    let (frames, written) = conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
    if frames == written {
        return Ok(());
    }
    Err(Error::new(Kind::Busy, "another program reads the database: its identity is not in the file yet"))
}

/// Makes sure that no file contains deleted data. SQLite overwrites rows where they are deleted, but bytes that it has
/// moved between pages stay in the unused space of the pages they came from. So the database is rewritten from its rows
/// in one transaction. Other writers wait for it; those of this process wait in `queue`. Then the `-wal` is emptied.
///
/// # Errors
/// Returns `Busy` if a reader holds an older state for longer than the wait.
pub(crate) fn scrub(site: &Site, queue: &dyn Fn() -> WriteTurn) -> Result<()> {
    let conn = base::connect(site)?;
    identity::is_ours(&conn)?;
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    // VACUUM attaches its temporary copy as a second database, in an unnamed file.
    conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    let turn = queue();
    conn.execute_batch("PRAGMA temp_store = FILE; VACUUM")?;
    drop(turn);
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    match busy {
        0 => Ok(()),
        _ => Err(Error::new(Kind::Busy, format!("{}: the -wal is in use", site.path.display()))),
    }
}

//! Rare work on a whole database, on a connection of its own: migrations, inspection, identity rows.
//! Called by the engine on blocking threads.

use super::{
    identity,
    inspect::{self, Inspection},
    migrate::{MigrateReport, Script},
    open::{self, Durability},
    server::Site,
    system::BUSY_WAIT,
    transfer::{Turn, whole},
};
use crate::{
    error::{Error, Kind, Result},
    place::Isolation,
};
use rusqlite::{Connection, TransactionBehavior, limits::Limit, params};

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

/// Makes sure that what was deleted before is in no file: SQLite overwrites rows where they are deleted, but what
/// it has moved between pages stays in the unused room of the pages they came from. So the database is written anew from its
/// rows, in one transaction that other writers wait for, in `queue` those of this process; then the -wal is emptied.
/// `Busy` while somebody reads an older state for longer than the wait.
pub(crate) fn scrub(site: &Site, queue: &dyn Fn() -> Turn) -> Result<()> {
    let conn = open::connect(&site.path)?;
    identity::is_ours(&conn)?;
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    // The copy it makes meanwhile is a database beside this one, in a file without a name.
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

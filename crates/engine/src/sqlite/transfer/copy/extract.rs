//! Writes a pooled tenant to its own file: only its rows, from one state of the shared database.

use crate::{
    error::Result,
    model::Model,
    place::Isolation,
    schema::Script,
    sqlite::{
        connection::{Dedicated, open},
        error::io,
        files::{close, upkeep},
        identity,
        schema::as_applied,
        site::Site,
        tables,
        transfer::rows::{Side, Sink, Table, activity, last_ids, sink},
    },
};
use rusqlite::{Connection, params};
use std::{fs::File, path::Path};

/// Writes the tenant's rows of the store to the new file `to`, in the layout of a tenant's own database, with the
/// migrations that the pool has.
pub(crate) fn extract(site: &Site, script: &Script, to: &Path) -> Result<()> {
    let from = open_source(site)?;
    let script = as_applied(&from, script)?;
    File::create_new(to).map_err(|error| io(error, to))?;
    let mut conn = open::connect(to)?;
    // No other process knows the file, and it is removed on failure: no journal on disk.
    conn.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY",
    )?;
    tables::ensure(&conn)?;
    script.sqlite(Isolation::Database)?.run(&mut conn)?;
    sink::prepare(&conn)?;
    conn.pragma_update(None, "foreign_keys", false)?;
    let models: Vec<&Model> = script.state().of_store(script.store()).collect();
    conn.execute_batch("BEGIN")?;
    fill(&from, &conn, site, &models)?;
    conn.execute_batch("COMMIT")?;
    close(conn)
}

/// Opens a read-only connection that sees one state of the place.
pub(crate) fn open_source(site: &Site) -> Result<Dedicated> {
    let conn = upkeep::open_dedicated(site)?;
    conn.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    // The state begins with the first read, so the identity is checked again in it.
    identity::check(&conn, &site.place, &site.platform)?;
    Ok(conn)
}

fn fill(from: &Connection, to: &Connection, site: &Site, models: &[&Model]) -> Result<()> {
    let from = Side::new(from, site);
    let to = Side { conn: to, isolation: Isolation::Database, tenant: from.tenant };
    let (sources, targets) = (
        Table::all(models.iter().copied(), from.isolation),
        Table::all(models.iter().copied(), to.isolation),
    );
    let mut sink = Sink::new(to, false);
    // Migrations may have inserted rows into the empty tables; only the tenant's rows shall be there.
    targets.iter().try_for_each(|table| sink.remove_all(table))?;
    last_ids::forget(&to, &targets)?;
    sink.rows = 0;
    carry_rows(&from, &sources, &mut sink, &targets)?;
    for search in targets.iter().filter_map(|table| table.search.as_ref()) {
        to.conn.execute_batch(&search.rebuild)?;
    }
    last_ids::carry(&from, &to, &sources)?;
    activity::carry(&from, &to, &sources, 0, -1)?;
    let (place, platform) = (&site.place, site.platform.id());
    to.conn.execute(
        "INSERT INTO _tenantry_place(tenant, store, generation, rows, platform) VALUES(?1, ?2, ?3, ?4, ?5)",
        params![to.tenant, place.store.as_str(), identity::generation_number(place)?, sink.rows, platform],
    )?;
    Ok(())
}

/// Carries all rows of all tables from one side to the other.
pub(crate) fn carry_rows(
    from: &Side<'_>,
    sources: &[Table<'_>],
    sink: &mut Sink<'_>,
    targets: &[Table<'_>],
) -> Result<()> {
    for (source, target) in sources.iter().zip(targets) {
        let mut statement = from.conn.prepare(&source.all)?;
        let mut rows = statement.query([from.tenant])?;
        while let Some(row) = rows.next()? {
            sink.insert(target, row)?;
        }
    }
    Ok(())
}

//! Writes a pooled tenant to its own file: only its rows, from one state of the shared database.

use crate::{
    error::Result,
    model::Model,
    place::Isolation,
    sqlite::{
        connection::{Apart, open},
        error::io,
        files::{close, upkeep},
        identity,
        schema::Script,
        site::Site,
        transfer::rows::{Receive, Side, Table, activity, last_ids, sink},
    },
};
use rusqlite::{Connection, params};
use std::{fs::File, path::Path};

/// Writes the tenant's rows of the store to the new file `to`, in the layout of a tenant's own database, with the
/// migrations that the pool has.
pub(crate) fn extract(site: &Site, script: &Script, to: &Path) -> Result<()> {
    let from = giving(site)?;
    let pooled = script.laid_out(Isolation::Pooled)?.as_applied(&from)?;
    let own = pooled.laid_out(Isolation::Database)?;
    File::create_new(to).map_err(|error| io(error, to))?;
    let mut conn = open::connect(to)?;
    // No other process knows the file, and it is removed on failure: no journal on disk.
    conn.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY",
    )?;
    conn.execute_batch(identity::META_SQL)?;
    own.run(&mut conn)?;
    sink::prepare(&conn)?;
    conn.pragma_update(None, "foreign_keys", false)?;
    let models: Vec<&Model> = own.state().of_store(own.store()).collect();
    conn.execute_batch("BEGIN")?;
    fill(&from, &conn, site, &models)?;
    conn.execute_batch("COMMIT")?;
    close(conn)
}

/// Opens a read-only connection that sees one state of the place.
pub(crate) fn giving(site: &Site) -> Result<Apart> {
    let conn = upkeep::apart(site)?;
    conn.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    // The state begins with the first read, so the identity is checked again in it.
    identity::check(&conn, &site.place, &site.platform)?;
    Ok(conn)
}

fn fill(from: &Connection, to: &Connection, site: &Site, models: &[&Model]) -> Result<()> {
    let from = Side::new(from, site);
    let to = Side { conn: to, isolation: Isolation::Database, tenant: from.tenant };
    let (giving, receiving) = (
        Table::all(models.iter().copied(), from.isolation),
        Table::all(models.iter().copied(), to.isolation),
    );
    let mut receive = Receive::new(to, false);
    // Migrations may have inserted rows into the empty tables; only the tenant's rows shall be there.
    receiving.iter().try_for_each(|table| receive.take_all(table))?;
    last_ids::forget(&to, &receiving)?;
    receive.rows = 0;
    carry_rows(&from, &giving, &mut receive, &receiving)?;
    for search in receiving.iter().filter_map(|table| table.search.as_ref()) {
        to.conn.execute_batch(&search.rebuild)?;
    }
    last_ids::carry(&from, &to, &giving)?;
    activity::carry(&from, &to, &giving, 0, -1)?;
    let (place, platform) = (&site.place, site.platform.id());
    to.conn.execute(
        "INSERT INTO _tenantry_place(tenant, store, generation, rows, platform) VALUES(?1, ?2, ?3, ?4, ?5)",
        params![to.tenant, place.store.as_str(), identity::generation_number(place)?, receive.rows, platform],
    )?;
    Ok(())
}

/// Carries all rows of all tables from one side to the other.
pub(crate) fn carry_rows(
    from: &Side<'_>,
    giving: &[Table<'_>],
    receive: &mut Receive<'_>,
    receiving: &[Table<'_>],
) -> Result<()> {
    for (source, target) in giving.iter().zip(receiving) {
        let mut statement = from.conn.prepare(&source.all)?;
        let mut rows = statement.query([from.tenant])?;
        while let Some(row) = rows.next()? {
            receive.put(target, row)?;
        }
    }
    Ok(())
}

//! A tenant's usage of this database, and the statement that reserves more. Each write transaction runs this statement
//! once. It checks the identity, the fence, the schema (`known-schema`) and the quota together.

use crate::{
    error::{Error, Kind, Result},
    schema::{Confinement, Schema},
    sqlite::schema::compare_ledger,
    write::{Usage, WriteOptions},
};
use rusqlite::{Connection, OptionalExtension, params};

const READ: &str = "SELECT rows, bytes, recorder IS NOT NULL, (SELECT coalesce(max(rowid), 0) FROM _tenantry_ledger) \
     FROM _tenantry_place WHERE tenant = ?1 AND store = ?2 AND generation = ?3 AND state = 'open'";
const RESERVE: &str = "UPDATE _tenantry_place SET rows = rows + ?4, bytes = bytes + ?5 \
     WHERE tenant = ?1 AND store = ?2 AND generation = ?3 AND state = 'open' \
     RETURNING rows, bytes, recorder IS NOT NULL, (SELECT coalesce(max(rowid), 0) FROM _tenantry_ledger)";

/// Returns the tenant's usage, as its limits count it.
///
/// # Errors
/// Returns [`Kind::Fenced`] if the place is fenced or of another generation, and [`Kind::SchemaBehind`] or
/// [`Kind::SchemaAhead`] if the database has another schema.
pub fn usage(conn: &Connection, schema: &Schema, who: &Confinement) -> Result<Usage> {
    let (rows, bytes, _) =
        run(conn, READ, schema, who, params![who.tenant, schema.store().as_str(), generation(who)])?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(Usage { rows: count(rows), bytes: count(bytes) })
}

/// Adds to the counters in the write transaction of `conn`. Returns true if its changes must be recorded. Above a
/// limit, a tenant may shrink but not grow.
pub(crate) fn reserve(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    rows: i64,
    bytes: i64,
    options: &WriteOptions,
) -> Result<bool> {
    // The transaction holds the write lock, so reading the fence is as safe as an update that depends on it.
    let held = if rows == 0 && bytes == 0 {
        run(conn, READ, schema, who, params![who.tenant, schema.store().as_str(), generation(who)])?
    } else {
        let key = params![who.tenant, schema.store().as_str(), generation(who), rows, bytes];
        run(conn, RESERVE, schema, who, key)?
    };
    options.refuse_over_limit((rows, held.0), (bytes, held.1))?;
    Ok(held.2)
}

fn generation(who: &Confinement) -> i64 {
    // No database has a negative generation, so a generation out of range matches none.
    i64::try_from(who.generation).unwrap_or(-1)
}

/// Runs one of the statements above. The fence is checked first, then the schema.
fn run(
    conn: &Connection,
    sql: &str,
    schema: &Schema,
    who: &Confinement,
    params: impl rusqlite::Params,
) -> Result<(i64, i64, bool)> {
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement
        .query_row(params, |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get::<_, i64>(3)?)))
        .optional()?;
    let (held, ledger) =
        found.ok_or_else(|| Error::new(Kind::Fenced, "the place is fenced or of another generation"))?;
    if ledger != who.ledger || ledger == 0 {
        compare_ledger(conn, schema.known())?;
    }
    Ok(held)
}

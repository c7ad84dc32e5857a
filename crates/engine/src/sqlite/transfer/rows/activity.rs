//! Carries a tenant's activity log along with its rows.
//!
//! A shared database numbers the entries of all its tenants, so entries get new ids there, in the same order; in a
//! tenant's own database they keep their ids. How far the log was carried is stored with the place (`log_upto`), in the
//! same transaction, so that no entry is carried twice.

use super::{sink::Side, table::Table};
use crate::{error::Result, place::Isolation};
use rusqlite::{Row, params};

/// Selects the entries of one tenant and store. Only if a tenant has several stores in one database does the model tell
/// which store an entry belongs to.
const LINES: &str = "SELECT id, at, actor, impersonator, action, model, record, detail FROM _tenantry_activity
    WHERE tenant = ?1 AND id > ?2
      AND (model IN (SELECT value FROM json_each(?3)) OR (SELECT count(*) FROM _tenantry_place WHERE tenant = ?1) < 2)
    ORDER BY id LIMIT ?4";
const ADD: &str =
    "INSERT INTO _tenantry_activity(id, tenant, at, actor, impersonator, action, model, record, detail)
    VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Carries up to `most` entries after `after`. Returns the id of the last one in the source database.
pub(crate) fn carry(
    from: &Side<'_>,
    to: &Side<'_>,
    tables: &[Table<'_>],
    after: i64,
    most: i64,
) -> Result<i64> {
    // The index on tenants finds all entries. New ones are at the end of the table, where the `+` makes SQLite search
    // by id.
    let new = LINES.replacen("tenant =", "+tenant =", 1);
    let mut lines = from.conn.prepare_cached(if after == 0 { LINES } else { &new })?;
    let mut add = to.conn.prepare_cached(ADD)?;
    let mut rows = lines.query(params![from.tenant, after, names(tables), most])?;
    let mut last = after;
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        let id = (to.isolation == Isolation::Database).then_some(last);
        add.execute(params![
            id,
            to.tenant,
            text(row, 1)?,
            text(row, 2)?,
            text(row, 3)?,
            text(row, 4)?,
            text(row, 5)?,
            text(row, 6)?,
            text(row, 7)?
        ])?;
    }
    Ok(last)
}

/// Removes up to `most` entries of one tenant and store. Returns how many it removed.
pub(crate) fn forget(side: &Side<'_>, tables: &[Table<'_>], most: i64) -> Result<u64> {
    let sql = "DELETE FROM _tenantry_activity WHERE id IN (SELECT id FROM _tenantry_activity WHERE tenant = ?1
      AND (model IN (SELECT value FROM json_each(?2)) OR (SELECT count(*) FROM _tenantry_place WHERE tenant = ?1) < 2)
      LIMIT ?3)";
    Ok(side.conn.execute(sql, params![side.tenant, names(tables), most])? as u64)
}

fn names(tables: &[Table<'_>]) -> String {
    let names: Vec<&str> = tables.iter().map(|table| table.model.name.as_str()).collect();
    serde_json::json!(names).to_string()
}

fn text<'r>(row: &'r Row<'_>, index: usize) -> rusqlite::Result<Option<&'r str>> {
    Ok(row.get_ref(index)?.as_str_or_null()?)
}

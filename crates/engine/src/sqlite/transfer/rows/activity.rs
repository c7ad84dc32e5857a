//! Carries a tenant's activity log along with its rows.
//!
//! A shared database numbers the entries of all its tenants together, so entries get new ids there, in the same order.
//! In a tenant's own database they keep their ids. The last carried entry is stored with the place (`log_upto`), in the
//! same transaction, so that no entry is carried twice.

use super::{sink::Side, table::Table};
use crate::{
    carry::{LINE, Page},
    error::Result,
    place::Isolation,
    sqlite::cells::{raw, value_ref},
};
use rusqlite::params;

/// Selects the entries of one tenant and store. If a tenant has several stores in one database, the model shows which
/// store an entry belongs to; otherwise all entries match.
const LINES: &str = "SELECT id, at, actor, impersonator, action, model, record, detail FROM _tenantry_activity
    WHERE tenant = ?1 AND id > ?2
      AND (model IN (SELECT value FROM json_each(?3)) OR (SELECT count(*) FROM _tenantry_place WHERE tenant = ?1) < 2)
    ORDER BY id LIMIT ?4";
const ADD: &str =
    "INSERT INTO _tenantry_activity(tenant, id, at, actor, impersonator, action, model, record, detail)
    VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Reads up to `most` entries after `after`.
pub(crate) fn read(from: &Side<'_>, tables: &[Table], after: i64, most: i64) -> Result<Page> {
    // The index on tenants finds all entries. New entries are at the end of the table, where the `+` makes SQLite
    // search by id.
    let new = LINES.replacen("tenant =", "+tenant =", 1);
    let mut lines = from.conn.prepare_cached(if after == 0 { LINES } else { &new })?;
    let mut rows = lines.query(params![from.tenant, after, names(tables), most])?;
    let mut page = Page::new(LINE.len());
    while let Some(row) = rows.next()? {
        for column in 0..LINE.len() {
            page.push(raw(row.get_ref(column)?))?;
        }
    }
    Ok(page)
}

/// Adds the entries of a page.
pub(crate) fn add(to: &Side<'_>, lines: &Page) -> Result<()> {
    let mut add = to.conn.prepare_cached(ADD)?;
    for row in 0..lines.len() {
        add.raw_bind_parameter(1, to.tenant)?;
        for (column, value) in lines.row(row).enumerate() {
            let numbered = column > 0 || to.isolation == Isolation::Database;
            add.raw_bind_parameter(column + 2, numbered.then(|| value_ref(value)))?;
        }
        add.raw_execute()?;
    }
    Ok(())
}

/// Removes up to `most` entries of one tenant and store. Returns the number of removed entries.
pub(crate) fn forget(side: &Side<'_>, tables: &[Table], most: i64) -> Result<u64> {
    let sql = "DELETE FROM _tenantry_activity WHERE id IN (SELECT id FROM _tenantry_activity WHERE tenant = ?1
      AND (model IN (SELECT value FROM json_each(?2)) OR (SELECT count(*) FROM _tenantry_place WHERE tenant = ?1) < 2)
      LIMIT ?3)";
    Ok(side.conn.execute(sql, params![side.tenant, names(tables), most])? as u64)
}

fn names(tables: &[Table]) -> String {
    let names: Vec<&str> = tables.iter().map(|table| table.model.as_str()).collect();
    serde_json::json!(names).to_string()
}

//! Carries the last integer id assigned in each model, so that an id is never assigned twice.

use super::{sink::Side, table::Table};
use crate::{error::Result, model::IdKind, place::Isolation};
use rusqlite::{OptionalExtension, params};

/// Returns the last id of each table that has assigned integer ids, with the position of the table.
pub(crate) fn all(side: &Side<'_>, tables: &[Table]) -> Result<Vec<(usize, i64)>> {
    let mut all = vec![];
    for (position, table) in tables.iter().enumerate().filter(|(_, table)| table.id == IdKind::Integer) {
        all.extend(last(side, table.model.as_str())?.map(|last| (position, last)));
    }
    Ok(all)
}

fn last(side: &Side<'_>, model: &str) -> Result<Option<i64>> {
    let found = match side.isolation {
        Isolation::Pooled => side.conn.query_row(
            "SELECT last FROM _tenantry_seq WHERE tenant = ?1 AND model = ?2",
            params![side.tenant, model],
            |row| row.get(0),
        ),
        Isolation::Schema | Isolation::Database => {
            side.conn.query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [model], |row| row.get(0))
        }
    };
    Ok(found.optional()?)
}

/// Raises the last id of a model to at least `last`.
pub(crate) fn raise(side: &Side<'_>, model: &str, last: i64) -> Result<()> {
    if side.isolation == Isolation::Pooled {
        let sql = "INSERT INTO _tenantry_seq(tenant, model, last) VALUES(?1, ?2, ?3) \
             ON CONFLICT(tenant, model) DO UPDATE SET last = max(last, excluded.last)";
        side.conn.execute(sql, params![side.tenant, model, last])?;
        return Ok(());
    }
    let sql = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
    if side.conn.execute(sql, params![model, last])? == 0 {
        side.conn.execute("INSERT INTO sqlite_sequence(name, seq) VALUES(?1, ?2)", params![model, last])?;
    }
    Ok(())
}

/// Deletes the last ids of a tenant that is about to be rewritten, or of a database that is still empty.
pub(crate) fn forget(side: &Side<'_>, tables: &[Table]) -> Result<()> {
    for table in tables {
        let name = table.model.as_str();
        match side.isolation {
            Isolation::Pooled => {
                let sql = "DELETE FROM _tenantry_seq WHERE tenant = ?1 AND model = ?2";
                side.conn.execute(sql, params![side.tenant, name])?
            }
            Isolation::Schema | Isolation::Database => {
                side.conn.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [name])?
            }
        };
    }
    Ok(())
}

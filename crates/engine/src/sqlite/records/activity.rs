//! Reads a tenant's activity log, which names the user of each change.
//!
//! The session calls it. `write::activity` writes the log in the transaction of the change; nothing here changes the
//! log.

use crate::{error::Result, query::RecordId, schema::Confinement, write::Activity};
use rusqlite::{Connection, Row, Rows, params};

/// The index on (tenant, at) gives the order, so that a page of a pooled tenant reads no other tenant's entries.
const READ: &str = "SELECT id, at, actor, impersonator, action, model, record, detail FROM _tenantry_activity \
     WHERE tenant = ?1 AND id < ?2 ORDER BY at DESC, id DESC LIMIT ?3";

/// The index on (tenant, model, record) ends with the id, which gives the order.
const OF_RECORD: &str = "SELECT id, at, actor, impersonator, action, model, record, detail FROM _tenantry_activity \
     WHERE tenant = ?1 AND model = ?4 AND record = ?5 AND id < ?2 ORDER BY id DESC LIMIT ?3";

/// Returns entries, newest first; `before` is the last id of the previous page. Stops once the details take more than
/// `bytes`.
pub(crate) fn list(
    conn: &Connection,
    who: &Confinement,
    before: Option<i64>,
    limit: u32,
    bytes: usize,
) -> Result<Vec<Activity>> {
    let mut statement = conn.prepare_cached(READ)?;
    let values = params![who.tenant, before.unwrap_or(i64::MAX), limit.clamp(1, 1000)];
    lines(statement.query(values)?, bytes)
}

/// Returns the entries of one record, as [`list`] does.
pub(crate) fn of_record(
    conn: &Connection,
    who: &Confinement,
    (model, record): (&str, &RecordId),
    before: Option<i64>,
    limit: u32,
    bytes: usize,
) -> Result<Vec<Activity>> {
    let mut statement = conn.prepare_cached(OF_RECORD)?;
    let (before, limit) = (before.unwrap_or(i64::MAX), limit.clamp(1, 1000));
    lines(statement.query(params![who.tenant, before, limit, model, record.to_string()])?, bytes)
}

fn lines(mut rows: Rows<'_>, bytes: usize) -> Result<Vec<Activity>> {
    let (mut lines, mut taken) = (Vec::new(), 0);
    while taken <= bytes
        && let Some(row) = rows.next()?
    {
        taken += row.get_ref(7)?.as_str_or_null().ok().flatten().map_or(0, str::len);
        lines.push(line(row)?);
    }
    Ok(lines)
}

fn line(row: &Row<'_>) -> rusqlite::Result<Activity> {
    let detail: Option<String> = row.get(7)?;
    Ok(Activity {
        id: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        impersonator: row.get(3)?,
        action: row.get(4)?,
        model: row.get(5)?,
        record: row.get(6)?,
        detail: detail.and_then(|text| serde_json::from_str(&text).ok()),
    })
}

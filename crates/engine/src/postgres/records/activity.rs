//! Reads a tenant's activity log, which names the user of each change. The transaction of a change writes the log.

use super::{Bound, SCHEMA};
use crate::{
    cell::instant,
    error::{Error, Kind, Result},
    query::RecordId,
    write::Activity,
};
use tokio_postgres::Row;

/// Returns the statement that reads at most `$3` entries of the tenant `$1` before `$2`, newest first. With
/// `of_record`, it reads only those of the record `$5` of the model `$4`. The indexes on (tenant, at, id) and on
/// (tenant, model, record, id) give the order, so a page of a pooled tenant reads no other tenant's entries.
pub(crate) fn statement(of_record: bool) -> String {
    let (condition, order) = match of_record {
        true => (" AND model = $4 AND record = $5", "id DESC"),
        false => ("", "at DESC, id DESC"),
    };
    format!(
        "SELECT id, at, actor, impersonator, action, model, record, detail FROM {SCHEMA}._tenantry_activity \
         WHERE tenant = $1{condition} AND id < $2 ORDER BY {order} LIMIT $3"
    )
}

/// Returns the values of the statement, from `$2` on.
pub(crate) fn wanted(before: Option<i64>, limit: u32, of: Option<(&str, &RecordId)>) -> Vec<Bound<'static>> {
    let numbers = [before.unwrap_or(i64::MAX), limit.clamp(1, 1000).into()];
    let mut values: Vec<_> = numbers.map(|number| Bound::Integer(Some(number))).into();
    if let Some((model, record)) = of {
        values.extend([Bound::Text(model.to_owned()), Bound::Text(record.to_string())]);
    }
    values
}

/// Returns the entries until their details take more than `bytes`.
///
/// # Errors
/// Returns `Corrupt` if an entry does not have the form in which this program writes it.
pub(crate) fn entries(rows: &[Row], bytes: usize) -> Result<Vec<Activity>> {
    let (mut entries, mut taken) = (Vec::with_capacity(rows.len()), 0);
    for row in rows {
        if taken > bytes {
            break;
        }
        let (entry, size) =
            entry(row).map_err(|error| Error::with_source(Kind::Corrupt, "the activity log", error))?;
        taken += size;
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: &Row) -> Result<(Activity, usize), tokio_postgres::Error> {
    let detail: Option<&str> = row.try_get(7)?;
    let entry = Activity {
        id: row.try_get(0)?,
        at: instant(row.try_get(1)?).unwrap_or_default(),
        actor: row.try_get(2)?,
        impersonator: row.try_get(3)?,
        action: row.try_get(4)?,
        model: row.try_get(5)?,
        record: row.try_get(6)?,
        detail: detail.and_then(|text| serde_json::from_str(text).ok()),
    };
    Ok((entry, detail.map_or(0, str::len)))
}

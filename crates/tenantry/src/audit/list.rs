//! Lists of the log: by tenant, actor, action and time.
//!
//! Every filter reads along an index. Rows are in the order of their ids, so the next page continues correctly even if the
//! clock was changed. A filter by time alone reads along the index of times: its rows are in the order of their times.

use super::{COLUMNS, Row};
use crate::{Result, records::csv_line};
use tenantry_engine::{
    Tx,
    name::TenantId,
    value::{Value, ValueRef},
};

/// Filter of a list.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only rows about this tenant.
    pub tenant: Option<TenantId>,
    /// Only rows of this acting identity, including those in which it impersonates another identity.
    pub actor: Option<String>,
    /// Only rows with this action, for example `tenant.move`. A noun alone, for example `tenant`, selects all actions
    /// of that noun.
    pub action: Option<String>,
    /// Only rows from this time on, in microseconds since 1970, UTC.
    pub since_us: Option<i64>,
    /// Only rows before this time, in microseconds since 1970, UTC.
    pub until_us: Option<i64>,
    /// Only rows with a smaller id than this one, which is the last id of the previous page.
    pub before: Option<i64>,
    /// Largest number of rows, 1 to 1000.
    pub limit: u32,
}

/// Lists rows, newest first.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn list(tx: &mut Tx, query: &Query) -> Result<Vec<Row>> {
    let limit = Value::from(i64::from(query.limit.clamp(1, 1000)));
    let is_by_time = query.is_by_time_alone();
    let (shared, values) = match is_by_time {
        true => in_order_of_time(tx, query).await?,
        false => conditions(query),
    };
    let rows = match query.actor.as_deref() {
        None if is_by_time => {
            let sql = format!("SELECT {COLUMNS} FROM audit WHERE {shared} ORDER BY at DESC, id DESC LIMIT ?");
            tx.query(&sql, &[values, vec![limit]].concat()).await?
        }
        None => {
            let sql = format!("SELECT {COLUMNS} FROM audit WHERE {shared} ORDER BY id DESC LIMIT ?");
            tx.query(&sql, &[values, vec![limit]].concat()).await?
        }
        Some(actor) => {
            // Two indexes, each read in the order of ids.
            let part = |condition: &str| {
                format!(
                    "SELECT * FROM (SELECT {COLUMNS} FROM audit WHERE {condition} AND {shared} \
                     ORDER BY id DESC LIMIT ?) AS part"
                )
            };
            let acted = part("actor = ?");
            let behind = part("impersonator = ? AND actor <> ?");
            let sql = format!("{acted} UNION ALL {behind} ORDER BY id DESC LIMIT ?");
            let (actor, limit) = (vec![Value::from(actor)], vec![limit]);
            let first = [actor.clone(), values.clone(), limit.clone()].concat();
            let second = [actor.clone(), actor, values, limit.clone()].concat();
            tx.query(&sql, &[first, second, limit].concat()).await?
        }
    };
    rows.iter().map(Row::read).collect()
}

impl Query {
    /// Returns true if the filter has a time and nothing else.
    fn is_by_time_alone(&self) -> bool {
        let others = self.tenant.is_some() || self.actor.is_some() || self.action.is_some();
        !others && (self.since_us.is_some() || self.until_us.is_some())
    }
}

/// Returns the conditions of a filter by time alone, and their values. The last row of the previous page determines where the
/// page begins.
async fn in_order_of_time(tx: &mut Tx, query: &Query) -> Result<(String, Vec<Value>)> {
    let mut all = vec!["at >= ?", "at < ?"];
    let mut values: Vec<Value> =
        vec![query.since_us.unwrap_or(i64::MIN).into(), query.until_us.unwrap_or(i64::MAX).into()];
    if let Some(before) = query.before {
        let rows = tx.query("SELECT at FROM audit WHERE id = ?", &[before.into()]).await?;
        let at: Value = rows.first().map_or(Ok(i64::MAX), |row| row.integer(0))?.into();
        all.push("at <= ? AND (at < ? OR id < ?)");
        values.extend([at.clone(), at, before.into()]);
    }
    Ok((all.join(" AND "), values))
}

/// Returns the conditions that do not concern the actor, and their values.
fn conditions(query: &Query) -> (String, Vec<Value>) {
    let mut all = vec!["id < ?"];
    let mut values = vec![Value::from(query.before.unwrap_or(i64::MAX))];
    if let Some(tenant) = query.tenant {
        all.push("tenant = ?");
        values.push(tenant.get().into());
    }
    match query.action.as_deref() {
        Some(action) if action.contains('.') => {
            all.push("action = ?");
            values.push(action.into());
        }
        Some(noun) => {
            // A comparison of ranges would depend on the collation of the database.
            let noun = format!("{noun}.");
            all.push("substr(action, 1, ?) = ?");
            values.push(i64::try_from(noun.chars().count()).unwrap_or(i64::MAX).into());
            values.push(noun.as_str().into());
        }
        None => {}
    }
    for (condition, at) in [("at >= ?", query.since_us), ("at < ?", query.until_us)] {
        if let Some(at) = at {
            all.push(condition);
            values.push(at.into());
        }
    }
    (all.join(" AND "), values)
}

impl Row {
    /// Returns the header line of the CSV export.
    pub fn csv_head() -> Vec<u8> {
        csv_line(COLUMNS.split(", ").map(ValueRef::Text))
    }

    /// Returns the row as a line of CSV. Cells that a spreadsheet would interpret as formulas get an apostrophe in
    /// front.
    pub fn csv(&self) -> Vec<u8> {
        let at = jiff::Timestamp::from_microsecond(self.at_us).unwrap_or_default();
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let impersonator = text(&self.impersonator);
        let cells = [
            ValueRef::Integer(self.id),
            ValueRef::Instant(at),
            ValueRef::Text(&self.actor),
            ValueRef::Text(&impersonator),
            self.tenant.map_or(ValueRef::Null, ValueRef::Integer),
            ValueRef::Text(&self.action),
            ValueRef::Text(&self.detail),
            ValueRef::Text(&self.prev_hash),
            ValueRef::Text(&self.hash),
        ];
        csv_line(cells.into_iter())
    }
}

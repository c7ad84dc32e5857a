//! Follows the references of a tenant's rows into other stores, for the check: finds missing rows, and references that
//! disagree. Reads page by page.

use crate::{
    error::Result,
    records::{Dependence, owners, record_id},
};
use tenantry_engine::{
    Session,
    model::{IdKind, Model},
    name::FieldName,
    query::{Direction, Filter, RecordId, Select},
    row::Collect,
    value::Value,
};

/// Number of rows read in one page.
const PAGE: u32 = 1_000;
/// Largest number of ids of disagreeing records in one finding.
const TOLD: usize = 20;

/// Returns the ids to which a field refers but that do not exist, each once, in order.
pub(super) async fn dangling(
    from: &Session,
    model: &Model,
    field: &FieldName,
    into: &Session,
    to: &Model,
) -> Result<Vec<RecordId>> {
    let mut missing = Vec::new();
    let mut select = Select {
        filter: Filter::Null(field.clone(), false),
        sort: vec![(field.clone(), Direction::Ascending).into()],
        limit: PAGE,
        fields: vec![field.clone()],
        ..Select::default()
    };
    loop {
        let (page, after) = from.select(model.name.as_str(), &select, None, Collect::default()).await?;
        let mut ids: Vec<RecordId> = page.rows.iter().filter_map(|row| id(row.first()?, to.id)).collect();
        ids.dedup();
        missing.extend(into.exists(to.name.as_str(), &ids).await?);
        if after.is_none() {
            break;
        }
        select.after = after;
    }
    missing.dedup();
    Ok(missing)
}

/// Returns the number of records that break a rule, and the ids of the first twenty.
pub(super) async fn disagreeing(
    from: &Session,
    model: &Model,
    rule: &Dependence,
    into: &Session,
) -> Result<(u64, Vec<RecordId>)> {
    let set = |field: &FieldName| Filter::Null(field.clone(), false);
    let mut select = Select {
        filter: Filter::All(vec![set(&rule.field), set(&rule.with)]),
        limit: PAGE,
        fields: vec![FieldName::parse("id")?, rule.field.clone(), rule.with.clone()],
        ..Select::default()
    };
    let (mut count, mut ids) = (0, vec![]);
    loop {
        let (page, after) = from.select(model.name.as_str(), &select, None, Collect::default()).await?;
        let rows = page.rows.iter().filter_map(|row| match row.as_slice() {
            [id, field, with] => Some((record_id(id)?, record_id(field)?, record_id(with)?)),
            _ => None,
        });
        let rows: Vec<_> = rows.collect();
        let known = owners(into, rule, rows.iter().map(|(_, field, _)| field)).await?;
        for (id, field, with) in &rows {
            if known.get(field).is_some_and(|is| is != with) {
                count += 1;
                if ids.len() < TOLD {
                    ids.push(id.clone());
                }
            }
        }
        if after.is_none() {
            return Ok((count, ids));
        }
        select.after = after;
    }
}

fn id(value: &Value, kind: IdKind) -> Option<RecordId> {
    match (value, kind) {
        (Value::Integer(number), IdKind::Integer) => Some(RecordId::Integer(*number)),
        (Value::Uuid(uuid), _) => Some(RecordId::Uuid(*uuid)),
        (Value::Text(text), IdKind::Uuid) => text.parse().ok().map(RecordId::Uuid),
        _ => None,
    }
}

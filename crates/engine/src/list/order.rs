//! The order of a list.

use crate::{
    cell::Storage,
    error::{Error, Result},
    name::FieldName,
    query::Direction,
    schema::Plan,
};

/// Maximum number of sort keys.
const KEYS_MAX: usize = 8;

/// A column to sort by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SortKey {
    pub(crate) position: usize,
    pub(crate) direction: Direction,
}

/// Returns the requested keys up to the id, which makes the order total. If the id is not among them, appends it in the
/// direction of the last key, so that an index on that key serves both directions.
pub(crate) fn order(plan: &Plan, sort: &[(FieldName, Direction)]) -> Result<Vec<SortKey>> {
    if sort.len() > KEYS_MAX {
        return Err(Error::invalid("sort", format!("must have at most {KEYS_MAX} keys")));
    }
    let mut keys: Vec<SortKey> = Vec::with_capacity(sort.len() + 1);
    for (field, direction) in sort {
        let (position, column) = plan.require(field.as_str())?;
        if column.storage == Storage::Json {
            return Err(Error::invalid(field.as_str(), "is JSON, which has no order"));
        }
        if keys.iter().all(|key| key.position != position) {
            keys.push(SortKey { position, direction: *direction });
        }
        if position == 0 {
            return Ok(keys);
        }
    }
    let direction = keys.last().map_or(Direction::Ascending, |key| key.direction);
    keys.push(SortKey { position: 0, direction });
    Ok(keys)
}

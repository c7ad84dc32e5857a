//! The order of a list, and the rows that its references join.

use crate::{
    cell::Storage,
    error::{Error, Result},
    name::{FieldName, ModelName},
    query::{Direction, Ranks, SortBy},
    schema::{Plan, Schema, custom::compared},
};
use std::sync::Arc;

/// Maximum number of sort keys.
const KEYS_MAX: usize = 8;
/// Maximum number of references that one key follows.
const VIA_MAX: usize = 3;

/// A column to sort by.
#[derive(Debug, Clone)]
pub(crate) struct SortKey {
    /// Source of the column: 0 for the listed rows, n for the nth join.
    pub(crate) source: usize,
    pub(crate) name: FieldName,
    /// Position of the column among those of its model.
    pub(crate) position: usize,
    pub(crate) storage: Storage,
    pub(crate) nullable: bool,
    pub(crate) direction: Direction,
}

impl SortKey {
    /// Returns true for the id of the listed rows.
    pub(crate) fn is_id(&self) -> bool {
        self.source == 0 && self.position == 0
    }

    /// Returns the storage in which statements compare the key.
    pub(crate) fn compared(&self) -> Storage {
        compared(&self.name, self.storage)
    }
}

/// Rows that a reference joins.
#[derive(Debug, PartialEq)]
pub(crate) struct Join {
    /// Source of the reference: 0 for the listed rows, n for the nth join.
    pub(crate) from: usize,
    pub(crate) reference: FieldName,
    /// Storage of the reference.
    pub(crate) id: Storage,
    pub(crate) to: Joined,
}

/// Target of a join.
#[derive(Debug)]
pub(crate) enum Joined {
    /// Rows of a model of the same store.
    Rows(ModelName),
    /// Ranks of rows of another store.
    Ranks(Arc<Ranks>),
}

/// Compares ranks by their address: equal ranks of different keys are still different, because each of them is part of
/// a cursor.
impl PartialEq for Joined {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rows(model), Self::Rows(other)) => model == other,
            (Self::Ranks(ranks), Self::Ranks(other)) => Arc::ptr_eq(ranks, other),
            _ => false,
        }
    }
}

/// The order of a list.
#[derive(Debug, Default)]
pub(crate) struct Order {
    pub(crate) keys: Vec<SortKey>,
    pub(crate) joins: Vec<Join>,
}

/// Name of the column of ranks.
pub(crate) const RANK: &str = "rank";

/// Returns the requested keys up to the id, which makes the order total. If the id is not among them, appends it in the
/// direction of the last key, so that an index on that key serves both directions.
///
/// # Errors
/// Returns `Invalid` for a field that does not exist or has no order, and for too many keys.
pub(crate) fn order(schema: &Schema, plan: &Plan, sort: &[SortBy]) -> Result<Order> {
    if sort.len() > KEYS_MAX {
        return Err(Error::invalid("sort", format!("must have at most {KEYS_MAX} keys")));
    }
    let mut order = Order { keys: Vec::with_capacity(sort.len() + 1), joins: vec![] };
    for by in sort {
        let key = order.key(schema, plan, by)?;
        let is_id = key.is_id();
        if order.keys.iter().all(|other| (other.source, other.position) != (key.source, key.position)) {
            order.keys.push(key);
        }
        if is_id {
            return Ok(order);
        }
    }
    let direction = order.keys.last().map_or(Direction::Ascending, |key| key.direction);
    order.keys.push(own(plan, plan.columns[0].name.as_str(), direction)?);
    Ok(order)
}

fn own(plan: &Plan, field: &str, direction: Direction) -> Result<SortKey> {
    let (position, column) = plan.require(field)?;
    let (name, storage, nullable) = (column.name.clone(), column.storage, column.nullable);
    if storage == Storage::Json {
        return Err(Error::invalid(field, "is JSON, which has no order"));
    }
    Ok(SortKey { source: 0, name, position, storage, nullable, direction })
}

impl Order {
    fn key(&mut self, schema: &Schema, plan: &Plan, by: &SortBy) -> Result<SortKey> {
        if by.via.len() > VIA_MAX {
            return Err(Error::invalid("sort", format!("must follow at most {VIA_MAX} references")));
        }
        let (mut source, mut plan) = (0, plan);
        for reference in &by.via {
            let to = schema.referred(plan, reference)?;
            source = self.join(plan, source, reference, Joined::Rows(to.model().name.clone()))?;
            plan = to;
        }
        let field = own(plan, by.field.as_str(), by.direction)?;
        let Some(ranks) = &by.ranks else {
            return Ok(SortKey { source, nullable: field.nullable || source > 0, ..field });
        };
        let source = self.join(plan, source, &by.field, Joined::Ranks(ranks.clone()))?;
        let name = FieldName::parse(RANK).map_err(|error| Error::invalid("sort", error.to_string()))?;
        Ok(SortKey { source, name, position: 0, storage: Storage::Integer, nullable: true, ..field })
    }

    /// Returns the number of the join. Adds the join if it does not exist yet.
    fn join(&mut self, plan: &Plan, from: usize, reference: &FieldName, to: Joined) -> Result<usize> {
        let (_, column) = plan.require(reference.as_str())?;
        let join = Join { from, reference: reference.clone(), id: column.storage, to };
        let at = self.joins.iter().position(|other| *other == join);
        Ok(1 + at.unwrap_or_else(|| {
            self.joins.push(join);
            self.joins.len() - 1
        }))
    }
}

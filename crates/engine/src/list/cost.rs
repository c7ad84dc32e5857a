//! Decides whether a list is short enough to run on the caller's async thread.

use crate::{
    name::FieldName,
    query::{Filter, Operator, Select},
    schema::{Plan, Schema},
};

/// The cost of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Bounded by the page, not by the table.
    Short,
    /// May scan every row: runs on a blocking thread, with a deadline.
    Long,
}

/// Largest number of rows on a short page.
const SHORT_ROWS: u32 = 200;

/// Returns the cost of a list. A list is short if it looks up a unique field, or reads a page in the order of an index
/// without skipping rows.
pub fn cost(schema: &Schema, model: &str, select: &Select) -> Cost {
    let Some(plan) = schema.model(model) else { return Cost::Short };
    let short = select.search.is_none() && select.limit <= SHORT_ROWS;
    if short && (pinned(plan, &select.filter) || walks_an_index(plan, select)) {
        Cost::Short
    } else {
        Cost::Long
    }
}

fn pinned(plan: &Plan, filter: &Filter) -> bool {
    let unique = |field: &FieldName| plan.column(field.as_str()).is_some_and(|c| c.unique);
    match filter {
        Filter::All(list) => list.iter().any(|inner| pinned(plan, inner)),
        Filter::Compare(field, Operator::Eq, _) => unique(field),
        Filter::In(field, values) => unique(field) && values.len() <= SHORT_ROWS as usize,
        _ => false,
    }
}

fn walks_an_index(plan: &Plan, select: &Select) -> bool {
    let indexed = |field: &FieldName| plan.column(field.as_str()).is_some_and(|c| c.indexed);
    let ordered = match select.sort.as_slice() {
        [] => true,
        [by] => by.via.is_empty() && by.ranks.is_none() && indexed(&by.field),
        _ => false,
    };
    match &select.filter {
        Filter::All(list) if list.is_empty() => ordered,
        // An index holds rows with equal values in the order of their ids.
        Filter::Compare(field, Operator::Eq, _) => select.sort.is_empty() && indexed(field),
        _ => false,
    }
}

//! Whether a list is short enough to run on the thread that asks.

use crate::name::FieldName;
use crate::query::{Filter, Operator, Select};
use crate::sqlite::plan::{Plan, Schema};

/// What a statement may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Bounded by the page, not by the table.
    Short,
    /// May look at every row: runs on a thread that may block, with a deadline.
    Long,
}

/// Rows at most on a short page.
const SHORT_ROWS: u32 = 200;

/// Short: a row pinned by a unique field, or a page in the order of an index with nothing to skip.
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
        [(field, _)] => indexed(field),
        _ => false,
    };
    match &select.filter {
        Filter::All(list) if list.is_empty() => ordered,
        // equal rows of an index lie together in the order of their ids
        Filter::Compare(field, Operator::Eq, _) => select.sort.is_empty() && indexed(field),
        _ => false,
    }
}

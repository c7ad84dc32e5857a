//! Order and paging of lists. Keyset paging is stable under inserts, and reads page 1000 as fast as page 1. Null is the
//! smallest value in MongoDB, as in lists.

use super::{Layout, filter::never};
use crate::{
    cell::Stored,
    error::Result,
    list::{SortKey, cursor},
    query::Direction,
    value::Value,
};
use mongodb::bson::{Bson, Document, doc};

/// Returns the order of a list, for `$sort`.
pub(super) fn order_by(layout: &Layout<'_>, order: &[SortKey]) -> Document {
    let mut sort = doc! {};
    for key in order {
        let direction = match key.direction {
            Direction::Ascending => 1,
            Direction::Descending => -1,
        };
        sort.insert(layout.name(key.position), direction);
    }
    sort
}

/// Returns the filter that matches the documents after the one with these sort values. Its first part is a bound on the
/// first key, because MongoDB can use an index for a bound but not for the alternatives that follow.
///
/// # Errors
/// Returns `Invalid` if the values cannot be the sort values of a row.
pub(super) fn after(layout: &Layout<'_>, order: &[SortKey], after: &[Value]) -> Result<Document> {
    let values = cursor(order, after)?;
    let first = layout.name(order[0].position);
    let bound = match (order[0].direction, &values[0]) {
        (_, Stored::Null) => doc! {},
        (Direction::Ascending, value) => doc! { first: { "$gte": layout.bson(order[0].position, value)? } },
        // Nulls come last, and a bound would exclude them.
        (Direction::Descending, _) => doc! {},
    };
    Ok(doc! { "$and": [bound, beyond(layout, order, &values)?] })
}

fn beyond(layout: &Layout<'_>, order: &[SortKey], values: &[Stored<'static>]) -> Result<Document> {
    let ([key, keys @ ..], [value, rest @ ..]) = (order, values) else { return Ok(never()) };
    let (name, bound) = (layout.name(key.position), layout.bson(key.position, value)?);
    let mut any = vec![match (key.direction, value) {
        (Direction::Ascending, Stored::Null) => doc! { name: { "$ne": Bson::Null } },
        // No document comes after the nulls at the end.
        (Direction::Descending, Stored::Null) => never(),
        (Direction::Ascending, _) => doc! { name: { "$gt": bound.clone() } },
        (Direction::Descending, _) => {
            doc! { "$or": [{ name: { "$lt": bound.clone() } }, { name: Bson::Null }] }
        }
    }];
    if !keys.is_empty() {
        any.push(doc! { "$and": [{ name: { "$eq": bound } }, beyond(layout, keys, rest)?] });
    }
    Ok(doc! { "$or": any })
}

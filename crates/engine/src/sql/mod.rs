//! Conditions and orders of lists as SQL, written once for all databases that use SQL. A statement must mean the same
//! in all of them; only its wording differs.

mod aggregate;
mod filter;
mod page;

pub(crate) use aggregate::{columns as aggregate_columns, groups as group_by, order as order_groups};
pub(crate) use filter::write as write_filter;
pub(crate) use page::{after, order_by};

use crate::{
    cell::{Storage, Stored},
    error::Result,
    list::SortKey,
    name::FieldName,
    query::{Direction, Period},
    schema::Plan,
};

/// A statement under construction, in the SQL dialect of one database.
pub(crate) trait Statement {
    /// A condition that always holds.
    const TRUE: &'static str;
    /// A condition that never holds.
    const FALSE: &'static str;
    /// Operator, with spaces around it, that is true of two values unless they are equal or both null.
    const DIFFERS: &'static str;

    /// Returns the plan of the model that the statement reads.
    fn plan(&self) -> &Plan;

    /// Returns the text of the statement so far.
    fn text(&mut self) -> &mut String;

    /// Appends the name of a column.
    fn column(&mut self, position: usize);

    /// Appends the name of the column of a sort key.
    fn sort_key(&mut self, key: &SortKey);

    /// Appends a placeholder for a value with this storage.
    fn value(&mut self, storage: Storage, value: Stored<'static>);

    /// Appends `(SELECT …)` for the ids of the rows of the same store that `field` may refer to and that meet a
    /// condition. `condition` appends that condition.
    ///
    /// # Errors
    /// Returns `Invalid` if the field is not such a reference, and the errors of `condition`.
    fn referred(&mut self, field: &FieldName, condition: impl FnOnce(&mut Self) -> Result<()>) -> Result<()>;

    /// Appends a condition that a column has one of these values.
    fn one_of(&mut self, position: usize, values: Vec<Stored<'static>>);

    /// Appends a condition that a text contains another text. The case of ASCII letters is ignored.
    fn contains(&mut self, position: usize, needle: &str);

    /// Appends a condition that a text starts with another text. The case of ASCII letters is ignored.
    fn starts_with(&mut self, position: usize, needle: &str);

    /// Appends the first day of the period that contains a date or, in a time zone, an instant. `None`: UTC.
    fn first_day(&mut self, position: usize, period: Period, time_zone: Option<&str>);

    /// Appends the exact sum of a column of integers or decimals over the rows of a group.
    fn sum(&mut self, position: usize);

    /// Returns the text that follows a column in an order: nulls come first in ascending order and last in descending
    /// order. Ids are never null.
    fn direction(is_id: bool, direction: Direction) -> &'static str;
}

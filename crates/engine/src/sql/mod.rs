//! Conditions and orders of lists as SQL, written once for the databases that speak it. What a statement means must be the
//! same in all of them; only its words differ.

mod aggregate;
mod filter;
mod page;

pub(crate) use aggregate::{columns as aggregate_columns, groups as group_by, order as order_groups};
pub(crate) use filter::write as write_filter;
pub(crate) use page::{after, order_by};

use crate::{
    cell::Stored,
    query::{Direction, Period},
    schema::Plan,
};

/// A statement under construction, in the words of one database.
pub(crate) trait Statement {
    /// A condition that holds.
    const TRUE: &'static str;
    /// A condition that does not hold.
    const FALSE: &'static str;
    /// Operator, between spaces, that is true of two values unless they are equal or both null.
    const DIFFERS: &'static str;

    /// Returns the model that it reads.
    fn plan(&self) -> &Plan;

    /// Returns its text so far.
    fn text(&mut self) -> &mut String;

    /// Appends the name of a column.
    fn column(&mut self, position: usize);

    /// Appends a placeholder for a value of a column.
    fn value(&mut self, position: usize, value: Stored<'static>);

    /// Appends a condition that a column has one of these values.
    fn one_of(&mut self, position: usize, values: Vec<Stored<'static>>);

    /// Appends a condition that a text contains another one; only ASCII letters are compared without their case.
    fn contains(&mut self, position: usize, needle: &str);

    /// Appends a condition that a text starts with another one; only ASCII letters are compared without their case.
    fn starts_with(&mut self, position: usize, needle: &str);

    /// Appends the first day of the period that a date or an instant is in.
    fn first_day(&mut self, position: usize, period: Period);

    /// Appends the exact sum of a column of integers or decimals over the rows of a group.
    fn sum(&mut self, position: usize);

    /// Returns what follows a column in an order: nulls come first ascending and last descending.
    fn direction(position: usize, direction: Direction) -> &'static str;
}

//! Rows as they are visited: borrowed from the database, written to JSON or kept, without a detour.

pub mod json;

use crate::value::{Value, ValueRef};

/// A row under the cursor. Columns are those of the query's projection, in order.
pub trait Row {
    /// Number of columns.
    fn len(&self) -> usize;
    /// Column `index`; panics past the end.
    fn get(&self, index: usize) -> ValueRef<'_>;
    /// No columns at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes each row of an answer. Given by value and handed back, so that it may run on another thread.
pub trait Visit: Send + 'static {
    /// Called once a row, in order.
    fn row(&mut self, row: &dyn Row);
}

/// Keeps rows as owned values.
#[derive(Debug, Default)]
pub struct Collect {
    /// Rows so far.
    pub rows: Vec<Vec<Value>>,
}

impl Visit for Collect {
    fn row(&mut self, row: &dyn Row) {
        self.rows.push((0..row.len()).map(|i| Value::from(row.get(i))).collect());
    }
}

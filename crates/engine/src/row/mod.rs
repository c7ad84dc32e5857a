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
    /// True when it wants no further row: the page ends there, as at its limit of rows.
    fn is_full(&self) -> bool {
        false
    }
}

/// Keeps rows as owned values.
#[derive(Debug, Default)]
pub struct Collect {
    /// Rows so far.
    pub rows: Vec<Vec<Value>>,
    most: Option<usize>,
    bytes: usize,
}

impl Collect {
    /// Full once the rows take more than `bytes`.
    pub fn up_to(bytes: usize) -> Self {
        Self { most: Some(bytes), ..Self::default() }
    }

    /// Bytes that the rows take, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Visit for Collect {
    fn row(&mut self, row: &dyn Row) {
        let values = (0..row.len()).map(|index| {
            let value = row.get(index);
            self.bytes += size_of::<Value>() + value.heap_bytes();
            Value::from(value)
        });
        self.rows.push(values.collect());
    }

    fn is_full(&self) -> bool {
        self.most.is_some_and(|most| self.bytes > most)
    }
}

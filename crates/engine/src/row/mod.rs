//! Visitors of rows: a visitor borrows each row from the database and writes it to JSON or collects it, without an
//! intermediate copy.

pub mod json;

use crate::value::{Value, ValueRef};

/// The current row of a result. Its columns are those of the query's projection, in order.
pub trait Row {
    /// Returns the number of columns.
    fn len(&self) -> usize;
    /// Returns the value of the column at `index`.
    ///
    /// # Panics
    /// Panics if there is no such column.
    fn get(&self, index: usize) -> ValueRef<'_>;
    /// Returns true if there are no columns.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Receives each row of a result. It is passed by value and returned, so that it may run on another thread.
pub trait Visit: Send + 'static {
    /// Receives the next row. It is called once per row, in order.
    fn row(&mut self, row: &dyn Row);
    /// Returns true if the visitor wants no further row. The page then ends, as at its limit of rows.
    fn is_full(&self) -> bool {
        false
    }
}

/// Collects rows as owned values.
#[derive(Debug, Default)]
pub struct Collect {
    /// Rows collected so far.
    pub rows: Vec<Vec<Value>>,
    most: Option<usize>,
    bytes: usize,
}

impl Collect {
    /// Creates a collector that is full once the rows take more than `bytes`.
    pub fn up_to(bytes: usize) -> Self {
        Self { most: Some(bytes), ..Self::default() }
    }

    /// Returns the approximate bytes of the rows.
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

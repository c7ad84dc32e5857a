//! Rows of answers, whose columns are read by their storage.

use crate::{
    cell::Storage,
    error::{Error, Result},
    postgres::cells::value_ref,
    row::{Row, Visit},
    value::{Value, ValueRef},
};
use std::cell::RefCell;

/// A row of an answer from column `first` on.
pub(crate) struct Cursor<'r> {
    row: &'r tokio_postgres::Row,
    first: usize,
    storages: &'r [Storage],
    damaged: RefCell<Option<Error>>,
}

impl<'r> Cursor<'r> {
    /// Shows the columns from `first` on, one for each of `storages`. Hides the other columns.
    ///
    /// # Errors
    /// Returns `Corrupt` if a column has a value that its storage does not allow.
    pub(crate) fn visit(
        row: &'r tokio_postgres::Row,
        first: usize,
        storages: &'r [Storage],
        visit: &mut dyn Visit,
    ) -> Result<()> {
        let cursor = Self { row, first, storages, damaged: RefCell::default() };
        visit.row(&cursor);
        cursor.damaged.into_inner().map_or(Ok(()), Err)
    }
}

impl Row for Cursor<'_> {
    fn len(&self) -> usize {
        self.storages.len()
    }

    fn get(&self, index: usize) -> ValueRef<'_> {
        value_ref(self.row, self.first + index, self.storages[index]).unwrap_or_else(|error| {
            self.damaged.borrow_mut().get_or_insert(error);
            ValueRef::Null
        })
    }
}

/// Returns the value of a column.
///
/// # Errors
/// Returns `Corrupt` if the column has a value that its storage does not allow.
pub(crate) fn value(row: &tokio_postgres::Row, index: usize, storage: Storage) -> Result<Value> {
    value_ref(row, index, storage).map(Value::from)
}

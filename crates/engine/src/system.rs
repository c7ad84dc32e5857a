//! Rows and columns of the platform's own SQL on system stores, whatever the database.

use crate::{
    error::{Error, Kind, Result},
    value::Value,
};

/// A value as system stores hold it: instants are integers in microseconds, booleans are 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Null.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// A value of a type that no statement of the platform reads. Holds its type.
    Other(String),
}

/// A row of a system store. Reading a column as a type that it does not have is an error, never a conversion.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlRow(pub(crate) Vec<Cell>);

impl SqlRow {
    /// Returns the integer at `index`.
    ///
    /// # Errors
    /// Returns `Internal` if the column has another type or does not exist.
    pub fn integer(&self, index: usize) -> Result<i64> {
        self.opt_integer(index)?.ok_or_else(|| self.mismatch(index, "an integer"))
    }

    /// Returns the integer or null at `index`.
    ///
    /// # Errors
    /// Returns `Internal` if the column has another type or does not exist.
    pub fn opt_integer(&self, index: usize) -> Result<Option<i64>> {
        match self.0.get(index) {
            Some(Cell::Integer(value)) => Ok(Some(*value)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.mismatch(index, "an integer or null")),
        }
    }

    /// Returns the integer at `index` as a boolean.
    ///
    /// # Errors
    /// Returns `Internal` if the column has another type or does not exist.
    pub fn boolean(&self, index: usize) -> Result<bool> {
        self.integer(index).map(|value| value != 0)
    }

    /// Returns the text at `index`.
    ///
    /// # Errors
    /// Returns `Internal` if the column has another type or does not exist.
    pub fn text(&self, index: usize) -> Result<&str> {
        self.opt_text(index)?.ok_or_else(|| self.mismatch(index, "text"))
    }

    /// Returns the text or null at `index`.
    ///
    /// # Errors
    /// Returns `Internal` if the column has another type or does not exist.
    pub fn opt_text(&self, index: usize) -> Result<Option<&str>> {
        match self.0.get(index) {
            Some(Cell::Text(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.mismatch(index, "text or null")),
        }
    }

    /// Returns all columns, as parameters of another statement.
    ///
    /// # Errors
    /// Returns `Internal` if a column is neither null, nor an integer, nor text.
    pub fn values(&self) -> Result<Vec<Value>> {
        let value = |(index, cell): (usize, &Cell)| match cell {
            Cell::Null => Ok(Value::Null),
            Cell::Integer(value) => Ok(Value::Integer(*value)),
            Cell::Text(value) => Ok(Value::Text(value.clone())),
            Cell::Other(_) => Err(self.mismatch(index, "null, an integer or text")),
        };
        self.0.iter().enumerate().map(value).collect()
    }

    fn mismatch(&self, index: usize, wanted: &str) -> Error {
        let found = match self.0.get(index) {
            None => "no such column",
            Some(Cell::Null) => "null",
            Some(Cell::Integer(_)) => "an integer",
            Some(Cell::Text(_)) => "text",
            Some(Cell::Other(kind)) => kind,
        };
        Error::new(Kind::Internal, format!("column {index}: wanted {wanted}, found {found}"))
    }
}

/// A column of a table in a system store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemColumn {
    /// Name of the column.
    pub name: String,
    /// Whether the column holds text, including JSON. Otherwise it holds integers.
    pub is_text: bool,
    /// Whether the column may be null.
    pub is_nullable: bool,
    /// Position in the primary key, from 1; `None` if the column is not part of it.
    pub key: Option<i64>,
}

//! A page of rows in the neutral form of [`crate::cell`], which every database produces and accepts.

use crate::{
    cell::{Key, Raw},
    error::{Error, Kind, Result},
};

/// Rows with the same columns. The first column is the id.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    columns: usize,
    cells: Vec<Cell>,
    /// The texts of all cells, one after the other.
    text: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Cell {
    Null,
    Integer(i64),
    /// Offset and length of the text, in bytes.
    Text(usize, usize),
}

impl Page {
    /// Returns a page without rows. `columns` is the number of columns of a row, at least one.
    pub(crate) fn new(columns: usize) -> Self {
        Self { columns, cells: vec![], text: vec![] }
    }

    /// Adds the next value of the last row.
    ///
    /// # Errors
    /// Returns [`Kind::Corrupt`] for a value of a type that no column has.
    pub(crate) fn push(&mut self, value: Raw<'_>) -> Result<()> {
        self.cells.push(match value {
            Raw::Null => Cell::Null,
            Raw::Integer(number) => Cell::Integer(number),
            Raw::Text(text) => {
                let begin = self.text.len();
                self.text.extend_from_slice(text);
                Cell::Text(begin, text.len())
            }
            Raw::Other => {
                return Err(Error::new(Kind::Corrupt, "a column holds a value of a type that none has"));
            }
        });
        Ok(())
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.cells.len() / self.columns
    }

    /// Returns true if there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Returns the number of columns of a row.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Returns a value. `row` and `column` must be in the page.
    pub(crate) fn get(&self, row: usize, column: usize) -> Raw<'_> {
        match self.cells[row * self.columns + column] {
            Cell::Null => Raw::Null,
            Cell::Integer(number) => Raw::Integer(number),
            Cell::Text(begin, length) => Raw::Text(&self.text[begin..begin + length]),
        }
    }

    /// Returns the values of a row.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = Raw<'_>> {
        (0..self.columns).map(move |column| self.get(row, column))
    }

    /// Returns the id of a row.
    ///
    /// # Errors
    /// Returns [`Kind::Corrupt`] if the row has no id.
    pub(crate) fn key(&self, row: usize) -> Result<Key> {
        Key::read(self.get(row, 0)).ok_or_else(|| Error::new(Kind::Corrupt, "a row without an id"))
    }

    /// Returns the ids of all rows.
    ///
    /// # Errors
    /// Returns [`Kind::Corrupt`] if a row has no id.
    pub(crate) fn keys(&self) -> Result<Vec<Key>> {
        (0..self.len()).map(|row| self.key(row)).collect()
    }

    /// Returns the number of bytes of all values, in the way that limits count them.
    pub(crate) fn bytes(&self) -> i64 {
        self.cells
            .iter()
            .map(|cell| match cell {
                Cell::Null => 0,
                Cell::Integer(_) => Raw::Integer(0).bytes(),
                Cell::Text(_, length) => i64::try_from(*length).unwrap_or(i64::MAX),
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_hands_out_what_was_put_in() {
        let mut page = Page::new(2);
        let values = [Raw::Integer(7), Raw::Text("Ångström".as_bytes()), Raw::Integer(8), Raw::Null];
        values.iter().try_for_each(|value| page.push(*value)).unwrap();
        assert_eq!((page.len(), page.bytes()), (2, 8 + 10 + 8));
        assert_eq!(page.row(0).chain(page.row(1)).collect::<Vec<_>>(), values);
        assert_eq!(page.keys().unwrap(), [Key::Integer(7), Key::Integer(8)]);
        assert!(page.push(Raw::Other).is_err());
    }
}

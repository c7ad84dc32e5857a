//! A checksum of the contents of a place, which is the same in every isolation and on every database. It proves that a
//! move carried everything. Backups record it, so what is hashed, and in which order, must never change.
//!
//! For each model, it is a BLAKE3 hash over its rows in order of id. Each value is hashed with its type and, if its
//! length varies, with its length, so that different contents never give the same byte stream.

use crate::{
    cell::Raw,
    error::{Error, Kind, Result},
    name::ModelName,
};

/// Checksums of all models of a store, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// One checksum for each model.
    pub tables: Vec<TableDigest>,
}

/// Checksum of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDigest {
    /// Name of the model.
    pub model: ModelName,
    /// Number of rows of the model.
    pub rows: u64,
    /// Hash over all rows with all their columns, in hex.
    pub blake3: String,
}

impl Digest {
    /// Returns the number of rows of all models.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// Number of bytes that are hashed at a time.
const BLOCK: usize = 64 << 10;

/// Computes the checksum of one model from its rows.
pub(crate) struct TableHash {
    hash: blake3::Hasher,
    block: Vec<u8>,
    rows: u64,
}

impl TableHash {
    /// Begins with the name of the model and the names of its columns, in the order of the values of a row.
    pub(crate) fn new(model: &ModelName, columns: &[&str]) -> Self {
        let mut block = Vec::with_capacity(BLOCK * 2);
        text(&mut block, model.as_str().as_bytes());
        columns.iter().for_each(|column| text(&mut block, column.as_bytes()));
        Self { hash: blake3::Hasher::new(), block, rows: 0 }
    }

    /// Adds the next value of a row.
    ///
    /// # Errors
    /// Returns `Corrupt` for a value of a type that no column has.
    pub(crate) fn value(&mut self, value: Raw<'_>) -> Result<()> {
        match value {
            Raw::Null => self.block.push(0),
            Raw::Integer(number) => {
                self.block.push(1);
                self.block.extend_from_slice(&number.to_le_bytes());
            }
            Raw::Text(bytes) => {
                self.block.push(3);
                text(&mut self.block, bytes);
            }
            Raw::Other => {
                return Err(Error::new(Kind::Corrupt, "a column holds a value of a type that no field has"));
            }
        }
        Ok(())
    }

    /// Ends a row.
    pub(crate) fn end_row(&mut self) {
        self.rows += 1;
        if self.block.len() >= BLOCK {
            self.hash.update(&self.block);
            self.block.clear();
        }
    }

    /// Returns the checksum of the rows so far.
    pub(crate) fn finish(mut self, model: &ModelName) -> TableDigest {
        self.hash.update(&self.block);
        let blake3 = self.hash.finalize().to_hex().to_string();
        TableDigest { model: model.clone(), rows: self.rows, blake3 }
    }
}

fn text(block: &mut Vec<u8>, bytes: &[u8]) {
    block.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    block.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(rows: &[&[Raw<'_>]]) -> TableDigest {
        let model = ModelName::parse("cities").unwrap();
        let mut hash = TableHash::new(&model, &["id", "name"]);
        for row in rows {
            row.iter().try_for_each(|value| hash.value(*value)).unwrap();
            hash.end_row();
        }
        hash.finish(&model)
    }

    /// Backups of earlier versions contain such checksums.
    #[test]
    fn the_same_contents_have_the_same_checksum_for_ever() {
        let found = hash(&[&[Raw::Integer(7), Raw::Text(b"Rome")], &[Raw::Integer(8), Raw::Null]]);
        assert_eq!(found.rows, 2);
        assert_eq!(found.blake3, "083ba1e6b993b6e415a06755f887b11323115e2665f84bb5f131fcebfee23fbe");
    }

    #[test]
    fn a_value_does_not_run_into_the_next_one() {
        let texts = |a: &'static [u8], b: &'static [u8]| hash(&[&[Raw::Text(a), Raw::Text(b)]]).blake3;
        assert_ne!(texts(b"ab", b"c"), texts(b"a", b"bc"));
        assert_ne!(hash(&[&[Raw::Null, Raw::Integer(0)]]), hash(&[&[Raw::Integer(0), Raw::Null]]));
        let model = ModelName::parse("cities").unwrap();
        assert!(TableHash::new(&model, &["id"]).value(Raw::Other).is_err(), "left out of the checksum");
    }
}

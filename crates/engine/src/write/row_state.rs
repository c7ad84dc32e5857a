//! Rows in the state in which a write found or left them.

use super::Written;
use crate::{
    error::{Error, Kind, Result},
    query::RecordId,
    row::{Row, Visit},
    schema::Plan,
    value::Value,
};

/// All columns of a stored row, and its size in bytes.
#[derive(Default)]
pub(crate) struct RowState {
    pub(crate) values: Vec<Value>,
    pub(crate) bytes: i64,
}

impl Visit for RowState {
    fn row(&mut self, row: &dyn Row) {
        for index in 0..row.len() {
            let value = row.get(index);
            self.bytes += value.bytes();
            self.values.push(value.into());
        }
    }
}

impl RowState {
    /// Returns the id of the row.
    ///
    /// # Errors
    /// Returns `Corrupt` if the row has none.
    pub(crate) fn id(&self) -> Result<RecordId> {
        match self.values.first() {
            Some(Value::Integer(id)) => Ok(RecordId::Integer(*id)),
            Some(Value::Uuid(id)) => Ok(RecordId::Uuid(*id)),
            _ => Err(Error::new(Kind::Corrupt, "a row without an id")),
        }
    }

    /// Returns the version of the row.
    ///
    /// # Errors
    /// Returns `Corrupt` if the row has none.
    pub(crate) fn version(&self) -> Result<i64> {
        match self.values.last() {
            Some(Value::Integer(version)) => Ok(*version),
            _ => Err(Error::new(Kind::Corrupt, "a row without a version")),
        }
    }

    /// Returns the row as the result of a change.
    ///
    /// # Errors
    /// Returns `Corrupt` if the row has no id or no version.
    pub(crate) fn written(self, plan: &Plan) -> Result<Written> {
        let (id, version) = (self.id()?, self.version()?);
        Ok(Written { model: plan.model.name.clone(), id, version, row: self.values, position: None })
    }
}

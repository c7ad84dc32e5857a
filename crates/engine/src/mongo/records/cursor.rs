//! Documents, seen as rows of the columns of a projection.

use crate::{
    error::{Error, Kind, Result},
    mongo::cells::value_ref,
    row::{Row, Visit},
    schema::{Plan, Projection},
    value::{Value, ValueRef},
};
use mongodb::bson::RawDocument;
use std::borrow::Cow;

/// The columns of one document.
pub(crate) struct Columns<'r>(Vec<ValueRef<'r>>);

impl<'r> Columns<'r> {
    /// Reads the columns of a projection; those that are not in the document are null.
    ///
    /// # Errors
    /// `Corrupt` if a field holds what its storage does not allow.
    pub(crate) fn read(plan: &Plan, projection: &Projection<'_>, row: &'r RawDocument) -> Result<Self> {
        let (positions, storages) = (&*projection.positions, &*projection.storages);
        let mut values = vec![ValueRef::Null; positions.len()];
        // Documents have their fields in the order of columns, so the next column is nearly always the one after the last.
        let mut next = 0;
        for element in row.iter_elements() {
            let element = element.map_err(damaged)?;
            let name = match element.key().as_str() {
                "_id" => "id",
                name => name,
            };
            let is_it = |at: &usize| plan.columns[positions[*at]].name.as_str() == name;
            if let Some(at) = (next..positions.len()).chain(0..next).find(is_it) {
                values[at] = value_ref(storages[at], element.value().map_err(damaged)?)?;
                next = at + 1;
            }
        }
        if let Cow::Owned(positions) = &projection.positions {
            // A column that was asked for twice was read once.
            for at in 1..positions.len() {
                if let Some(first) = positions[..at].iter().position(|position| *position == positions[at]) {
                    values[at] = values[first];
                }
            }
        }
        Ok(Self(values))
    }

    /// Shows the document.
    ///
    /// # Errors
    /// Those of [`Columns::read`].
    pub(crate) fn visit(
        plan: &Plan,
        projection: &Projection<'_>,
        row: &RawDocument,
        visit: &mut dyn Visit,
    ) -> Result<()> {
        visit.row(&Columns::read(plan, projection, row)?);
        Ok(())
    }

    /// Returns a copy of a column.
    pub(crate) fn value(&self, index: usize) -> Value {
        self.0[index].into()
    }

    /// Returns all columns.
    pub(crate) fn values(&self) -> &[ValueRef<'r>] {
        &self.0
    }
}

impl Row for Columns<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> ValueRef<'_> {
        self.0[index]
    }
}

fn damaged(error: mongodb::bson::error::Error) -> Error {
    Error::with_source(Kind::Corrupt, "a document cannot be read", error)
}

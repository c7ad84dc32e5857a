//! Presents documents as rows with the columns of a projection.

use crate::{
    error::{Error, Kind, Result},
    mongo::cells::value_ref,
    row::{Row, Visit},
    schema::{Plan, Projection},
    value::{Value, ValueRef},
};
use mongodb::bson::RawDocument;
use std::borrow::Cow;

/// The values of one document, for the columns of a projection.
pub(crate) struct Columns<'r>(Vec<ValueRef<'r>>);

impl<'r> Columns<'r> {
    /// Reads the columns of a projection from a document. Columns that the document lacks are null.
    ///
    /// # Errors
    /// Returns `Corrupt` if the value of a field does not match its storage.
    pub(crate) fn read(plan: &Plan, projection: &Projection<'_>, row: &'r RawDocument) -> Result<Self> {
        let (positions, storages) = (&*projection.positions, &*projection.storages);
        let mut values = vec![ValueRef::Null; positions.len()];
        // The fields of a document are in the order of the columns, so the next field nearly always belongs to the next
        // column.
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
            // Copy a column that was selected twice, because the loop above fills only its first position.
            for at in 1..positions.len() {
                if let Some(first) = positions[..at].iter().position(|position| *position == positions[at]) {
                    values[at] = values[first];
                }
            }
        }
        Ok(Self(values))
    }

    /// Passes the document to `visit` as a row.
    ///
    /// # Errors
    /// Returns the errors of [`Columns::read`].
    pub(crate) fn visit(
        plan: &Plan,
        projection: &Projection<'_>,
        row: &RawDocument,
        visit: &mut dyn Visit,
    ) -> Result<()> {
        visit.row(&Columns::read(plan, projection, row)?);
        Ok(())
    }

    /// Returns a copy of the value of a column.
    pub(crate) fn value(&self, index: usize) -> Value {
        self.0[index].into()
    }

    /// Returns the values of all columns.
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

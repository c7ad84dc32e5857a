//! The documents of a model in one place: the names of their fields, and the confinement to a tenant.

use super::cursor::Columns;
use crate::{
    cell::{Key, Stored},
    error::{Error, Kind, Result},
    mongo::cells,
    query::RecordId,
    schema::{Plan, Projection},
    value::Value,
};
use mongodb::bson::{Bson, Document, RawDocument, doc};

/// A model and the layout of its documents in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout<'p> {
    pub(crate) plan: &'p Plan,
    /// Id of the tenant; `None` if tenants do not share the collection.
    pub(crate) tenant: Option<i64>,
}

impl<'p> Layout<'p> {
    pub(crate) fn new(plan: &'p Plan, tenant: Option<i64>) -> Self {
        Self { plan, tenant }
    }

    /// Returns the name of the field that a column has in documents.
    pub(super) fn name(&self, position: usize) -> &'p str {
        match position {
            0 => "_id",
            _ => match self.plan.custom_at(position) {
                Some(custom) => &custom.path,
                None => self.plan.columns[position].name.as_str(),
            },
        }
    }

    /// Returns the path of a column, for expressions.
    pub(super) fn path(&self, position: usize) -> String {
        match (position, self.tenant) {
            (0, Some(_)) => "$_id.i".into(),
            _ => format!("${}", self.name(position)),
        }
    }

    /// Returns true if the model has search fields.
    pub(super) fn is_searched(&self) -> bool {
        self.plan.model.search_fields().next().is_some()
    }

    /// Returns a value of a column in the form in which documents store it.
    pub(super) fn bson(&self, position: usize, value: &Stored<'_>) -> Result<Bson> {
        let value = cells::bson(self.plan.at(position).compared(), value)?;
        Ok(if position == 0 { cells::id(self.tenant, value) } else { value })
    }

    /// Returns the `_id` of the document of the record with this id.
    pub(super) fn id(&self, key: Key) -> Bson {
        cells::id(self.tenant, cells::key(key))
    }

    /// Returns the filter that confines a statement to the tenant.
    pub(super) fn confined(&self) -> Document {
        match self.tenant {
            Some(tenant) => doc! { self.plan.model.tenant_field.as_str(): tenant },
            None => doc! {},
        }
    }

    /// Returns the projection that has only the id.
    pub(crate) fn only_ids(&self) -> Projection<'p> {
        Projection { positions: (&[0][..]).into(), storages: (&self.plan.storages[..1]).into() }
    }

    /// Returns the id of a document.
    ///
    /// # Errors
    /// Returns `Corrupt` if the document has no id.
    pub(crate) fn id_of(&self, row: &RawDocument) -> Result<RecordId> {
        match Columns::read(self.plan, &self.only_ids(), row)?.value(0) {
            Value::Integer(id) => Ok(RecordId::Integer(id)),
            Value::Uuid(id) => Ok(RecordId::Uuid(id)),
            _ => Err(Error::new(Kind::Corrupt, "a document without an id")),
        }
    }
}

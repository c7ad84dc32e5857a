//! Custom fields: fields that a tenant adds to a model for itself.
//!
//! The definitions of one model's own fields are one row of an automatic model in the tenant's place, and the values
//! are one JSON object in each record. `check.rs` checks the values of every write against the definitions, and lets the
//! transaction fail if the definitions have changed in between.

mod check;
mod definition;
mod values;
mod verbs;

pub(super) use check::refused;
pub(super) use definition::stored;
pub use definition::{CustomField, CustomKind, MAX_CUSTOM_FIELDS};
pub(super) use values::{merged, names_custom};
pub use verbs::{CustomChange, CustomFields, MAX_CLEARED, NewCustomField, Removed};

use super::{Records, Scope};
use crate::{Error, Result, platform::loaded::ModelEntry};
use std::{borrow::Cow, sync::Arc};
use tenantry_engine::{
    engine::Session,
    model::{Model, custom},
    name::FieldName,
    query::RecordId,
    row::Collect,
    schema::Schema,
    value::Value,
};

/// Id of the row with the definitions.
const ROW: RecordId = RecordId::Integer(1);

/// The definitions of a tenant's own fields of one model, as they were at one version.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions {
    /// Version of their row; `None` if there is none.
    version: Option<i64>,
    /// The fields, in the order in which the tenant added them.
    fields: Vec<CustomField>,
}

impl Definitions {
    /// Returns the fields that records may have values for.
    pub(super) fn open(&self) -> impl Iterator<Item = &CustomField> {
        self.fields.iter().filter(|field| !field.closed)
    }

    fn find(&self, name: &str) -> Option<&CustomField> {
        self.fields.iter().find(|field| field.name.as_str() == name)
    }
}

/// A model together with the tenant's own fields.
pub(super) struct Known {
    pub(super) fields: Vec<CustomField>,
    /// The model with the own fields after its own ones.
    model: Arc<Model>,
    /// The schema in which lists know the own fields as columns.
    schema: Arc<Schema>,
}

impl Known {
    fn new(entry: &ModelEntry, fields: Vec<CustomField>) -> Result<Self> {
        let own: Vec<_> = fields.iter().map(CustomField::plain).collect();
        let schema = Arc::new(entry.schema.with_custom(entry.model.name.as_str(), &own)?);
        let mut model = (*entry.model).clone();
        model.fields.extend(fields.iter().map(CustomField::as_field));
        Ok(Self { fields, model: Arc::new(model), schema })
    }
}

/// Returns the columns that hold these fields: for own fields, the one that holds their values.
pub(super) fn columns_of(fields: &[FieldName]) -> Cow<'_, [FieldName]> {
    if fields.iter().all(|name| name.of_custom().is_none()) {
        return fields.into();
    }
    let mut columns: Vec<FieldName> = Vec::with_capacity(fields.len());
    for name in fields {
        let column = if name.of_custom().is_some() { field(custom::FIELD) } else { name.clone() };
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns.into()
}

fn field(name: &str) -> FieldName {
    FieldName::parse(name).expect("a constant field name")
}

impl Records<'_> {
    /// Returns the automatic model with the definitions; `None` if the model has no custom fields here.
    fn custom_entry(&self, entry: &ModelEntry) -> Option<&ModelEntry> {
        let Scope::Tenant(_) = self.scope else { return None };
        let model = entry.model.custom_model()?;
        self.loaded.entry(model.name.as_str()).ok()
    }

    /// Reads the definitions of a model's own fields.
    pub(super) async fn definitions(&self, session: &Session, entry: &ModelEntry) -> Result<Definitions> {
        let Some(of) = self.custom_entry(entry) else { return Ok(Definitions::default()) };
        let columns = [field(custom::DEFINITIONS), field("version")];
        let found = session.get(of.model.name.as_str(), &ROW, &columns, Collect::default()).await?;
        let Some(row) = found.and_then(|found| found.rows.into_iter().next()) else {
            return Ok(Definitions::default());
        };
        let damaged = || Error::Internal(format!("the definitions of {} cannot be read", of.model.name));
        let mut row = row.into_iter();
        let (Some(Value::Json(list)), Some(Value::Integer(version))) = (row.next(), row.next()) else {
            return Err(damaged());
        };
        let fields = serde_json::from_value(list).map_err(|_| damaged())?;
        Ok(Definitions { version: Some(version), fields })
    }

    /// Reads the tenant's own fields of the model, so that conditions, orders, groups and CSV may name them. Costs
    /// nothing for a model without custom fields.
    ///
    /// # Errors
    /// Returns the errors of a read.
    pub async fn with_custom_fields(mut self) -> Result<Self> {
        if self.entry.model.has_custom_fields() && self.custom_entry(&self.entry).is_some() {
            let session = self.reading().await?;
            let fields = self.definitions(&session, &self.entry).await?.open().cloned().collect();
            self.custom = Some(Known::new(&self.entry, fields)?);
        }
        Ok(self)
    }

    /// Returns the tenant's own fields, if [`Records::with_custom_fields`] read them.
    pub fn custom_fields(&self) -> &[CustomField] {
        self.custom.as_ref().map_or(&[], |known| &known.fields)
    }

    /// Returns the model with the tenant's own fields, if [`Records::with_custom_fields`] read them; otherwise the
    /// model. Own fields are called `custom.NAME`.
    pub fn whole_model(&self) -> &Arc<Model> {
        self.custom.as_ref().map_or(&self.entry.model, |known| &known.model)
    }

    /// Returns the schema with which to read a model.
    pub(super) fn schema_of<'e>(&'e self, entry: &'e ModelEntry) -> &'e Arc<Schema> {
        match &self.custom {
            Some(known) if entry.model.name == self.entry.model.name => &known.schema,
            _ => &entry.schema,
        }
    }
}

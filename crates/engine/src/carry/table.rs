//! The tables of a store as transfers see them, with columns in the order of digests, whatever the order in the model's
//! file.

use crate::{
    cell::Storage,
    input,
    migration::State,
    model::{FieldKind, IdKind, Model},
    name::{FieldName, ModelName, StoreName},
    schema::Schema,
};
use std::{ops::Deref, sync::Arc};

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: Box<str>,
    pub(crate) storage: Storage,
}

/// A column that holds ids of a table of the same store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference {
    /// Position of the column.
    pub(crate) column: usize,
    /// Position of the table that it refers to.
    pub(crate) to: usize,
}

/// The table of one model. Columns are `id`, the fields by name, `created_at`, `updated_at`, `version`.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) model: ModelName,
    pub(crate) id: IdKind,
    /// Name of the column that distinguishes the tenants of a pool.
    pub(crate) tenant: FieldName,
    pub(crate) columns: Vec<Column>,
    /// Positions of the columns of each unique constraint.
    pub(crate) unique: Vec<Vec<usize>>,
    /// Positions of the columns in full-text search.
    pub(crate) search: Vec<usize>,
    /// Whether the table has the values of tenants' own fields.
    #[cfg(feature = "mongodb")]
    pub(crate) custom: bool,
    pub(crate) references: Vec<Reference>,
    /// Positions of the columns whose texts are in an index, with the maximum number of bytes of those texts.
    pub(crate) short: Vec<(usize, usize)>,
}

/// All tables of a store, by name. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tables(Arc<[Table]>);

impl Tables {
    /// Returns the tables of a compiled schema.
    pub(crate) fn of_schema(schema: &Schema) -> Self {
        let storage = |model: &Model, column: &str| {
            let plan = schema.model(model.name.as_str());
            plan.and_then(|plan| plan.column(column)).map_or(Storage::Text, |column| column.storage)
        };
        Self::of(schema.plans().map(|plan| &**plan.model()), storage)
    }

    /// Returns the tables of a store after some migrations.
    pub(crate) fn of_state(state: &State, store: &StoreName) -> Self {
        let id_of =
            |model: &ModelName| state.model(model.as_str()).map_or(IdKind::default(), |model| model.id);
        let storage = |model: &Model, column: &str| match column {
            "id" => Storage::of_id(model.id),
            "created_at" | "updated_at" => Storage::Datetime,
            "version" => Storage::Integer,
            field => model.field(field).map_or(Storage::Text, |field| {
                let target = match &field.kind {
                    FieldKind::Ref { to, .. } => id_of(to),
                    _ => IdKind::default(),
                };
                Storage::of(&field.kind, target)
            }),
        };
        Self::of(state.of_store(store), storage)
    }

    fn of<'m>(models: impl Iterator<Item = &'m Model>, storage: impl Fn(&Model, &str) -> Storage) -> Self {
        let mut models: Vec<&Model> = models.collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        let position = |name: &ModelName| models.iter().position(|model| model.name == *name);
        Self(models.iter().map(|model| table(model, &storage, position)).collect())
    }
}

impl Deref for Tables {
    type Target = [Table];

    fn deref(&self) -> &[Table] {
        &self.0
    }
}

fn table(
    model: &Model,
    storage: &impl Fn(&Model, &str) -> Storage,
    position: impl Fn(&ModelName) -> Option<usize>,
) -> Table {
    let names = column_names(model);
    let at = |field: &str| names.iter().position(|name| *name == field).unwrap_or(0);
    let single = model.fields.iter().filter(|field| field.unique).map(|field| vec![at(field.name.as_str())]);
    let several = model.indexes.iter().filter(|index| index.unique);
    let several = several.map(|index| index.fields.iter().map(|field| at(field.as_str())).collect());
    let references = model.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Ref { to, .. } => Some(Reference { column: at(field.name.as_str()), to: position(to)? }),
        _ => None,
    });
    let short = model.fields.iter();
    let short = short.filter_map(|field| Some((at(field.name.as_str()), input::most_bytes(model, field)?)));
    Table {
        model: model.name.clone(),
        id: model.id,
        tenant: model.tenant_field.clone(),
        unique: single.chain(several).collect(),
        search: model.search_fields().map(|field| at(field.name.as_str())).collect(),
        #[cfg(feature = "mongodb")]
        custom: model.has_custom_fields(),
        references: references.collect(),
        short: short.collect(),
        columns: names
            .iter()
            .map(|name| Column { name: (*name).into(), storage: storage(model, name) })
            .collect(),
    }
}

fn column_names(model: &Model) -> Vec<&str> {
    let mut fields: Vec<&str> = model.fields.iter().map(|field| field.name.as_str()).collect();
    fields.sort_unstable();
    let mut columns = vec!["id"];
    columns.extend(fields);
    columns.extend(["created_at", "updated_at", "version"]);
    columns
}

/// Columns of a carried entry of the activity log, with their storage.
pub(crate) const LINE: [(&str, Storage); 8] = [
    ("id", Storage::Integer),
    ("at", Storage::Datetime),
    ("actor", Storage::Text),
    ("impersonator", Storage::Text),
    ("action", Storage::Text),
    ("model", Storage::Text),
    ("record", Storage::Text),
    ("detail", Storage::Text),
];

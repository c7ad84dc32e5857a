//! One compiled model: its columns and their storage, its defaults, and the models that refer to it. Each database adds
//! its own SQL texts, so that a statement needs no lookups.

use super::custom::CustomColumn;
use crate::{
    cell::{Key, Storage},
    error::{Error, Kind, Result},
    input,
    model::{FieldKind, IdKind, Model, OnDelete},
    name::{FieldName, ModelName},
    place::{Isolation, Place},
    postgres::records as postgres,
    query::RecordId,
    row::json::JsonKeys,
    sqlite::records::PlanTexts,
    value::Value,
};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// Confines a statement to an isolation and, in pooled tables, to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// Isolation of the tenant's rows.
    pub isolation: Isolation,
    /// Id of the tenant; 0 for system stores.
    pub tenant: i64,
    /// Generation of the placement. Each write checks it.
    pub generation: u64,
    /// Position of the database's ledger when the schema was verified. Each write checks it. If it is 0 (unknown), each
    /// write compares the whole ledger.
    pub ledger: i64,
}

impl Confinement {
    /// Returns the confinement of a place's statements, before its schema is verified.
    pub(crate) fn of(place: &Place) -> Self {
        let Place { isolation, generation, .. } = *place;
        Self { isolation, tenant: place.tenant_number(), generation, ledger: 0 }
    }
}

/// One column of a model.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name of the column.
    pub name: FieldName,
    /// Storage of the column.
    pub storage: Storage,
    /// Whether the column may hold null.
    pub nullable: bool,
    /// Whether the column is the id, a unique field, or a field with its own index.
    pub(crate) indexed: bool,
    /// Maximum bytes of a text in the column, if an index covers it.
    pub(crate) most_bytes: Option<usize>,
    /// Whether at most one row has a given value in the column.
    pub(crate) unique: bool,
}

/// A reference field of another model of the same store that refers to this model.
#[derive(Debug, Clone)]
pub(crate) struct Referrer {
    pub(crate) model: ModelName,
    pub(crate) field: FieldName,
    pub(crate) on_delete: OnDelete,
}

/// A compiled model.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) model: Arc<Model>,
    pub(crate) columns: Box<[Column]>,
    pub(crate) storages: Box<[Storage]>,
    pub(crate) referrers: Vec<Referrer>,
    /// Validated defaults of the declared fields.
    pub(crate) defaults: Box<[Value]>,
    positions: Box<[usize]>,
    keys: JsonKeys,
    /// SQL texts of SQLite.
    pub(crate) sqlite: Arc<PlanTexts>,
    /// SQL texts of PostgreSQL.
    pub(crate) postgres: Arc<postgres::PlanTexts>,
    /// The tenant's own fields, at the positions after those of the columns.
    pub(crate) custom: Box<[CustomColumn]>,
}

/// The columns of a query. They are borrowed from the plan if the query selects all columns.
pub(crate) struct Projection<'p> {
    pub(crate) positions: Cow<'p, [usize]>,
    pub(crate) storages: Cow<'p, [Storage]>,
}

impl Plan {
    pub(crate) fn new(model: Arc<Model>, ids: &HashMap<ModelName, IdKind>) -> Result<Self> {
        let columns = columns(&model, ids)?;
        let defaults = model.fields.iter().map(|f| f.default_value().unwrap_or(Value::Null)).collect();
        Ok(Self {
            storages: columns.iter().map(|c| c.storage).collect(),
            positions: (0..columns.len()).collect(),
            keys: JsonKeys::new(columns.iter().map(|c| c.name.as_str())),
            sqlite: Arc::new(PlanTexts::new(&model, &columns)),
            postgres: Arc::default(),
            custom: Box::default(),
            referrers: vec![],
            defaults,
            columns: columns.into(),
            model,
        })
    }

    /// Returns the model that this plan was compiled from.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Returns all columns in order: id, fields, created_at, updated_at, version.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the column with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.as_str() == name)
    }

    /// Returns the column with this name and its position. The column may be a tenant's own field, which only lists
    /// and groups use.
    pub(crate) fn require(&self, name: &str) -> Result<(usize, &Column)> {
        let all = self.columns.iter().chain(self.custom.iter().map(|custom| &custom.column));
        let found = all.enumerate().find(|(_, c)| c.name.as_str() == name);
        found.ok_or_else(|| Error::invalid(name, "unknown field"))
    }

    /// Returns the position of a column of the model.
    fn stored(&self, name: &str) -> Result<usize> {
        match self.require(name)? {
            (position, _) if position < self.columns.len() => Ok(position),
            _ => Err(Error::invalid(name, "is a member of `custom`: ask for `custom`")),
        }
    }

    /// Returns the JSON keys of a projection. If `fields` is empty, it selects all columns, whose keys are prepared.
    ///
    /// # Errors
    /// Returns `Invalid` if the model has no such field.
    pub fn keys(&self, fields: &[FieldName]) -> Result<JsonKeys> {
        if fields.is_empty() {
            return Ok(self.keys.clone());
        }
        for field in fields {
            self.stored(field.as_str())?;
        }
        Ok(JsonKeys::new(fields.iter().map(FieldName::as_str)))
    }

    pub(crate) fn project(&self, fields: &[FieldName]) -> Result<Projection<'_>> {
        if fields.is_empty() {
            return Ok(Projection {
                positions: (&*self.positions).into(),
                storages: (&*self.storages).into(),
            });
        }
        let positions = fields.iter().map(|f| self.stored(f.as_str())).collect::<Result<Vec<_>>>()?;
        let storages: Vec<_> = positions.iter().map(|&p| self.storages[p]).collect();
        Ok(Projection { positions: positions.into(), storages: storages.into() })
    }

    /// Returns the id as a key, ready to bind; `None` if it is of the other kind, which no row of the model has.
    pub(crate) fn key(&self, id: &RecordId) -> Option<Key> {
        match (self.model.id, id) {
            (IdKind::Integer, RecordId::Integer(_)) | (IdKind::Uuid, RecordId::Uuid(_)) => Some(id.into()),
            _ => None,
        }
    }
}

fn columns(model: &Model, ids: &HashMap<ModelName, IdKind>) -> Result<Vec<Column>> {
    let implicit = |name: &str, storage, key| {
        let name = FieldName::parse(name).map_err(|e| Error::new(Kind::Internal, e.to_string()))?;
        Ok::<_, Error>(Column { name, storage, nullable: false, indexed: key, most_bytes: None, unique: key })
    };
    let mut columns = vec![implicit("id", Storage::of_id(model.id), true)?];
    columns.extend(model.fields.iter().map(|field| Column {
        name: field.name.clone(),
        storage: storage(&field.kind, ids),
        nullable: !field.required,
        indexed: field.index || field.unique || matches!(field.kind, FieldKind::Ref { .. }),
        most_bytes: input::most_bytes(model, field),
        unique: field.unique,
    }));
    columns.push(implicit("created_at", Storage::Datetime, false)?);
    columns.push(implicit("updated_at", Storage::Datetime, false)?);
    columns.push(implicit("version", Storage::Integer, false)?);
    Ok(columns)
}

fn storage(kind: &FieldKind, ids: &HashMap<ModelName, IdKind>) -> Storage {
    let target = match kind {
        FieldKind::Ref { to, .. } => ids.get(to).copied().unwrap_or_default(),
        _ => IdKind::default(),
    };
    Storage::of(kind, target)
}

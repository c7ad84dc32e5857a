//! Models of one store compiled to SQL texts for both isolations. Built by the platform when its
//! configuration is loaded, used by every statement on records. There is no text here that reads or
//! writes a pooled table without `{tenant_field} = ?1`: `?1` is the tenant in every statement.

use crate::error::{Error, Kind, Result};
use crate::model::{Field, FieldKind, IdKind, Model, OnDelete};
use crate::name::{FieldName, ModelName, StoreName};
use crate::place::Isolation;
use crate::query::RecordId;
use crate::row::json::JsonKeys;
use crate::value::Value;
use rusqlite::types::{ToSql, ToSqlOutput};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// What confines a statement: which isolation, and for pooled tables which tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// Pooled or own database.
    pub isolation: Isolation,
    /// The tenant; 0 for system stores.
    pub tenant: i64,
    /// Generation of the placement, checked inside each write.
    pub generation: u64,
}

/// How a column is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// INTEGER.
    Integer,
    /// INTEGER 0 or 1.
    Boolean,
    /// INTEGER, scaled by ten to this power.
    Decimal(u32),
    /// TEXT, also choices.
    Text,
    /// TEXT `YYYY-MM-DD`.
    Date,
    /// TEXT `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
    Datetime,
    /// TEXT of 36 characters.
    Uuid,
    /// TEXT of valid JSON; also files.
    Json,
}

/// One column of a model.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: FieldName,
    /// How it is stored.
    pub storage: Storage,
    /// May hold null.
    pub nullable: bool,
    /// The id, a unique field, or a field with an index of its own.
    pub(crate) indexed: bool,
    /// At most one row has a value of it.
    pub(crate) unique: bool,
}

/// A field of a model of the same store that refers to this one.
#[derive(Debug, Clone)]
pub(crate) struct Referrer {
    pub(crate) model: ModelName,
    pub(crate) field: FieldName,
    pub(crate) on_delete: OnDelete,
}

/// SQL texts of one model in one isolation.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// `[m] AS t WHERE …`: what every read and delete starts from.
    pub(crate) from: String,
    /// `WHERE …` for updates and deletes, which have no alias.
    pub(crate) scope: String,
    /// All columns by id (`?2`).
    pub(crate) get: String,
    /// `?2` id, `?3` now, `?4`… fields in order.
    pub(crate) insert: String,
    /// `?2` id, `?3` expected version or null.
    pub(crate) delete: String,
    /// Column that the full-text index calls rowid.
    pub(crate) rowid: &'static str,
}

/// One model compiled.
#[derive(Debug)]
pub struct Plan {
    pub(crate) model: Arc<Model>,
    pub(crate) columns: Box<[Column]>,
    pub(crate) storages: Box<[Storage]>,
    pub(crate) referrers: Vec<Referrer>,
    /// Defaults of the declared fields, checked.
    pub(crate) defaults: Box<[Value]>,
    positions: Box<[usize]>,
    keys: JsonKeys,
    pooled: Texts,
    database: Texts,
}

/// All models of one store.
#[derive(Debug)]
pub struct Schema {
    store: StoreName,
    plans: HashMap<ModelName, Plan>,
}

impl Schema {
    /// Compiles the models of `store`. Models of other stores may be given too: they are not compiled,
    /// but tell the kind of key that references to them hold (without them it is taken to be integer).
    pub fn new(store: StoreName, models: Vec<Arc<Model>>) -> Result<Self> {
        let keys: HashMap<ModelName, IdKind> = models.iter().map(|m| (m.name.clone(), m.id)).collect();
        let own: Vec<_> = models.into_iter().filter(|m| m.store == store).collect();
        let mut plans = HashMap::with_capacity(own.len());
        for model in &own {
            plans.insert(model.name.clone(), Plan::new(model.clone(), &keys)?);
        }
        for model in &own {
            for (field, to, on_delete) in refs(model) {
                if let Some(plan) = plans.get_mut(to) {
                    plan.referrers.push(Referrer {
                        model: model.name.clone(),
                        field: field.name.clone(),
                        on_delete,
                    });
                }
            }
        }
        Ok(Self { store, plans })
    }

    /// The store.
    pub fn store(&self) -> &StoreName {
        &self.store
    }

    /// The model of that name, if it is of this store.
    pub fn model(&self, name: &str) -> Option<&Plan> {
        self.plans.get(name)
    }

    /// All models of the store.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.plans.values()
    }

    pub(crate) fn require(&self, name: &str) -> Result<&Plan> {
        self.model(name)
            .ok_or_else(|| Error::new(Kind::NotFound, format!("no model {name} in store {}", self.store)))
    }
}

/// Fields of a model that refer to another, with what a delete there does.
pub(crate) fn refs(model: &Model) -> impl Iterator<Item = (&Field, &ModelName, OnDelete)> {
    model.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Ref { to, on_delete } => Some((field, to, *on_delete)),
        _ => None,
    })
}

/// The columns of a query, all of them borrowed from the plan.
pub(crate) struct Projection<'p> {
    pub(crate) positions: Cow<'p, [usize]>,
    pub(crate) storages: Cow<'p, [Storage]>,
}

impl Plan {
    fn new(model: Arc<Model>, ids: &HashMap<ModelName, IdKind>) -> Result<Self> {
        let columns = columns(&model, ids)?;
        let defaults = model.fields.iter().map(|f| f.default_value().unwrap_or(Value::Null)).collect();
        Ok(Self {
            storages: columns.iter().map(|c| c.storage).collect(),
            positions: (0..columns.len()).collect(),
            keys: JsonKeys::new(columns.iter().map(|c| c.name.as_str())),
            pooled: texts(&model, &columns, Isolation::Pooled),
            database: texts(&model, &columns, Isolation::Database),
            referrers: vec![],
            defaults,
            columns: columns.into(),
            model,
        })
    }

    /// The model this was compiled from.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// All columns in order: id, fields, created_at, updated_at, version.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.as_str() == name)
    }

    pub(crate) fn require(&self, name: &str) -> Result<(usize, &Column)> {
        let found = self.columns.iter().enumerate().find(|(_, c)| c.name.as_str() == name);
        found.ok_or_else(|| Error::invalid(name, "unknown field"))
    }

    /// JSON keys of a projection; empty is all columns, which costs nothing.
    pub fn keys(&self, fields: &[FieldName]) -> Result<JsonKeys> {
        if fields.is_empty() {
            return Ok(self.keys.clone());
        }
        for field in fields {
            self.require(field.as_str())?;
        }
        Ok(JsonKeys::new(fields.iter().map(FieldName::as_str)))
    }

    pub(crate) fn texts(&self, isolation: Isolation) -> &Texts {
        match isolation {
            Isolation::Pooled => &self.pooled,
            Isolation::Database => &self.database,
        }
    }

    pub(crate) fn project(&self, fields: &[FieldName]) -> Result<Projection<'_>> {
        if fields.is_empty() {
            return Ok(Projection {
                positions: (&*self.positions).into(),
                storages: (&*self.storages).into(),
            });
        }
        let positions = fields.iter().map(|f| Ok(self.require(f.as_str())?.0)).collect::<Result<Vec<_>>>()?;
        let storages: Vec<_> = positions.iter().map(|&p| self.storages[p]).collect();
        Ok(Projection { positions: positions.into(), storages: storages.into() })
    }

    /// Appends `t.[a], t.[b]` of these columns.
    pub(crate) fn list(&self, out: &mut String, positions: &[usize]) {
        for (index, &position) in positions.iter().enumerate() {
            out.push_str(if index == 0 { "t.[" } else { ", t.[" });
            out.push_str(self.columns[position].name.as_str());
            out.push(']');
        }
    }

    /// ` RETURNING [a], [b]` of all columns.
    pub(crate) fn returning(&self) -> String {
        returning(&self.columns)
    }

    /// The id as it is bound; None when it is of the other kind, so that no row can have it.
    pub(crate) fn key(&self, id: &RecordId) -> Option<Key> {
        match (self.model.id, id) {
            (IdKind::Integer, RecordId::Integer(i)) => Some(Key::Integer(*i)),
            (IdKind::Uuid, RecordId::Uuid(u)) => Some(Key::uuid(*u)),
            _ => None,
        }
    }
}

/// A record id ready to bind, without a heap allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    Integer(i64),
    Text([u8; 36]),
}

impl Key {
    pub(crate) fn uuid(id: uuid::Uuid) -> Self {
        let mut text = [0; 36];
        id.hyphenated().encode_lower(&mut text);
        Self::Text(text)
    }
}

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(i) => ToSqlOutput::from(*i),
            Self::Text(t) => ToSqlOutput::Borrowed(rusqlite::types::ValueRef::Text(t)),
        })
    }
}

fn columns(model: &Model, ids: &HashMap<ModelName, IdKind>) -> Result<Vec<Column>> {
    let implicit = |name: &str, storage, key| {
        let name = FieldName::parse(name).map_err(|e| Error::new(Kind::Internal, e.to_string()))?;
        Ok::<_, Error>(Column { name, storage, nullable: false, indexed: key, unique: key })
    };
    let mut columns = vec![implicit("id", key_storage(model.id), true)?];
    columns.extend(model.fields.iter().map(|field| Column {
        name: field.name.clone(),
        storage: storage(&field.kind, ids),
        nullable: !field.required,
        indexed: field.index || field.unique || matches!(field.kind, FieldKind::Ref { .. }),
        unique: field.unique,
    }));
    columns.push(implicit("created_at", Storage::Datetime, false)?);
    columns.push(implicit("updated_at", Storage::Datetime, false)?);
    columns.push(implicit("version", Storage::Integer, false)?);
    Ok(columns)
}

fn key_storage(id: IdKind) -> Storage {
    match id {
        IdKind::Integer => Storage::Integer,
        IdKind::Uuid => Storage::Uuid,
    }
}

fn storage(kind: &FieldKind, ids: &HashMap<ModelName, IdKind>) -> Storage {
    match kind {
        FieldKind::Text { .. } | FieldKind::Choice { .. } => Storage::Text,
        FieldKind::Integer { .. } => Storage::Integer,
        FieldKind::Decimal { scale } => Storage::Decimal(*scale),
        FieldKind::Boolean => Storage::Boolean,
        FieldKind::Date => Storage::Date,
        FieldKind::Datetime => Storage::Datetime,
        FieldKind::Json | FieldKind::File { .. } => Storage::Json,
        FieldKind::Ref { to, .. } => key_storage(ids.get(to).copied().unwrap_or_default()),
    }
}

fn texts(model: &Model, columns: &[Column], isolation: Isolation) -> Texts {
    let (table, tenant) = (&model.name, &model.tenant_field);
    let (condition, from, tenant_column, tenant_value) = match isolation {
        Isolation::Pooled => {
            (format!("[{tenant}] = ?1"), format!("t.[{tenant}] = ?1"), format!("[{tenant}], "), "?1, ")
        }
        Isolation::Database => ("1".into(), "1".into(), String::new(), ""),
    };
    let from = format!("[{table}] AS t WHERE {from}");
    let (mut all, mut names, mut values) = (String::new(), String::new(), String::new());
    for (index, column) in columns.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(all, "{comma}t.[{}]", column.name);
        let _ = write!(names, "{comma}[{}]", column.name);
        // id ?2, fields from ?4, both times ?3, version 1
        let _ = match columns.len() - index {
            1 => write!(values, ", 1"),
            2 | 3 => write!(values, ", ?3"),
            _ => write!(values, "{comma}?{}", if index == 0 { 2 } else { index + 3 }),
        };
    }
    let returning = returning(columns);
    Texts {
        get: format!("SELECT {all} FROM {from} AND t.[id] = ?2"),
        insert: format!(
            "INSERT INTO [{table}] ({tenant_column}{names}) VALUES ({tenant_value}{values}){returning}"
        ),
        delete: format!(
            "DELETE FROM [{table}] WHERE {condition} AND [id] = ?2 AND (?3 IS NULL OR [version] = ?3){returning}"
        ),
        rowid: if isolation == Isolation::Database && model.id == IdKind::Integer { "id" } else { "_row" },
        scope: format!("WHERE {condition}"),
        from,
    }
}

fn returning(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|c| format!("[{}]", c.name)).collect();
    format!(" RETURNING {}", names.join(", "))
}

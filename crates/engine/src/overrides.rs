//! A tenant's own values for fields of shared rows, and the entries that it added to a shared model, as stored in its
//! override rows.

use crate::{
    cell::{Raw, stored, value},
    error::{Error, Kind, Result},
    input::check,
    name::FieldName,
    query::RecordId,
    row::{Row, Visit},
    schema::{Column, Plan},
    value::{Value, ValueRef},
};
use serde_json::{Map, Value as Json};

/// A tenant's changes to one shared row, or an entry that it added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideRow {
    /// Id of the shared row, or of the entry.
    pub id: RecordId,
    /// JSON object: field → stored representation, as [`changes`] returns it.
    pub changes: String,
    /// For an entry that the tenant added: the values that the platform sets.
    pub added: Option<Stamps>,
}

/// The values of an added entry that the platform sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamps {
    /// Time at which the tenant added the entry.
    pub created_at: jiff::Timestamp,
    /// Time of the last change of the entry.
    pub updated_at: jiff::Timestamp,
    /// Version of the entry.
    pub version: i64,
}

impl OverrideRow {
    /// Returns the tenant's changes to a shared row.
    pub fn of_shared(id: RecordId, changes: impl Into<String>) -> Self {
        Self { id, changes: changes.into(), added: None }
    }

    fn json(&self) -> Result<Json> {
        serde_json::from_str(&self.changes)
            .map_err(|e| Error::with_source(Kind::Corrupt, "changes of an override are not JSON", e))
    }
}

/// Columns of a `{model}_overrides` model that [`CollectOverrides`] reads, in this order.
pub const COLUMNS: [&str; 5] = ["shared_id", "changes", "created_at", "updated_at", "version"];

/// Returns true if the id is one of an entry that a tenant added. No shared row has such an id: integers of shared rows
/// are positive, and their UUIDs have version 7.
pub fn is_added(id: &RecordId) -> bool {
    match id {
        RecordId::Integer(id) => *id < 0,
        RecordId::Uuid(id) => id.get_version_num() == ADDED_VERSION,
    }
}

/// Version of the UUIDs of added entries.
const ADDED_VERSION: usize = 8;

/// Returns a new UUID for an added entry.
pub fn new_added_uuid() -> uuid::Uuid {
    let mut bytes = *uuid::Uuid::now_v7().as_bytes();
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    uuid::Uuid::from_bytes(bytes)
}

/// Collects override rows from a read of [`COLUMNS`] of a `{model}_overrides` model.
#[derive(Debug, Default)]
pub struct CollectOverrides {
    /// The rows collected so far.
    pub rows: Vec<OverrideRow>,
}

impl Visit for CollectOverrides {
    fn row(&mut self, row: &dyn Row) {
        let id = match row.get(0) {
            ValueRef::Integer(i) => RecordId::Integer(i),
            ValueRef::Text(t) | ValueRef::Plain(t) => match t.parse() {
                Ok(id) => RecordId::Uuid(id),
                Err(_) => return,
            },
            _ => return,
        };
        if let ValueRef::Json(changes) = row.get(1) {
            let added = if is_added(&id) { stamps(row) } else { None };
            self.rows.push(OverrideRow { id, changes: changes.into(), added });
        }
    }
}

fn stamps(row: &dyn Row) -> Option<Stamps> {
    let instant = |index| match Value::from(row.get(index)) {
        Value::DateTime(at) => Some(at),
        _ => None,
    };
    let ValueRef::Integer(version) = row.get(4) else { return None };
    Some(Stamps { created_at: instant(2)?, updated_at: instant(3)?, version })
}

/// Checks values and returns them as the `changes` of an override row of this shared model.
///
/// # Errors
/// Returns `Invalid` for a field that cannot be overridden, or for a value that its field does not allow.
pub fn changes(plan: &Plan, values: &[(FieldName, Value)]) -> Result<Json> {
    packed(plan, values, |name| overridable(plan, name)).map(Json::Object)
}

fn packed(
    plan: &Plan,
    values: &[(FieldName, Value)],
    may_have: impl Fn(&FieldName) -> bool,
) -> Result<Map<String, Json>> {
    let mut out = Map::new();
    for (name, value) in values {
        let refuse = |rule| Error::invalid(name.as_str(), rule);
        let field = plan.model.field(name.as_str()).ok_or_else(|| refuse("unknown field".into()))?;
        if !may_have(name) {
            return Err(refuse("cannot be overridden".into()));
        }
        check(field, value)?;
        let (_, column) = plan.require(name.as_str())?;
        out.insert(name.to_string(), stored(column.storage, value).map_err(refuse)?.to_json());
    }
    Ok(out)
}

/// Returns the values in the `changes` of an override row, without fields that can no longer be overridden.
pub fn values(plan: &Plan, changes: &Json) -> Vec<(FieldName, Value)> {
    let known = plan.columns.iter().filter(|column| overridable(plan, &column.name));
    known.filter_map(|column| Some((column.name.clone(), own_value(column, changes)?))).collect()
}

/// Returns the value of a column in the changes of an override row; `None` if they do not have it.
fn own_value(column: &Column, changes: &Json) -> Option<Value> {
    let raw = match changes.get(column.name.as_str())? {
        Json::Null => Raw::Null,
        Json::Number(n) => Raw::Integer(n.as_i64()?),
        Json::String(s) => Raw::Text(s.as_bytes()),
        _ => return None,
    };
    Some(Value::from(value(column.storage, raw)?))
}

/// Checks the values of an entry that a tenant adds, or of a change of it, and returns them as stored in its override
/// row.
///
/// # Errors
/// Returns `Invalid` for an unknown field, or for a value that its field does not allow.
pub fn entry(plan: &Plan, values: &[(FieldName, Value)]) -> Result<Map<String, Json>> {
    packed(plan, values, |_| true)
}

/// Returns the entry of these values with all fields: a field without a value has its default.
///
/// # Errors
/// Returns the errors of [`entry`].
pub fn whole_entry(plan: &Plan, values: &[(FieldName, Value)]) -> Result<Map<String, Json>> {
    let given = entry(plan, values)?;
    let mut all = Map::new();
    for (column, default) in plan.columns[1..].iter().zip(&plan.defaults) {
        let name = column.name.as_str();
        let default = stored(column.storage, default).map_err(|rule| Error::invalid(name, rule))?;
        all.insert(name.to_owned(), given.get(name).cloned().unwrap_or_else(|| default.to_json()));
    }
    Ok(all)
}

/// Returns the rows of the entries that the tenant added, with all columns in order.
///
/// # Errors
/// Returns `Corrupt` if the changes of an override are not JSON.
pub(crate) fn added(plan: &Plan, rows: &[OverrideRow]) -> Result<Vec<Vec<Value>>> {
    if !adds(plan) {
        return Ok(vec![]);
    }
    let entries = rows.iter().filter_map(|row| Some((row, row.added.as_ref()?)));
    entries
        .filter(|(row, _)| plan.key(&row.id).is_some())
        .map(|(row, stamps)| entry_row(plan, row, stamps))
        .collect()
}

/// Returns all columns of an added entry.
///
/// # Errors
/// Returns `Corrupt` if its changes are not JSON.
pub fn entry_row(plan: &Plan, row: &OverrideRow, stamps: &Stamps) -> Result<Vec<Value>> {
    let changes = row.json()?;
    let mut cells = Vec::with_capacity(plan.columns.len());
    cells.push(match &row.id {
        RecordId::Integer(id) => Value::Integer(*id),
        RecordId::Uuid(id) => Value::Uuid(*id),
    });
    for (column, default) in plan.columns[1..].iter().zip(&plan.defaults) {
        cells.push(own_value(column, &changes).unwrap_or_else(|| default.clone()));
    }
    cells.extend([
        Value::DateTime(stamps.created_at),
        Value::DateTime(stamps.updated_at),
        stamps.version.into(),
    ]);
    Ok(cells)
}

/// Returns true if tenants may add entries of their own to the model.
fn adds(plan: &Plan) -> bool {
    plan.model.overrides.as_ref().is_some_and(|overrides| overrides.add)
}

/// Returns true if a tenant may override the field.
pub(crate) fn overridable(plan: &Plan, name: &FieldName) -> bool {
    plan.model.overrides.as_ref().is_some_and(|o| o.fields.contains(name))
}

/// Returns the override rows whose searched texts are not those of a shared row.
pub(crate) fn touching<'r>(plan: &Plan, rows: &'r [OverrideRow]) -> Vec<&'r OverrideRow> {
    let searched: Vec<_> =
        plan.model.fields.iter().filter(|f| f.search && overridable(plan, &f.name)).collect();
    let touches = |row: &&OverrideRow| {
        if row.added.is_some() {
            return adds(plan);
        }
        let changes: Json = serde_json::from_str(&row.changes).unwrap_or_default();
        searched.iter().any(|field| changes.get(field.name.as_str()).is_some())
    };
    rows.iter().filter(touches).collect()
}

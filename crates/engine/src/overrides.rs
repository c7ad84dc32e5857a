//! A tenant's own values for fields of shared rows, as stored in its override rows.

use crate::{
    cell::{Raw, stored, value},
    error::{Error, Result},
    input::check,
    name::FieldName,
    query::RecordId,
    row::{Row, Visit},
    schema::Plan,
    value::{Value, ValueRef},
};
use serde_json::Value as Json;

/// A tenant's changes to one shared row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideRow {
    /// Id of the shared row.
    pub id: RecordId,
    /// JSON object: field → stored representation, as [`changes`] returns it.
    pub changes: String,
}

/// Collects override rows from a read of `shared_id` and `changes` of a `{model}_overrides` model.
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
            self.rows.push(OverrideRow { id, changes: changes.into() });
        }
    }
}

/// Checks values and returns them as the `changes` of an override row of this shared model.
///
/// # Errors
/// Returns `Invalid` for a field that cannot be overridden, or for a value that its field does not allow.
pub fn changes(plan: &Plan, values: &[(FieldName, Value)]) -> Result<Json> {
    let mut out = serde_json::Map::new();
    for (name, value) in values {
        let refuse = |rule| Error::invalid(name.as_str(), rule);
        let field = plan.model.field(name.as_str()).ok_or_else(|| refuse("unknown field".into()))?;
        if !overridable(plan, name) {
            return Err(refuse("cannot be overridden".into()));
        }
        check(field, value)?;
        let (_, column) = plan.require(name.as_str())?;
        out.insert(name.to_string(), stored(column.storage, value).map_err(refuse)?.to_json());
    }
    Ok(Json::Object(out))
}

/// Returns the values in the `changes` of an override row, without fields that can no longer be overridden.
pub fn values(plan: &Plan, changes: &Json) -> Vec<(FieldName, Value)> {
    let known = plan.columns.iter().filter(|column| overridable(plan, &column.name));
    let seen = known.filter_map(|column| {
        let raw = match changes.get(column.name.as_str())? {
            Json::Null => Raw::Null,
            Json::Number(n) => Raw::Integer(n.as_i64()?),
            Json::String(s) => Raw::Text(s.as_bytes()),
            _ => return None,
        };
        Some((column.name.clone(), Value::from(value(column.storage, raw)?)))
    });
    seen.collect()
}

/// Returns true if a tenant may override the field.
pub(crate) fn overridable(plan: &Plan, name: &FieldName) -> bool {
    plan.model.overrides.as_ref().is_some_and(|o| o.fields.contains(name))
}

/// Returns the override rows that change a text that is searched.
pub(crate) fn touching<'r>(plan: &Plan, rows: &'r [OverrideRow]) -> Vec<&'r OverrideRow> {
    let searched: Vec<_> =
        plan.model.fields.iter().filter(|f| f.search && overridable(plan, &f.name)).collect();
    let touches = |row: &&OverrideRow| {
        let changes: Json = serde_json::from_str(&row.changes).unwrap_or_default();
        searched.iter().any(|field| changes.get(field.name.as_str()).is_some())
    };
    rows.iter().filter(touches).collect()
}

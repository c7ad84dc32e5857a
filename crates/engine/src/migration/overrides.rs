//! Renames fields in overrides of shared models: tenants' databases store overrides by field name, so a rename must
//! reach them.
//!
//! `diff.rs` calls it.

use super::{Op, State, Statements};
use crate::{
    model::Model,
    name::{FieldName, ModelName},
};

/// Returns the automatic model for overrides of a field, if tenants' databases have it.
pub(super) fn overrides_of(
    declared: &[Model],
    state: &State,
    model: &ModelName,
    field: &FieldName,
) -> Option<Model> {
    let model = declared.iter().find(|m| m.name == *model)?;
    model.overrides.as_ref().filter(|o| o.add || o.fields.contains(field))?;
    model.override_model().filter(|automatic| state.model(automatic.name.as_str()).is_some())
}

/// Returns the operation on tenants' databases that goes with the rename of a field of a shared model.
pub(super) fn rename_override(
    declared: &[Model],
    state: &State,
    model: &ModelName,
    from: &FieldName,
    to: &FieldName,
) -> Option<Op> {
    let automatic = overrides_of(declared, state, model, to)?;
    let table = &automatic.name;
    let statements = Statements {
        sqlite: vec![format!(
            "UPDATE \"{table}\" SET changes = json_remove(json_set(changes, '$.{to}', json(changes -> '$.{from}')), \
             '$.{from}') WHERE json_type(changes, '$.{from}') IS NOT NULL"
        )],
        postgres: vec![format!(
            "UPDATE \"{table}\" SET changes = (SELECT '{{' || string_agg(to_json(CASE key WHEN '{from}' THEN '{to}' ELSE key \
             END)::text || ':' || value, ',' ORDER BY key = '{from}', place) || '}}' FROM json_each(changes) WITH ORDINALITY \
             AS each(key, value, place) WHERE key <> '{to}')::json WHERE changes -> '{from}' IS NOT NULL"
        )],
        mongo: vec![format!(
            "{{\"update\": \"{table}\", \"updates\": [{{\"q\": {{}}, \"u\": {{\"$rename\": \
             {{\"changes.{from}\": \"changes.{to}\"}}}}, \"multi\": true}}]}}"
        )],
    };
    Some(Op::Data { store: automatic.store, statements })
}

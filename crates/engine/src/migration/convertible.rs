//! Which field types can become which, keeping every value. Engines carry it out; `diff` asks first.

use super::State;
use crate::model::{FieldKind, IdKind, default::typed};
use crate::value::Value;
use serde_json::Value as Json;

/// Whether values of `from` can become values of `to` without loss, or be refused one by one.
pub(crate) fn convertible(from: &FieldKind, to: &FieldKind) -> bool {
    use FieldKind as K;
    if std::mem::discriminant(from) == std::mem::discriminant(to) {
        return true;
    }
    matches!(
        (from, to),
        (K::Integer { .. }, K::Decimal { .. } | K::Boolean | K::Text { .. } | K::Ref { .. })
            | (K::Decimal { .. } | K::Boolean, K::Integer { .. })
            | (K::Ref { .. }, K::Integer { .. } | K::Text { .. })
            | (K::Text { .. }, K::Integer { .. } | K::Date | K::Choice { .. } | K::Ref { .. })
            | (K::Choice { .. }, K::Text { .. })
            | (K::Date, K::Datetime)
            | (K::Datetime, K::Date)
    )
}

/// The same, knowing the models: a reference becomes only what can hold the ids it has.
pub(crate) fn convertible_in(state: &State, from: &FieldKind, to: &FieldKind) -> bool {
    let refers = matches!(from, FieldKind::Ref { .. }) || matches!(to, FieldKind::Ref { .. });
    convertible(from, to) && (!refers || ids_held(state, from) == ids_held(state, to))
}

/// The kind of id a field could hold. A model that is not there yet has none.
fn ids_held(state: &State, kind: &FieldKind) -> Option<IdKind> {
    match kind {
        FieldKind::Ref { to, .. } => state.model(to.as_str()).map(|m| m.id),
        FieldKind::Integer { .. } => Some(IdKind::Integer),
        FieldKind::Text { .. } => Some(IdKind::Uuid),
        _ => None,
    }
}

/// A value to put into rows that exist already. Like a default, but a reference may be given: an id.
pub fn fill_value(kind: &FieldKind, json: &Json) -> Result<Value, String> {
    match (kind, json) {
        (FieldKind::Ref { .. }, Json::Number(n)) if n.is_i64() => {
            Ok(Value::Integer(n.as_i64().unwrap_or_default()))
        }
        (FieldKind::Ref { .. }, Json::String(s)) => {
            s.parse().map(Value::Uuid).map_err(|_| format!("{s:?} is neither a number nor a UUID"))
        }
        _ => typed(kind, json),
    }
}

//! Decides which field types can be converted to which other types without losing a value. Engines run the conversion;
//! `diff` checks first.

use super::State;
use crate::{
    model::{FieldKind, IdKind, default::typed},
    value::Value,
};
use serde_json::Value as Json;

/// Returns true if each value of `from` is either converted to `to` without loss or refused individually.
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

/// Returns true if each value of `from` is either converted to `to` without loss or refused individually. Unlike
/// [`convertible`], it knows the models: a reference can only be converted to a field that can hold its ids.
pub(crate) fn convertible_in(state: &State, from: &FieldKind, to: &FieldKind) -> bool {
    let refers = matches!(from, FieldKind::Ref { .. }) || matches!(to, FieldKind::Ref { .. });
    convertible(from, to) && (!refers || ids_held(state, from) == ids_held(state, to))
}

/// Returns the kind of id that a field can hold; `None` for a reference to a model that does not exist yet.
fn ids_held(state: &State, kind: &FieldKind) -> Option<IdKind> {
    match kind {
        FieldKind::Ref { to, .. } => state.model(to.as_str()).map(|m| m.id),
        FieldKind::Integer { .. } => Some(IdKind::Integer),
        FieldKind::Text { .. } => Some(IdKind::Uuid),
        _ => None,
    }
}

/// Checks and converts a value for existing rows. Follows the rules of defaults, but also accepts a reference, as an
/// id.
///
/// # Errors
/// Returns the reason why the value does not fit the kind.
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

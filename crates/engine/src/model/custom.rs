//! Custom fields: the field of a model that holds the values of the tenant's own fields, and the automatic model that
//! holds their definitions. Both are in the tenant's place, so everything that carries rows carries them.

use super::{Field, FieldKind, Model};

/// Name of the field that holds the values.
pub const FIELD: &str = "custom";
/// Name of the field of the automatic model that holds the definitions.
pub const DEFINITIONS: &str = "definitions";

impl Model {
    /// Returns true if tenants may add fields of their own.
    pub fn has_custom_fields(&self) -> bool {
        self.fields.iter().any(|field| field.kind == FieldKind::Custom)
    }

    /// Returns the automatic model that holds the definitions of the tenant's own fields, in one row with id 1. Its
    /// version changes with each definition. Returns `None` if the model has no custom fields, or if
    /// `{name}_custom_fields` is too long for a name ([`super::load`] refuses that).
    pub fn custom_model(&self) -> Option<Model> {
        if !self.has_custom_fields() {
            return None;
        }
        let definitions = Field::automatic(DEFINITIONS, FieldKind::Json)?;
        self.automatic("custom_fields", self.store.clone(), vec![definitions])
    }
}

/// Returns the field that holds the values of the tenant's own fields.
pub(super) fn values() -> Option<Field> {
    Some(Field { required: false, ..Field::automatic(FIELD, FieldKind::Custom)? })
}

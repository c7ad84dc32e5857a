//! Custom fields: the field of a model that holds the values of the tenant's own fields, and the automatic model that
//! holds their definitions. Both are in the tenant's place, so everything that carries rows carries them.

use super::{Field, FieldKind, Grant, IdKind, Model, Permissions};
use crate::name::{FieldName, ModelName, RoleName};

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
        let writers: Vec<Grant> =
            ["owner", "admin"].into_iter().filter_map(|r| RoleName::parse(r).ok()).map(Grant::Role).collect();
        let mut definitions = field(DEFINITIONS, FieldKind::Json)?;
        definitions.required = true;
        Some(Model {
            app: self.app.clone(),
            name: ModelName::parse(&format!("{}_custom_fields", self.name)).ok()?,
            label: format!("{}: custom fields", self.label),
            store: self.store.clone(),
            id: IdKind::Integer,
            display: None,
            fields: vec![definitions],
            indexes: Vec::new(),
            permissions: Permissions {
                read: vec![Grant::Any],
                create: writers.clone(),
                update: writers.clone(),
                delete: writers,
            },
            tenant_field: self.tenant_field.clone(),
            overrides: None,
            audit: true,
        })
    }
}

/// Returns the field that holds the values of the tenant's own fields.
pub(super) fn values() -> Option<Field> {
    field(FIELD, FieldKind::Custom)
}

fn field(name: &str, kind: FieldKind) -> Option<Field> {
    Some(Field {
        name: FieldName::parse(name).ok()?,
        kind,
        label: super::parse::human(name),
        required: false,
        unique: false,
        index: false,
        search: false,
        personal: false,
        default: None,
        consistent: true,
    })
}

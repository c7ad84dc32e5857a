//! The automatic model that holds a tenant's overrides of a shared model.

use super::{Field, FieldKind, Grant, IdKind, Model, Permissions};
use crate::name::{FieldName, ModelName, RoleName};

impl Model {
    /// Returns the model of the tenant store that holds a tenant's changes to rows of this shared model. Its fields are
    /// `shared_id` (unique) and `changes` (field → stored representation). Returns `None` without `overrides`, or if
    /// `{name}_overrides` is too long for a name ([`super::load`] refuses that).
    pub fn override_model(&self) -> Option<Model> {
        let overrides = self.overrides.as_ref()?;
        let shared = match self.id {
            IdKind::Integer => FieldKind::Integer { min: None, max: None },
            IdKind::Uuid => FieldKind::Text { max_length: Some(36) },
        };
        let mut shared_id = field("shared_id", shared)?;
        shared_id.unique = true;
        let writers: Vec<Grant> =
            ["owner", "admin"].into_iter().filter_map(|r| RoleName::parse(r).ok()).map(Grant::Role).collect();
        Some(Model {
            app: self.app.clone(),
            name: ModelName::parse(&format!("{}_overrides", self.name)).ok()?,
            label: format!("{}: overrides", self.label),
            store: overrides.store.clone(),
            id: IdKind::Integer,
            display: None,
            fields: vec![shared_id, field("changes", FieldKind::Json)?],
            indexes: Vec::new(),
            permissions: Permissions {
                read: vec![Grant::Any],
                create: writers.clone(),
                update: writers.clone(),
                delete: writers,
            },
            tenant_field: self.tenant_field.clone(),
            overrides: None,
            audit: self.audit,
        })
    }
}

fn field(name: &str, kind: FieldKind) -> Option<Field> {
    Some(Field {
        name: FieldName::parse(name).ok()?,
        kind,
        label: super::parse::human(name),
        required: true,
        unique: false,
        index: false,
        search: false,
        personal: false,
        default: None,
        consistent: true,
    })
}

//! What automatic models have in common: models that the platform adds for its own records in a tenant's place.

use super::{Field, FieldKind, Grant, IdKind, Model, Permissions, parse};
use crate::name::{FieldName, ModelName, RoleName, StoreName};

impl Model {
    /// Returns an automatic model of this one, called `{name}_{suffix}`: all members read it, owners and admins write
    /// it. Returns `None` if that is too long for a name.
    pub(super) fn automatic(&self, suffix: &str, store: StoreName, fields: Vec<Field>) -> Option<Model> {
        let writers: Vec<Grant> =
            ["owner", "admin"].into_iter().filter_map(|r| RoleName::parse(r).ok()).map(Grant::Role).collect();
        Some(Model {
            app: self.app.clone(),
            name: ModelName::parse(&format!("{}_{suffix}", self.name)).ok()?,
            label: format!("{}: {}", self.label, suffix.replace('_', " ")),
            store,
            id: IdKind::Integer,
            display: None,
            fields,
            indexes: Vec::new(),
            permissions: Permissions {
                read: vec![Grant::Any],
                create: writers.clone(),
                update: writers.clone(),
                delete: writers,
                read_only: false,
            },
            tenant_field: self.tenant_field.clone(),
            overrides: None,
            audit: true,
            reads: None,
            workflow: None,
        })
    }
}

impl Field {
    /// Returns a required field of an automatic model.
    pub(super) fn automatic(name: &str, kind: FieldKind) -> Option<Self> {
        Some(Self {
            name: FieldName::parse(name).ok()?,
            kind,
            label: parse::human(name),
            required: true,
            unique: false,
            index: false,
            search: false,
            personal: false,
            default: None,
            consistent: true,
        })
    }
}

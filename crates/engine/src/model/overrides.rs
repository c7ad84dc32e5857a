//! The automatic model that holds a tenant's overrides of a shared model.

use super::{Field, FieldKind, IdKind, Model};

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
        let mut shared_id = Field::automatic("shared_id", shared)?;
        shared_id.unique = true;
        let fields = vec![shared_id, Field::automatic("changes", FieldKind::Json)?];
        let model = self.automatic("overrides", overrides.store.clone(), fields)?;
        Some(Model { audit: self.audit, ..model })
    }
}

//! What one store holds: models, the migrations that make them, and a fingerprint of those.
//!
//! Made by [`super::Apps::load`]. The fingerprint is what the catalog records for each placement, so
//! that a run with nothing to do knows it without opening a database.

use crate::config::{Scope, StoreConfig};
use std::sync::Arc;
use tenantry_engine::{
    migration::{self, Migration},
    model::Model,
    name::StoreName,
};

/// The schema of one store.
#[derive(Debug, Clone)]
pub struct StoreSchema {
    /// Which store.
    pub store: StoreName,
    /// One of it, or one per tenant.
    pub scope: Scope,
    /// Its models, the automatic ones of overrides included.
    pub models: Vec<Arc<Model>>,
    /// Ids (`app/name`) of the migrations that touch it, in the order they run.
    pub migrations: Vec<String>,
    /// Version after all of them: 32 hex digits, the same on every machine.
    pub fingerprint: String,
}

impl StoreSchema {
    pub(super) fn new(store: &StoreConfig, models: &[Arc<Model>], migrations: &[Migration]) -> Self {
        let own: Vec<&Migration> = migrations.iter().filter(|m| m.touches(&store.name)).collect();
        Self {
            store: store.name.clone(),
            scope: store.scope,
            models: models.iter().filter(|model| model.store == store.name).cloned().collect(),
            fingerprint: migration::fingerprint(migrations, &store.name),
            migrations: own.iter().map(|migration| migration.id()).collect(),
        }
    }
}

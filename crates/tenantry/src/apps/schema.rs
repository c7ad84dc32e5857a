//! Schema of one store: its models, the migrations that create them, and a fingerprint of those migrations.
//!
//! [`super::Apps::load`] creates it. The catalog records the fingerprint for each placement, so a run with nothing to
//! do opens no database.

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
    /// Name of the store.
    pub store: StoreName,
    /// Whether the store has one database, or one per tenant.
    pub scope: Scope,
    /// Models of the store, including the automatic models of overrides.
    pub models: Vec<Arc<Model>>,
    /// Ids (`app/name`) of the migrations that change the store, in the order in which they run.
    pub migrations: Vec<String>,
    /// Version after all migrations: 32 hex digits, the same on every machine.
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

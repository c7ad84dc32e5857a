//! The platform: one value that owns the configuration, catalog, engine and files. Callers pass it on; it is never
//! global. Commands, the HTTP server and embedding programs all start here.

pub(crate) mod background;
pub(crate) mod data_dir;
pub mod databases;
pub mod demo;
pub(crate) mod health;
pub(crate) mod inner;
pub mod kinds;
pub(crate) mod loaded;
pub(crate) mod members;
pub(crate) mod open;
pub(crate) mod own_stores;
pub(crate) mod reload;
mod servers;
mod verbs;

use crate::{
    Result,
    access::Access,
    apps::{Apps, Labels},
    backups::service::BackupService,
    config::Config,
    control::{Control, clock::Clock},
    operations::{Context, Operations},
    records::{Records, Scope},
};
use inner::Inner;
use loaded::Loaded;
use std::sync::Arc;
use tenantry_engine::{
    ConnectionCounts, Descriptors, ReplicaReport,
    model::Model,
    name::{ServerName, StoreName},
};

/// An open installation. Cheap to clone.
#[derive(Clone)]
pub struct Platform(pub(crate) Arc<Inner>);

impl Platform {
    /// Returns the configuration with which the platform was opened.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Returns why nothing can be written, if [`Platform::open_to_read`] opened the platform for reading only.
    pub fn refused(&self) -> Option<&str> {
        self.0.refused.as_deref()
    }

    /// Returns the apps that are loaded now, with their models and migrations.
    pub fn apps(&self) -> Arc<Apps> {
        self.loaded().apps.clone()
    }

    /// Returns the number of the current load of apps. Each reload increases it, so anything computed under a smaller
    /// number is outdated.
    pub fn apps_number(&self) -> u64 {
        self.loaded().number
    }

    #[cfg(feature = "internals")]
    pub(crate) fn copies(&self) -> &crate::records::copies::Copies {
        &self.0.copies
    }

    pub(crate) fn loaded(&self) -> Arc<Loaded> {
        self.0.loaded.load_full()
    }

    /// Returns the services that operations use, with the databases of the apps that are loaded now.
    pub(crate) fn context(&self) -> Context {
        self.0.operations.context().with(self.loaded().databases.clone())
    }

    pub(crate) fn backup_service(&self) -> &BackupService {
        &self.0.operations.context().backups
    }

    /// Returns the present time by the platform's clock, in microseconds since 1970, UTC.
    pub fn now_us(&self) -> i64 {
        self.0.control.now_us()
    }

    /// Returns the platform's clock.
    pub fn clock(&self) -> &Clock {
        self.0.control.clock()
    }

    /// Checks that the control store can be read, and adopts the changes that other processes made in it.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn refresh(&self) -> Result<()> {
        self.0.control.refresh().await
    }

    /// Returns the control store. This project's tests reach it through the feature `internals`.
    pub(crate) fn control(&self) -> &Control {
        &self.0.control
    }

    /// Returns the access service: authentication and authorisation.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// Checks that the process could read every secret that a server needs. Commands do not need them.
    ///
    /// # Errors
    /// Returns [`crate::Error::Invalid`], which lists the missing secrets.
    pub fn check_secrets(&self) -> Result<()> {
        self.0.access.check_secrets()?;
        self.0.mailer.check_secrets()
    }

    /// Returns the journal's operations and the verbs on them.
    pub fn operations(&self) -> &Operations {
        &self.0.operations
    }

    /// Returns every model that apps declare, sorted by name.
    pub fn models(&self) -> Vec<Arc<Model>> {
        let loaded = self.loaded();
        let declared = loaded.models.values().filter(|entry| !entry.automatic);
        let mut models: Vec<_> = declared.map(|e| e.model.clone()).collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        models
    }

    /// Returns the store of a model; `None` if there is no such model.
    pub fn store_of(&self, model: &str) -> Option<StoreName> {
        self.loaded().entry(model).ok().map(|entry| entry.model.store.clone())
    }

    /// Returns the labels of models, fields, choices, roles and plans in a language.
    pub fn labels(&self, code: &str) -> Arc<Labels> {
        self.loaded().apps.labels(code).clone()
    }

    /// Returns the records of a model in an entered scope. A hidden model is treated as unknown.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] if the model is unknown or hidden.
    pub fn records<'a>(&'a self, scope: impl Into<Scope<'a>>, model: &str) -> Result<Records<'a>> {
        Records::new(&self.0, scope.into(), model)
    }

    /// Returns how this process divides its file descriptors.
    pub fn descriptors(&self) -> Descriptors {
        Descriptors::of_process(self.0.config.limits.open_databases)
    }

    /// Returns the number of database files that this process has open.
    pub fn open_databases(&self) -> usize {
        self.0.engine.open_databases()
    }

    /// Returns each PostgreSQL server, and whether it answered the last request to it.
    pub fn reachable(&self) -> Vec<(ServerName, bool)> {
        self.0.engine.reachable()
    }

    /// Returns how many connections this process has to each PostgreSQL server, and how many callers wait for one.
    pub fn connections(&self) -> Vec<(ServerName, ConnectionCounts)> {
        self.0.engine.connections()
    }

    /// Returns how many attached databases are open in this process, and how many connections they have.
    pub fn attached_databases(&self) -> (usize, usize) {
        self.0.engine.attached()
    }

    /// Returns the state of the read replicas of PostgreSQL servers.
    pub fn replicas(&self) -> Vec<ReplicaReport> {
        self.0.engine.replicas()
    }

    /// Returns each server with the free bytes on its disk, and whether that is less than `limits.disk_reserve`.
    pub fn disks(&self) -> Vec<(ServerName, u64, bool)> {
        let reserve = self.config().limits.disk_reserve;
        let known = self.0.engine.free_bytes().into_iter().filter_map(|(name, free)| Some((name, free?)));
        known.map(|(name, free)| (name, free, free < reserve)).collect()
    }

    /// Ends the membership of this process, and closes the databases cleanly. This must be the last call on the
    /// platform.
    pub async fn shutdown(&self) {
        self.0.control.leave().await;
        self.0.engine.shutdown().await;
    }
}

//! The state of an open installation: one value, shared by all clones of [`crate::Platform`].
//!
//! Each noun of the platform takes the services it uses from here. This module opens sessions in the platform's own
//! stores; `reroute` opens those in a tenant's stores.

use super::{
    background::Passes,
    data_dir::in_use::InUse,
    health::{checklist::DemoPasswords, room::Room},
    loaded::{Loaded, ModelEntry},
    own_stores::refused::Refused,
};
use crate::{
    Error, Result,
    access::Access,
    config::Config,
    control::Control,
    licences::usage::UsageQueue,
    mail::Mailer,
    operations::Operations,
    records::{copies::Copies, files::Files, references::leaving::LeavingRows},
    secrets::Secrets,
    tenants::databases::on_demand::CreationQueues,
    topology::Topology,
};
use arc_swap::ArcSwap;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};
use tenantry_engine::{Kind, Session, engine::Engine, place::Place, schema::Schema};

pub(crate) struct Inner {
    pub(crate) config: Config,
    /// Longest lag that reads at replicas may have; `None` without replicas.
    pub(crate) replica_lag: Option<Duration>,
    pub(crate) engine: Engine,
    pub(crate) control: Control,
    pub(crate) topology: Topology,
    pub(crate) access: Access,
    pub(crate) mailer: Mailer,
    pub(crate) operations: Operations,
    pub(crate) creating: CreationQueues,
    pub(crate) files: Files,
    /// Everything compiled from the apps; see [`crate::Platform::reload`].
    pub(crate) loaded: ArcSwap<Loaded>,
    /// Stores of the platform, and pools, in which a migration of the loaded apps was refused.
    pub(crate) behind: ArcSwap<Vec<Refused>>,
    /// Allows one reload at a time.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    /// Number of orphans that the last background pass found.
    pub(crate) orphans: AtomicU64,
    /// How full PostgreSQL servers were when they were last asked.
    pub(crate) rooms: ArcSwap<Vec<Room>>,
    pub(crate) passes: Passes,
    pub(crate) demo_passwords: DemoPasswords,
    pub(crate) leaving: LeavingRows,
    pub(crate) copies: Arc<Copies>,
    pub(crate) secrets: Secrets,
    /// Uses of features that wait to be counted.
    pub(crate) usage: UsageQueue,
    /// Number of the attachment up to which the last background pass checked databases.
    pub(crate) attachments_checked: AtomicI64,
    /// Allows one question about the rows of all tenants at a time.
    pub(crate) analysing: tokio::sync::Semaphore,
    /// Reason why nothing can be written, if [`crate::Platform::open_to_read`] opened the platform for reading only.
    pub(super) refused: Option<String>,
    pub(super) _in_use: InUse,
}

impl Inner {
    /// Returns the places of a model's store: one for a system store, otherwise one per tenant.
    pub(crate) async fn places_of_store(&self, entry: &ModelEntry) -> Result<Vec<Place>> {
        match &entry.place {
            Some(place) => Ok(vec![place.clone()]),
            None => crate::topology::places_of_store(&self.control, &entry.model.store).await,
        }
    }

    /// Returns why a store of the platform or a pool did not get the schema of the loaded apps. The text contains no
    /// private detail.
    pub(crate) fn reason_of(&self, place: &Place) -> Option<String> {
        let refused = self.behind.load();
        let of = |r: &&Refused| (&r.place.store, &r.place.physical) == (&place.store, &place.physical);
        refused.iter().find(of).map(|refused| refused.reason.clone())
    }

    /// Opens a session in a store of the platform.
    ///
    /// # Errors
    /// Returns [`Error::StoreBehind`] if the store lacks migrations, with the reason if one was refused.
    pub(crate) async fn system_session(&self, place: &Place, schema: &Arc<Schema>) -> Result<Session> {
        self.engine.session(place, schema).await.map_err(|error| match error.kind() {
            Kind::SchemaBehind => Error::StoreBehind {
                store: place.store.to_string(),
                reason: self.reason_of(place),
                detail: error.to_string(),
            },
            _ => error.into(),
        })
    }
}

//! Records: the operations on rows for embedders and the HTTP API. This module handles permissions, references across
//! stores, overrides, expansion, CSV and files; the engine does the rest.
//!
//! A [`Records`] exists only for a scope that was entered, and works on one model. It has no parameter that could name
//! another tenant.

mod bulk;
pub(crate) mod copies;
mod csv;
mod custom;
mod earlier;
mod entries;
mod expand;
mod file_fields;
pub mod files;
mod history;
mod json;
mod overrides;
mod paths;
mod planned;
mod read;
pub(crate) mod references;
pub(crate) mod views;
mod workflow;
mod write;

pub use self::csv::{
    CsvExport, CsvHead, DateOrder, DecimalMark, FileEncoding, Formats, Guess, ImportKey, ImportOptions,
    ImportReport, Reason, RowError, Separator,
};
pub(crate) use self::csv::{csv_line, forget as forget_imports, unguarded};
pub use bulk::{MAX_MATCHING, Matching};
pub use custom::{
    CustomChange, CustomField, CustomFields, CustomKind, MAX_CLEARED, MAX_CUSTOM_FIELDS, NewCustomField,
    Removed,
};
pub use earlier::{Differences, Differing, MAX_TAKEN_BACK, TakenBack};
pub use entries::MAX_ADDED;
pub(crate) use file_fields::{file_names, refused_file};
pub use files::{FileInfo, Upload};
pub use history::{Entry as HistoryEntry, FieldChange, History, Values as ChangedValues};
pub use overrides::OwnValues;
pub use paths::MAX_REFERRED;
pub(crate) use paths::compare;
pub use read::{Document, ListQuery, Page, Want};
pub use references::dependence::{Dependence, depends_on};
pub(crate) use references::dependence::{owners, record_id};
pub use references::impact::{Impact, ImpactBounds, MAX_NOTICING, MAX_OPENED, Noticing, Unasked};
pub use views::{NewView, View, ViewChange, Views};
pub use workflow::{Made, OfferedTransition, Standing};
pub use write::{Input, MAX_BATCH};

use crate::{
    Error, Result,
    access::{
        Actor, Positions, Tenant,
        gates::{self, Verb},
    },
    outcomes,
    platform::{
        inner::Inner,
        loaded::{Loaded, ModelEntry},
    },
    topology::TenantRecord,
};
use std::sync::{Arc, PoisonError, RwLock};
use tenantry_engine::{
    engine::Session,
    model::Model,
    name::TenantId,
    query::RecordId,
    schema::Schema,
    write::{Doubt, DoubtAct, Outcome, WriteOptions},
};

/// The owner of the records that are used.
#[derive(Clone, Copy)]
pub enum Scope<'a> {
    /// Inside a tenant: its own stores, and the shared ones as the tenant sees them.
    Tenant(&'a Tenant),
    /// Platform staff outside any tenant: system stores only.
    Staff(&'a Actor),
}

impl<'a> From<&'a Tenant> for Scope<'a> {
    fn from(tenant: &'a Tenant) -> Self {
        Self::Tenant(tenant)
    }
}

/// Records of one model in one scope.
pub struct Records<'a> {
    inner: &'a Arc<Inner>,
    scope: Scope<'a>,
    /// The apps that were loaded when this was created. A later reload does not affect it.
    loaded: Arc<Loaded>,
    entry: Arc<ModelEntry>,
    /// The tenant's record from the catalog, once its placements have changed since it was entered.
    moved: RwLock<Option<Arc<TenantRecord>>>,
    /// True if changes are checked and then undone.
    dry_run: bool,
    /// True if the activity log gets every change, even of a model that is not audited.
    logs_all: bool,
    positions: Positions,
    /// The tenant's own fields of the model, once they were read.
    custom: Option<custom::Known>,
}

impl<'a> Records<'a> {
    /// Returns the same error for a missing and a hidden model (`absent-not-forbidden`). The first verb checks the
    /// permissions.
    pub(crate) fn new(inner: &'a Arc<Inner>, scope: Scope<'a>, model: &str) -> Result<Self> {
        let records = Self::of_any(inner, scope, model)?;
        // Overrides are written through the shared model, which checks them.
        if records.entry.automatic {
            return Err(Error::NotFound("model"));
        }
        if let Scope::Tenant(tenant) = scope {
            tenant.require_store(&records.entry.model)?;
        }
        Ok(records)
    }

    /// Like [`Records::new`], but also accepts models that the platform generates.
    pub(crate) fn of_any(inner: &'a Arc<Inner>, scope: Scope<'a>, model: &str) -> Result<Self> {
        let mut loaded = inner.loaded.load_full();
        if let Scope::Tenant(tenant) = scope {
            loaded = loaded.of(tenant.record());
        }
        let positions = match scope {
            Scope::Tenant(tenant) => tenant.positions().clone(),
            Scope::Staff(_) => Positions::default(),
        };
        let entry = loaded.models.get(model).cloned().ok_or(Error::NotFound("model"))?;
        match (scope, entry.system) {
            // Staff outside a tenant have no tenant database.
            (Scope::Staff(_), false) => Err(Error::NotFound("model")),
            _ => {
                let moved = RwLock::default();
                Ok(Self {
                    inner,
                    scope,
                    loaded,
                    entry,
                    moved,
                    dry_run: false,
                    logs_all: false,
                    positions,
                    custom: None,
                })
            }
        }
    }

    /// Makes reads see the writes before these positions, and adds the positions of its own writes to them. Inside a
    /// tenant, [`Tenant::follow`] does this for all models.
    #[must_use]
    pub fn following(mut self, positions: &Positions) -> Self {
        self.positions = positions.clone();
        self
    }

    /// Sets whether changes are checked as if they were made, and then undone.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Returns the platform's time, in microseconds since 1970, UTC.
    pub fn now_us(&self) -> i64 {
        self.inner.control.now_us()
    }

    /// Returns the model.
    pub fn model(&self) -> &Arc<Model> {
        &self.entry.model
    }

    fn name(&self) -> &str {
        self.entry.model.name.as_str()
    }

    fn actor(&self) -> &Actor {
        match self.scope {
            Scope::Tenant(tenant) => tenant.actor(),
            Scope::Staff(actor) => actor,
        }
    }

    fn allow(&self, verb: Verb) -> Result<()> {
        self.allow_on(&self.entry, verb)
    }

    fn allow_on(&self, entry: &ModelEntry, verb: Verb) -> Result<()> {
        if gates::allows(self.actor(), &entry.model.permissions, verb) {
            Ok(())
        } else {
            Err(Error::Denied(format!("{verb:?} on {}", entry.model.name)))
        }
    }

    fn tenant_id(&self) -> Option<TenantId> {
        match self.scope {
            Scope::Tenant(tenant) => Some(tenant.id()),
            Scope::Staff(_) => None,
        }
    }

    /// Opens a session for an answer that a read replica may give. Reads on which a write depends use
    /// [`Records::session`].
    async fn reading(&self) -> Result<Session> {
        self.reading_of(&self.entry).await
    }

    async fn reading_of(&self, entry: &ModelEntry) -> Result<Session> {
        Ok(self.session_of(entry).await?.may_lag().after(self.positions.brought()).await)
    }

    async fn session(&self) -> Result<Session> {
        self.session_of(&self.entry).await
    }

    async fn session_of(&self, entry: &ModelEntry) -> Result<Session> {
        self.session_with(entry, self.schema_of(entry)).await
    }

    async fn session_with(&self, entry: &ModelEntry, schema: &Arc<Schema>) -> Result<Session> {
        match (&entry.place, self.scope) {
            (Some(system), _) => self.inner.system_session(system, schema).await,
            (None, Scope::Tenant(tenant)) => {
                let moved = self.moved();
                let store = &entry.model.store;
                let opened = self.inner.open(tenant, moved.as_deref(), store, schema).await?;
                self.remember(opened.moved);
                Ok(opened.session)
            }
            (None, Scope::Staff(_)) => Err(Error::NotFound("model")),
        }
    }

    fn moved(&self) -> Option<Arc<TenantRecord>> {
        self.moved.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, moved: Option<Arc<TenantRecord>>) {
        if moved.is_some() {
            *self.moved.write().unwrap_or_else(PoisonError::into_inner) = moved;
        }
    }

    /// Finds out whether a write was stored; see [`crate::Platform::outcome`]. The tenant's overrides of shared rows
    /// have no permissions of their own.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not perform the write itself.
    pub(crate) async fn outcome(&self, doubt: &Doubt) -> Result<Outcome> {
        if !self.entry.automatic {
            self.allow(match doubt.act() {
                DoubtAct::Create => Verb::Create,
                DoubtAct::Update => Verb::Update,
                DoubtAct::Delete => Verb::Delete,
            })?;
        }
        Ok(self.session().await?.outcome(doubt).await?)
    }

    /// Converts an error of a write.
    fn refused(&self, error: tenantry_engine::Error) -> Error {
        outcomes::of_write(error, self.tenant_id(), self.actor().label())
    }

    fn options_for(&self, entry: &ModelEntry) -> WriteOptions {
        let limits = match (entry.system, self.scope) {
            (false, Scope::Tenant(tenant)) => Some(tenant.limits()),
            _ => None,
        };
        let impersonator = self.actor().impersonator().map(str::to_owned);
        WriteOptions {
            max_rows: limits.and_then(|l| l.rows),
            max_bytes: limits.and_then(|l| l.bytes),
            actor: self.actor().label().to_owned(),
            log_all: self.logs_all || impersonator.is_some() || entry.system || entry.automatic,
            personal: Arc::default(),
            dry_run: self.dry_run,
            impersonator,
        }
    }

    /// Parses an id. An id that cannot belong to this model names no record (`absent-not-forbidden`).
    pub(crate) fn parse_id(&self, text: &str) -> Result<RecordId> {
        read::parse_id(&self.entry.model, text).ok_or(Error::NotFound("record"))
    }
}

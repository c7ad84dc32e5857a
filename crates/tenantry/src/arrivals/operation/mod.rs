//! Creates a tenant from copies: the part that clone, import and restore-as-new have in common.
//!
//! Steps: check | copies into scratch | record | adopt, files | subscribe, owner, activate. No user can enter the
//! tenant before `activate`. A [`Source`] supplies the copies and files: a live tenant, an archive or a backup.

mod steps;

use crate::{
    Error, Result,
    audit::By,
    control::Write,
    tenants::{self, NewTenant},
    topology::{NewPlacement, Policy},
};
use crate::{
    operations::{Context, Operation, Step, step},
    tenants::provision::Owner,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    future::Future,
    path::{Path, PathBuf},
};
use tenantry_engine::{
    name::{RoleName, Slug, StoreName, TenantId, UserId},
    place::Place,
};

/// The tenant to create.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Arriving {
    pub(crate) by: By,
    pub(crate) new: NewTenant,
    /// Code of the plan on which the tenant starts.
    pub(crate) plan: String,
    /// First member of the tenant; `None` if staff add members later.
    pub(crate) owner: Option<(Owner, RoleName)>,
    /// Reason given for this owner, if any. Operations of older versions have none.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Users who also become members of the new tenant.
    pub(crate) members: Vec<(UserId, RoleName)>,
    /// Placement of each store of the tenant.
    pub(crate) placements: Vec<NewPlacement>,
}

/// Source of the copies. Clone, import and restore each implement this trait.
pub(crate) trait Source: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Name of the operation in the journal.
    const KIND: &'static str;

    /// Name of the step that brings the copies into scratch.
    const BRING: &'static str;

    /// Action in the audit log.
    const ACTION: &'static str;

    /// Short description of the operation for operators.
    fn what(&self, new: &Slug) -> String;

    /// Returns details for the audit log, in addition to rows and files.
    fn detail(&self) -> serde_json::Value;

    /// Adds the fields of this source to the outcome.
    fn add_outcome(&self, _: &mut serde_json::Value) {}

    /// Reports an error that would otherwise fail the operation later.
    fn check(&self, _: &mut Write) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Brings verified copies of these stores into scratch. A store without rows has no copy.
    fn bring(
        &mut self,
        context: &Context,
        stores: &[StoreName],
    ) -> impl Future<Output = Result<Vec<CopyOf>>> + Send;

    /// Brings the files that the copies name to the new tenant. Returns their number.
    fn files(
        &self,
        context: &Context,
        copies: &[CopyOf],
        tenant: TenantId,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Notes what the error of an outside step says about the source.
    ///
    /// # Errors
    /// Returns the error that replaces `error` if `error` says nothing about the source.
    fn note(&mut self, _: &Context, _: &Error) -> Result<()> {
        Ok(())
    }

    /// Records what the undone operation found out about the source.
    fn undone(&self, _: &mut Write, _: &By) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Converts an engine error to the error to show if a copy cannot be adopted at this place.
    fn refused(&self, _: &Place, error: tenantry_engine::Error) -> Error {
        error.into()
    }
}

/// State of the operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Arrival<S> {
    wanted: Arriving,
    source: S,
    /// Copies in scratch, one for each store that has rows.
    copies: Vec<CopyOf>,
    tenant: Option<TenantId>,
    placed: Vec<Placed>,
    user: Option<UserId>,
    /// Number of files brought.
    files: u64,
    /// Number of rows brought.
    rows: u64,
}

/// A copy in scratch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CopyOf {
    pub(super) store: StoreName,
    /// Tenant whose id the rows of the copy carry.
    pub(super) of: TenantId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Placed {
    place: Place,
    policy: Policy,
    schema_version: Option<String>,
}

impl<S> Arrival<S> {
    /// Returns the initial state of the operation.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the new tenant's name or e-mail address is not valid.
    pub(super) fn new(wanted: Arriving, source: S) -> Result<Self> {
        tenants::check(&wanted.new)?;
        let (copies, placed) = (vec![], vec![]);
        Ok(Self { wanted, source, copies, tenant: None, placed, user: None, files: 0, rows: 0 })
    }

    fn id(&self) -> Result<TenantId> {
        self.tenant.ok_or_else(|| Error::Internal("arrival before the tenant is recorded".into()))
    }
}

impl<S: Source> Operation for Arrival<S> {
    const KIND: &'static str = S::KIND;

    fn steps() -> &'static [Step<Self>] {
        const {
            &[
                Step::Control { name: "check", run: steps::check, undo: Some(steps::undone) },
                Step::Outside { name: S::BRING, run: steps::bring, undo: step::leave },
                Step::Control { name: "record", run: steps::record, undo: Some(steps::unrecord) },
                Step::Outside { name: "adopt", run: steps::adopt, undo: steps::remove },
                Step::Outside { name: "files", run: steps::files, undo: steps::unfile },
                Step::Control { name: "subscribe", run: steps::subscribe, undo: None },
                Step::Control { name: "owner", run: steps::own, undo: None },
                Step::Control { name: "activate", run: steps::activate, undo: None },
            ]
        }
    }

    fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    fn by(&self) -> &By {
        &self.wanted.by
    }

    fn what(&self) -> String {
        self.source.what(&self.wanted.new.slug)
    }

    fn outcome(&self) -> serde_json::Value {
        let mut outcome = serde_json::json!({
            "tenant": self.tenant, "slug": self.wanted.new.slug, "user": self.user, "rows": self.rows,
            "files": self.files,
        });
        self.source.add_outcome(&mut outcome);
        outcome
    }
}

/// Returns the path in scratch of the copy of `store`.
pub(crate) fn copy_path(scratch: &Path, store: &StoreName) -> PathBuf {
    scratch.join(format!("{store}.sqlite"))
}

impl CopyOf {
    /// Returns the path of this copy in scratch.
    pub(super) fn path(&self, scratch: &Path) -> PathBuf {
        copy_path(scratch, &self.store)
    }
}

//! A tenant that is made from copies: what cloning, importing and restoring as a new tenant share.
//!
//! check | copies into scratch | record | adopt, files | subscribe, owner, activate. Nobody can enter before the
//! last of them. Where copies and files come from is a [`Source`]: a live tenant, an archive, a backup.

mod steps;

use super::{Operation, Owner, Step, World, step};
use crate::{
    Error, Result,
    audit::By,
    control::Write,
    tenants::{self, NewTenant},
    topology::{NewPlacement, Policy},
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

/// The tenant to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Arriving {
    pub(crate) by: By,
    pub(crate) new: NewTenant,
    /// Code of the plan it starts on.
    pub(crate) plan: String,
    /// Its first member; none: staff adds members later.
    pub(crate) owner: Option<(Owner, RoleName)>,
    /// Why that owner, where it was said; operations of older versions have none.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Users who come along.
    pub(crate) members: Vec<(UserId, RoleName)>,
    /// Where each of its stores goes.
    pub(crate) placements: Vec<NewPlacement>,
}

/// What the copies come from: what cloning, importing and restoring do each in its own way.
pub(super) trait Source: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Name of the operation in the journal.
    const KIND: &'static str;

    /// Name of the step that brings the copies to scratch.
    const BRING: &'static str;

    /// What the audit log calls the operation.
    const ACTION: &'static str;

    /// What the operation does, for people and in a few words.
    fn what(&self, new: &Slug) -> String;

    /// What the audit log tells of it besides rows and files.
    fn detail(&self) -> serde_json::Value;

    /// Adds what is of its own to the outcome.
    fn add_outcome(&self, _: &mut serde_json::Value) {}

    /// Finds early what would make it fail.
    fn check(&self, _: &mut Write) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Brings copies of these stores to scratch, verified; those that have rows.
    fn bring(
        &mut self,
        world: &World,
        stores: &[StoreName],
    ) -> impl Future<Output = Result<Vec<CopyOf>>> + Send;

    /// Brings the files that the copies name to the new tenant; how many.
    fn files(
        &self,
        world: &World,
        copies: &[CopyOf],
        tenant: TenantId,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// What to tell people when a copy cannot be taken over to this place.
    fn refused(&self, _: &Place, error: tenantry_engine::Error) -> Error {
        error.into()
    }
}

/// State of the operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Arrival<S> {
    wanted: Arriving,
    source: S,
    /// Copies in scratch, one for each store that has rows.
    copies: Vec<CopyOf>,
    tenant: Option<TenantId>,
    placed: Vec<Placed>,
    user: Option<UserId>,
    /// Files that came along.
    files: u64,
    /// Rows that came along.
    rows: u64,
}

/// A copy in scratch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CopyOf {
    pub(super) store: StoreName,
    /// Whose rows it carries inside.
    pub(super) of: TenantId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Placed {
    place: Place,
    policy: Policy,
    schema_version: Option<String>,
}

impl<S> Arrival<S> {
    /// Refuses a form that is not one.
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
                Step::Control { name: "check", run: steps::check, undo: Some(step::nothing) },
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

/// Where the copy of a store lies in scratch.
pub(super) fn copy_path(scratch: &Path, store: &StoreName) -> PathBuf {
    scratch.join(format!("{store}.sqlite"))
}

impl CopyOf {
    /// Where it lies.
    pub(super) fn path(&self, scratch: &Path) -> PathBuf {
        copy_path(scratch, &self.store)
    }
}

//! A tenant that is made from copies: what cloning, importing and restoring as a new tenant share.
//!
//! check | copies into scratch | record | adopt, files | subscribe, owner, activate. Nobody can enter before the
//! last of them.

mod steps;

pub(super) use steps::{file_ids, refuse_foreign};

use super::{Operation, Owner, Step, World, step};
use crate::{
    Error, Result,
    audit::By,
    control::Write,
    tenants::{self, NewTenant},
    topology::{NewPlacement, Policy},
};
use futures_util::future::BoxFuture;
use std::path::{Path, PathBuf};
use tenantry_engine::{
    name::{RoleName, StoreName, TenantId, UserId},
    place::Place,
};

/// The tenant to be made.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Arriving {
    pub(crate) by: By,
    pub(crate) new: NewTenant,
    /// Code of the plan it starts on.
    pub(crate) plan: String,
    /// Its first member; none: staff adds members later.
    pub(crate) owner: Option<(Owner, RoleName)>,
    /// Users who come along.
    pub(crate) members: Vec<(UserId, RoleName)>,
    /// Where each of its stores goes.
    pub(crate) placements: Vec<NewPlacement>,
}

/// Where its making stands.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Arrival {
    pub(super) wanted: Arriving,
    /// Copies in scratch, one for each store that has rows.
    pub(super) copies: Vec<CopyOf>,
    pub(super) tenant: Option<TenantId>,
    pub(super) placed: Vec<Placed>,
    pub(super) user: Option<UserId>,
    /// Files that came along.
    pub(super) files: u64,
    /// Rows that came along.
    pub(super) rows: u64,
}

/// An operation that makes a tenant from copies: what each does in its own way, and the steps they share.
pub(super) trait Arrives: Operation {
    /// Name of the step that brings the copies to scratch.
    const BRING: &'static str;

    /// What the audit log calls it.
    const ACTION: &'static str;

    /// Their steps, in order.
    const STEPS: &'static [Step<Self>] = &[
        Step::Control { name: "check", run: steps::check, undo: Some(step::nothing) },
        Step::Outside { name: Self::BRING, run: Self::bring, undo: step::leave },
        Step::Control { name: "record", run: steps::record, undo: Some(steps::unrecord) },
        Step::Outside { name: "adopt", run: steps::adopt, undo: steps::remove },
        Step::Outside { name: "files", run: Self::files, undo: steps::unfile },
        Step::Control { name: "subscribe", run: steps::subscribe, undo: None },
        Step::Control { name: "owner", run: steps::own, undo: None },
        Step::Control { name: "activate", run: steps::activate, undo: None },
    ];

    /// Where the making of its tenant stands.
    fn arrival(&self) -> &Arrival;

    /// The same, to go on with.
    fn arrival_mut(&mut self) -> &mut Arrival;

    /// Finds early what of its own would make it fail.
    fn check<'a>(&'a mut self, _: &'a mut Write) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Brings the copies to scratch, verified, and lists them in the arrival.
    fn bring<'a>(world: &'a World, s: &'a mut Self) -> BoxFuture<'a, Result<()>>;

    /// Brings the files, and counts them in the arrival.
    fn files<'a>(world: &'a World, s: &'a mut Self) -> BoxFuture<'a, Result<()>>;

    /// What the audit log tells of it besides rows and files.
    fn detail(&self) -> serde_json::Value;

    /// What to tell people when a copy cannot be taken over to this place.
    fn refused(&self, _: &Place, error: tenantry_engine::Error) -> Error {
        error.into()
    }
}

/// Where the copy of a store lies in scratch.
pub(super) fn copy_path(scratch: &Path, store: &StoreName) -> PathBuf {
    scratch.join(format!("{store}.sqlite"))
}

/// A copy in scratch.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct CopyOf {
    pub(super) store: StoreName,
    /// Whose rows it carries inside.
    pub(super) of: TenantId,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Placed {
    pub(super) place: Place,
    pub(super) policy: Policy,
    pub(super) schema_version: Option<String>,
}

impl CopyOf {
    /// Where it lies.
    pub(super) fn path(&self, scratch: &Path) -> PathBuf {
        copy_path(scratch, &self.store)
    }
}

impl Arrival {
    /// Refuses a form that is not one.
    pub(super) fn new(wanted: Arriving) -> Result<Self> {
        tenants::check(&wanted.new)?;
        Ok(Self { wanted, copies: vec![], tenant: None, placed: vec![], user: None, files: 0, rows: 0 })
    }

    pub(super) fn id(&self) -> Result<TenantId> {
        self.tenant.ok_or_else(|| Error::Internal("arrival before the tenant is recorded".into()))
    }

    pub(super) fn outcome(&self) -> serde_json::Value {
        serde_json::json!({
            "tenant": self.tenant, "slug": self.wanted.new.slug, "user": self.user, "rows": self.rows,
            "files": self.files,
        })
    }
}

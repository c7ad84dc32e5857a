//! A tenant that is made from copies: what cloning, importing and restoring as a new tenant share.
//!
//! Their operations hold an [`Arrival`] and have its steps among their own: check | … copies into scratch … |
//! record | adopt, … files … | subscribe, owner, activate. Nobody can enter before the last of them.

mod steps;

pub(super) use steps::{
    activate, adopt, check, file_ids, leave, nothing, own, record, remove, subscribe, unfile, unrecord,
};

use super::Owner;
use crate::{
    Error, Result,
    audit::By,
    tenants::{self, NewTenant},
    topology::{NewPlacement, Policy},
};
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

/// An operation that holds an arrival.
pub(super) trait Arrives: Send + Sync {
    /// Where the making of its tenant stands.
    fn arrival(&mut self) -> &mut Arrival;

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

//! The operation that puts what was restored in the place of what is in use, or takes that back.
//!
//! begin | files | fence | keep | commit | absorb | swap. A database of its own is swapped in the catalog:
//! what was in use is fenced and kept. Of a pooled tenant the rows of now are first kept in a database
//! of their own, then replaced in the pool in one transaction, at the next generation; its neighbours'
//! rows are not read or written. Everything before `commit` can be undone; after it the operation goes
//! forward only. All stores change in one transaction of the catalog.

mod steps;

use super::{Operation, Step, step};
use crate::{audit::By, backups::BackupId, topology::NewPlacement};
use tenantry_engine::{
    name::{Slug, TenantId},
    place::Place,
};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct RestoreSwap {
    by: By,
    tenant: TenantId,
    slug: Slug,
    /// Back to what was in use before.
    back: bool,
    /// How long what is replaced is kept, microseconds.
    keep_us: i64,
    /// Where a pooled store's rows go when they are kept, by store.
    keepers: Vec<NewPlacement>,
    restore: Option<i64>,
    backup: Option<BackupId>,
    turns: Vec<Turn>,
}

/// One store.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Turn {
    live: Place,
    /// A database of its own that comes into use, or whose rows do.
    other: Place,
    /// What is in use is not there any more: nothing of it can be fenced or kept.
    lost: bool,
    /// Of a pooled store.
    pool: Option<Pool>,
}

/// What a pooled store needs besides.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Pool {
    /// The same pool at the next generation.
    next: Place,
    /// Where the rows of now are kept.
    keeper: Place,
}

impl RestoreSwap {
    pub(crate) fn new(
        by: By,
        tenant: TenantId,
        slug: Slug,
        back: bool,
        keep_us: i64,
        keepers: Vec<NewPlacement>,
    ) -> Self {
        Self { by, tenant, slug, back, keep_us, keepers, restore: None, backup: None, turns: vec![] }
    }
}

impl Operation for RestoreSwap {
    const KIND: &'static str = "restore_swap";
    const POINT_OF_NO_RETURN: Option<&'static str> = Some("commit");
    /// Without the rows in the pool the catalog must not name their generation.
    const ESSENTIAL: &'static [&'static str] = &["absorb"];

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "begin", run: steps::begin, undo: Some(steps::unbegin) },
            Step::Outside { name: "files", run: steps::files, undo: step::leave },
            Step::Outside { name: "fence", run: steps::fence, undo: steps::unfence },
            Step::Outside { name: "keep", run: steps::keep, undo: steps::unkeep },
            // Only marks that there is no way back from here.
            Step::Control { name: "commit", run: step::nothing, undo: Some(step::nothing) },
            Step::Outside { name: "absorb", run: steps::absorb, undo: step::leave },
            Step::Control { name: "swap", run: steps::swap, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        Some(self.tenant)
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        match self.back {
            false => format!("swap in what was restored beside {}", self.slug),
            true => format!("undo the restore of {}", self.slug),
        }
    }

    fn outcome(&self) -> serde_json::Value {
        serde_json::json!({ "restore": self.restore, "backup": self.backup })
    }
}

//! The operation that puts a restored copy into use, or undoes that.
//!
//! Steps: begin | files | fence | keep | commit | absorb | swap. A tenant's own database is swapped in the catalog: the
//! database that was in use is fenced and retained. The current rows of a pooled tenant are first copied to their own
//! database, then replaced in the pool in one transaction, at the next generation; rows of other tenants are neither
//! read nor written. Everything before `commit` can be undone; after it the operation only goes forward. All stores
//! change in one transaction of the catalog.

mod steps;

use crate::operations::{Operation, Step, step};
use crate::{audit::By, backups::BackupId, topology::NewPlacement};
use tenantry_engine::{
    name::{Slug, TenantId},
    place::Place,
};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct RestoreSwap {
    by: By,
    tenant: TenantId,
    slug: Slug,
    /// True to go back to the databases that were in use before the swap.
    back: bool,
    /// Time for which the replaced data is retained, in microseconds.
    keep_us: i64,
    /// Placements for the retained rows of pooled stores, one per store.
    keepers: Vec<NewPlacement>,
    restore: Option<i64>,
    backup: Option<BackupId>,
    turns: Vec<Turn>,
}

/// The swap of one store.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Turn {
    live: Place,
    /// The tenant's own database that comes into use, or whose rows do.
    other: Place,
    /// True if the database in use is lost, so that it can be neither fenced nor retained.
    lost: bool,
    /// Additional places of a pooled store; `None` for the tenant's own database.
    pool: Option<Pool>,
}

/// Additional places of a pooled store.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Pool {
    /// The pool at the next generation.
    next: Place,
    /// Place that retains the current rows.
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
    /// Essential because the catalog must not name the new generation if its rows are not in the pool.
    const ESSENTIAL: &'static [&'static str] = &["absorb"];

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "begin", run: steps::begin, undo: Some(steps::unbegin) },
            Step::Outside { name: "files", run: steps::files, undo: step::leave },
            Step::Outside { name: "fence", run: steps::fence, undo: steps::unfence },
            Step::Outside { name: "keep", run: steps::keep, undo: steps::unkeep },
            // This step only marks the point of no return.
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
        let lost: Vec<_> = self.turns.iter().filter(|turn| turn.lost).map(|turn| &turn.live.store).collect();
        serde_json::json!({ "restore": self.restore, "backup": self.backup, "lost": lost })
    }
}

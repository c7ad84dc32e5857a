//! The operation that backs up many: all tenants or those named, and the platform's own stores.
//!
//! begin | all | finish. Each tenant's backup is an operation of its own, so that it never meets a move
//! or a deletion; one that fails does not stop the others (X5), and what is backed up stays backed up. Repeated
//! after a crash, it goes on with those that are not done. Memory does not grow with the number of tenants: they are taken page by
//! page.

mod steps;

use super::{Operation, Step, step};
use crate::{
    audit::By,
    backups::{Selection, manifest::Reason},
};
use tenantry_engine::name::TenantId;

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct BackupRun {
    by: By,
    selection: Selection,
    /// Schedule and instant that it serves; none: somebody asked.
    slot: Option<(String, i64)>,
    run: Option<i64>,
    good: u64,
    /// Slugs and why, the first of them.
    failures: Vec<(String, String)>,
    failed: u64,
}

impl BackupRun {
    pub(crate) fn new(by: By, selection: Selection, slot: Option<(String, i64)>) -> Self {
        Self { by, selection, slot, run: None, good: 0, failures: vec![], failed: 0 }
    }

    fn reason(&self) -> Reason {
        if self.slot.is_some() { Reason::Scheduled } else { Reason::Manual }
    }
}

impl Operation for BackupRun {
    const KIND: &'static str = "backup_run";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "begin", run: steps::begin, undo: Some(steps::finish) },
            Step::Outside { name: "all", run: steps::all, undo: step::leave },
            Step::Control { name: "finish", run: steps::finish, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        None
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        match (&self.slot, &self.selection.tenants) {
            (Some((schedule, _)), _) => format!("back up by schedule {schedule}"),
            (None, None) => "back up all tenants".into(),
            (None, Some(some)) => format!("back up {} tenants", some.len()),
        }
    }

    fn outcome(&self) -> serde_json::Value {
        serde_json::json!({
            "run": self.run, "good": self.good, "failed": self.failed, "failures": self.failures,
        })
    }
}

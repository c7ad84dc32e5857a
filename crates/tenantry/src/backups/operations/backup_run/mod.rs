//! The operation that backs up many tenants: all of them or the named ones, and the platform's own stores.
//!
//! Steps: begin | all | finish. Each tenant's backup is its own operation, so it never overlaps a move or a deletion. A
//! backup that fails does not stop the others, and finished backups stay. After a crash the run continues with the
//! tenants that are not done. Tenants are read page by page, so memory does not grow with their number.

mod steps;

use crate::{
    audit::By,
    backups::{Selection, manifest::Reason},
    counted,
    operations::{Operation, Step, over_tenants::Tally, step},
};
use tenantry_engine::name::TenantId;

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct BackupRun {
    by: By,
    selection: Selection,
    /// Schedule and slot that this run serves; `None` if an operator started it.
    slot: Option<(String, i64)>,
    run: Option<i64>,
    #[serde(flatten)]
    tally: Tally,
}

impl BackupRun {
    pub(crate) fn new(by: By, selection: Selection, slot: Option<(String, i64)>) -> Self {
        Self { by, selection, slot, run: None, tally: Tally::default() }
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
            (None, Some(some)) => format!("back up {}", counted(some.len(), "tenant")),
        }
    }

    fn outcome(&self) -> serde_json::Value {
        serde_json::json!({
            "run": self.run, "good": self.tally.good, "failed": self.tally.failed,
            "failures": self.tally.failures,
        })
    }
}

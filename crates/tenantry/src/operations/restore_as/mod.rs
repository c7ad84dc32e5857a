//! The operation that makes a new tenant from a backup, its own or another's, beside what is live.
//!
//! check | fetch | record | adopt, files | subscribe, owner, activate. The rows become the new tenant's: the
//! identity inside each database is rewritten when it is taken over. Stores that the backup does not have are
//! made empty.

mod steps;

use super::{
    Operation, Operations, Step,
    arrive::{self, Arrival, Arrives, Arriving},
    restore::not_adopted,
};
use crate::{
    Error, Result,
    audit::By,
    backups::{BackupId, manifest::Manifest},
};
use tenantry_engine::{name::TenantId, place::Place};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct RestoreAs {
    arrival: Arrival,
    backup: BackupId,
    /// Whose backup it is.
    of: TenantId,
    manifest: Option<Box<Manifest>>,
}

impl Operations {
    /// Starts it; its id in the journal.
    pub(crate) async fn restore_as(&self, backup: BackupId, of: TenantId, wanted: Arriving) -> Result<i64> {
        self.spawn(RestoreAs { arrival: Arrival::new(wanted)?, backup, of, manifest: None }).await
    }
}

impl Arrives for RestoreAs {
    fn arrival(&mut self) -> &mut Arrival {
        &mut self.arrival
    }

    fn refused(&self, place: &Place, error: tenantry_engine::Error) -> Error {
        match &self.manifest {
            Some(manifest) => not_adopted(manifest, place, error),
            None => error.into(),
        }
    }
}

impl Operation for RestoreAs {
    const KIND: &'static str = "restore_as";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "check", run: arrive::check, undo: Some(arrive::nothing) },
            Step::Outside { name: "fetch", run: steps::fetch, undo: arrive::leave },
            Step::Control { name: "record", run: arrive::record, undo: Some(arrive::unrecord) },
            Step::Outside { name: "adopt", run: arrive::adopt, undo: arrive::remove },
            Step::Outside { name: "files", run: steps::files, undo: arrive::unfile },
            Step::Control { name: "subscribe", run: arrive::subscribe, undo: None },
            Step::Control { name: "owner", run: arrive::own, undo: None },
            Step::Control { name: "activate", run: steps::activate, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        self.arrival.tenant
    }

    fn by(&self) -> &By {
        &self.arrival.wanted.by
    }

    fn what(&self) -> String {
        format!("restore {} as {}", self.backup, self.arrival.wanted.new.slug)
    }

    fn outcome(&self) -> serde_json::Value {
        self.arrival.outcome()
    }
}

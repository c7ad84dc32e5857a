//! The operation that removes a database which a swap left behind, once its retention is over.
//!
//! Steps: check | remove | gone. The background pass and staff start it. From `check` on it only goes forward: a
//! half-removed database is useless.

mod steps;

use crate::operations::{Operation, Operations, Step, step};
use crate::{
    Error, Result,
    audit::By,
    topology::{Placement, swap},
};
use tenantry_engine::{name::TenantId, place::Place};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Release {
    by: By,
    place: Place,
}

impl Operation for Release {
    const KIND: &'static str = "release";
    const POINT_OF_NO_RETURN: Option<&'static str> = Some("check");

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "check", run: steps::check, undo: Some(step::nothing) },
            Step::Outside { name: "remove", run: steps::remove, undo: step::leave },
            Step::Control { name: "gone", run: steps::gone, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        self.place.tenant
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        format!("remove the former database {}", self.place.physical)
    }

    fn outcome(&self) -> serde_json::Value {
        serde_json::json!({ "server": self.place.server, "database": self.place.physical })
    }
}

impl Operations {
    /// Returns the retained databases of a tenant that still exist, newest first.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn retained(&self, tenant: TenantId) -> Result<Vec<Placement>> {
        swap::retained(&mut self.context().control.snapshot().await?, tenant).await
    }

    /// Removes a retained database at once. The swap that replaced it can then no longer be undone.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if the place is not retained.
    pub async fn release(&self, by: &By, place: Place) -> Result<()> {
        self.run(Release { by: by.clone(), place }).await.map(drop)
    }

    /// Removes the databases of at most `most` placements whose retention is over. Returns their number. A tenant with
    /// another open operation waits for the next pass.
    ///
    /// # Errors
    /// Returns the errors of the control store. A database that cannot be removed is not an error.
    pub async fn release_due(&self, by: &By, most: u32) -> Result<usize> {
        let control = &self.context().control;
        let due = swap::release_due(&mut control.snapshot().await?, control.due_us(), most).await?;
        let mut released = 0;
        for placement in due {
            match self.release(by, placement.place).await {
                Ok(()) => released += 1,
                // Another operation is open, or another process has already removed the database.
                Err(Error::Occupied(_) | Error::Conflict(_)) => {}
                Err(error) => tracing::error!(%error, "a retained database was not removed"),
            }
        }
        Ok(released)
    }
}

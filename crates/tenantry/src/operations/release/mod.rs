//! The operation that removes a database which a swap left behind, once its time has come.
//!
//! check | remove | gone. Started by the background pass and by staff. From the check on it goes
//! forward only: half a database is of no use to anybody.

mod steps;

use super::{Operation, Operations, Step, step};
use crate::{
    Error, Result,
    audit::By,
    topology::{Placement, swap},
};
use tenantry_engine::{name::TenantId, place::Place};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Release {
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
    /// The databases of a tenant that swaps left behind and that are still there, newest first.
    pub async fn kept(&self, tenant: TenantId) -> Result<Vec<Placement>> {
        swap::kept(&mut self.inner.world.control.snapshot().await?, tenant).await
    }

    /// Removes one of them now; a swap to it cannot be taken back any more.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is not kept.
    pub async fn release(&self, by: &By, place: Place) -> Result<()> {
        self.run(Release { by: by.clone(), place }).await.map(drop)
    }

    /// Removes the databases of kept placements whose time has come; how many. A tenant at which
    /// another operation is at work is left for the next pass.
    pub async fn release_due(&self, by: &By, most: u32) -> Result<usize> {
        let control = &self.inner.world.control;
        let due = swap::release_due(&mut control.snapshot().await?, control.due_us(), most).await?;
        let mut released = 0;
        for placement in due {
            match self.release(by, placement.place).await {
                Ok(()) => released += 1,
                Err(Error::Conflict(_)) => {}
                Err(error) => tracing::error!(%error, "a kept database was not removed"),
            }
        }
        Ok(released)
    }
}

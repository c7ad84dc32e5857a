//! The operation that makes a new tenant from a backup, its own or another's, beside what is live.
//!
//! check | fetch | record | adopt, files | subscribe, owner, activate. The rows become the new tenant's: the
//! identity inside each database is rewritten when it is taken over. Stores that the backup does not have are
//! made empty.

use super::{
    Operation, Operations, Step, World,
    arrive::{Arrival, Arrives, Arriving, CopyOf},
    restore::{fetch_all, not_adopted},
};
use crate::{
    Error, Result,
    audit::By,
    backups::{self, BackupId, believed, manifest::Manifest},
};
use futures_util::future::BoxFuture;
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
    const BRING: &'static str = "fetch";
    const ACTION: &'static str = "tenant.restore_as";

    fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    fn arrival_mut(&mut self) -> &mut Arrival {
        &mut self.arrival
    }

    fn bring<'a>(world: &'a World, r: &'a mut Self) -> BoxFuture<'a, Result<()>> {
        Box::pin(fetch(world, r))
    }

    fn files<'a>(world: &'a World, r: &'a mut Self) -> BoxFuture<'a, Result<()>> {
        Box::pin(files(world, r))
    }

    fn detail(&self) -> serde_json::Value {
        serde_json::json!({ "backup": self.backup, "of": self.of })
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
        Self::STEPS
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

async fn fetch(world: &World, r: &mut RestoreAs) -> Result<()> {
    let manifest = backups::manifest_of(world.backups.store()?, Some(r.of), &r.backup).await;
    let manifest = believed(&r.backup, manifest)?;
    let placements = &r.arrival.wanted.placements;
    let fetched = fetch_all(world, &manifest, |store| placements.iter().any(|p| p.store == *store)).await?;
    let of = r.of;
    r.arrival.copies = fetched.into_iter().map(|f| CopyOf { store: f.copy.store, of }).collect();
    r.manifest = Some(Box::new(manifest));
    Ok(())
}

async fn files(world: &World, r: &mut RestoreAs) -> Result<()> {
    let manifest = r.manifest.as_deref().ok_or_else(|| Error::Internal("nothing was fetched".into()))?;
    r.arrival.files = backups::put_files_back(world, manifest, Some(r.arrival.id()?)).await?;
    Ok(())
}

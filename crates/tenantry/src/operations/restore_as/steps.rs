//! The steps that restoring as a new tenant has of its own. Called by the journal's driver only.

use super::RestoreAs;
use crate::{
    Error, Result,
    backups::{self, believed},
    control::Write,
    operations::{
        World,
        arrive::{self, CopyOf},
        restore::fetch_all,
    },
};
use futures_util::future::BoxFuture;
use serde_json::json;

pub(super) fn fetch<'a>(world: &'a World, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let manifest = backups::manifest_of(world.backups.store()?, Some(r.of), &r.backup).await;
        let manifest = believed(&r.backup, manifest)?;
        let placements = &r.arrival.wanted.placements;
        let fetched =
            fetch_all(world, &manifest, |store| placements.iter().any(|p| p.store == *store)).await?;
        let of = r.of;
        r.arrival.copies = fetched.into_iter().map(|f| CopyOf { store: f.copy.store, of }).collect();
        r.manifest = Some(Box::new(manifest));
        Ok(())
    })
}

pub(super) fn files<'a>(world: &'a World, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let manifest = r.manifest.as_deref().ok_or_else(|| Error::Internal("nothing was fetched".into()))?;
        r.arrival.files = backups::put_files_back(world, manifest, Some(r.arrival.id()?)).await?;
        Ok(())
    })
}

pub(super) fn activate<'a>(write: &'a mut Write, r: &'a mut RestoreAs) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let detail = json!({ "backup": r.backup, "of": r.of });
        arrive::activate(write, &mut r.arrival, "tenant.restore_as", detail).await
    })
}

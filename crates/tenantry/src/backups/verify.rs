//! Whether a backup could be restored: really fetches it, opens it and compares what is inside.
//!
//! Called by the operation `backup_verify`, which records what is found.

use super::{
    BackupId,
    fetch::{Keep, fetch, look_at_files, manifest_of},
    manifest::Manifest,
    read_back::Unread,
};
use crate::{Result, operations::World};
use serde::{Deserialize, Serialize};
use tenantry_engine::name::TenantId;

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The backup.
    pub id: BackupId,
    /// Rows found in it.
    pub rows: u64,
    /// Bytes looked at, before compression.
    pub bytes: u64,
    /// How it is damaged; none: it is whole.
    pub damage: Option<String>,
}

/// Looks at everything.
pub(crate) async fn verify(world: &World, tenant: Option<TenantId>, id: &BackupId) -> Result<Verified> {
    let id = id.clone();
    match look(world, tenant, &id).await {
        Ok(m) => Ok(Verified { id, rows: m.rows(), bytes: m.raw_bytes(), damage: None }),
        Err(Unread::Damaged(how)) => Ok(Verified { id, rows: 0, bytes: 0, damage: Some(how) }),
        Err(Unread::Failed(error)) => Err(error),
    }
}

async fn look(world: &World, tenant: Option<TenantId>, id: &BackupId) -> Result<Manifest, Unread> {
    let store = world.backups.store()?;
    let manifest = manifest_of(store, tenant, id).await?;
    for (done, copy) in manifest.stores.iter().enumerate() {
        world.cancel.check()?;
        world.progress.set(done as u64, manifest.stores.len() as u64, "stores");
        let path = world.scratch()?.join(format!("{}.{}.db", copy.store, super::id::nonce()));
        let fetched = fetch(store, &world.databases, &manifest, copy, &path, Keep::ForNow).await;
        for leftover in [path.clone(), path.with_extension("half")] {
            // Scratch is swept at the end of the operation anyway.
            drop(std::fs::remove_file(leftover));
        }
        fetched?;
    }
    look_at_files(world, &manifest).await?;
    Ok(manifest)
}

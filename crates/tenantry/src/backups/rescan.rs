//! Adds the contents of the backup store to the catalog, after the control store was lost or restored to an earlier
//! state.
//!
//! Called by `backups rescan`. It trusts intact manifests of this platform, removes nothing and opens no database.

use super::{catalog, manifest::Manifest, store::MANIFEST};
use crate::{Result, audit::By, operations::World};
use futures_util::TryStreamExt;
use serde_json::json;

/// Result of a scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rescanned {
    /// Number of manifests read.
    pub found: u64,
    /// Number of backups added: unknown to the catalog, or recorded as running or failed.
    pub taken_up: u64,
    /// Number of backups of other installations, which are left alone.
    pub others: u64,
    /// Number of manifests that cannot be read.
    pub damaged: u64,
}

/// Number of manifests added in one transaction.
const TOGETHER: usize = 200;

pub(super) async fn rescan(world: &World, by: &By) -> Result<Rescanned> {
    let store = world.backups.store()?;
    let platform = world.backups.platform_id()?;
    let mut objects = store.everything();
    let (mut found, mut waiting) = (Rescanned::default(), Vec::new());
    while let Some(object) = objects.try_next().await? {
        if object.location.filename() != Some(MANIFEST) {
            continue;
        }
        found.found += 1;
        let Some(bytes) = store.read(&object.location).await? else { continue };
        match Manifest::open(&bytes) {
            Ok(m) if m.platform != platform => found.others += 1,
            Ok(manifest) => waiting.push(manifest),
            Err(error) => {
                tracing::warn!(error, object = %object.location, "manifest not taken up");
                found.damaged += 1;
            }
        }
        if waiting.len() >= TOGETHER {
            found.taken_up += take_up(world, by, std::mem::take(&mut waiting)).await?;
        }
    }
    found.taken_up += take_up(world, by, waiting).await?;
    Ok(found)
}

async fn take_up(world: &World, by: &By, manifests: Vec<Manifest>) -> Result<u64> {
    let mut write = world.control.begin().await?;
    let mut new = Vec::new();
    for manifest in &manifests {
        if catalog::take_up(&mut write, manifest).await? {
            new.push(&manifest.id);
        }
    }
    if new.is_empty() {
        return Ok(0);
    }
    write.audit(by, None, "backup.rescan", json!({ "backups": new })).await?;
    write.commit().await?;
    Ok(new.len() as u64)
}

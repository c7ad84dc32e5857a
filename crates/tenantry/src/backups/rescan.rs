//! Adds the contents of the backup store to the catalog, after the control store was lost or restored to an earlier
//! state.
//!
//! Called by `backups rescan`. It trusts intact manifests of this platform, removes nothing and opens no database.

use super::{catalog, manifest::Manifest, store::MANIFEST};
use crate::{Result, audit::By, control::ids, operations::World};
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
    /// Number of backups of an earlier tenant whose id another tenant has now. They are left alone.
    pub not_its: u64,
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
            take_up(world, by, &std::mem::take(&mut waiting), &mut found).await?;
        }
    }
    take_up(world, by, &waiting, &mut found).await?;
    Ok(found)
}

/// Adds backups to the catalog, and chooses later generations above theirs, so that each can be restored.
async fn take_up(world: &World, by: &By, manifests: &[Manifest], found: &mut Rescanned) -> Result<()> {
    let mut write = world.control.begin().await?;
    let (mut new, mut generation) = (Vec::new(), 0);
    for manifest in manifests {
        if catalog::is_of_another(&mut write, manifest).await? {
            tracing::warn!(backup = %manifest.id, "of an earlier tenant whose id another tenant has now: not taken up");
            found.not_its += 1;
        } else if catalog::take_up(&mut write, manifest).await? {
            generation =
                manifest.stores.iter().map(|copy| copy.generation).max().unwrap_or(0).max(generation);
            new.push(&manifest.id);
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let at = write.at_us();
    ids::raise_generations(&mut write, i64::try_from(generation).unwrap_or(0), at).await?;
    write.audit(by, None, "backup.rescan", json!({ "backups": new })).await?;
    write.commit().await?;
    found.taken_up += new.len() as u64;
    Ok(())
}

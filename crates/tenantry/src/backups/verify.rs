//! Whether a backup could be restored: really fetches it, opens it and compares what is inside.
//!
//! Called by the operation `backup_verify`, which records what is found.

use super::{
    BackupId,
    fetch::{Compared, Keep, fetch, look_at_files, manifest_of},
    manifest::Manifest,
    read_back::Unread,
};
use crate::{Error, Result, operations::World};
use serde::{Deserialize, Serialize};
use tenantry_engine::name::{StoreName, TenantId};

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
    /// What could not be compared, though nothing is damaged; none: everything was.
    #[serde(default)]
    pub note: Option<String>,
}

/// Looks at everything.
pub(crate) async fn verify(world: &World, tenant: Option<TenantId>, id: &BackupId) -> Result<Verified> {
    let id = id.clone();
    match look(world, tenant, &id).await {
        Ok((m, note)) => Ok(Verified { id, rows: m.rows(), bytes: m.raw_bytes(), damage: None, note }),
        // A store that is away says nothing about what is in it.
        Err(Unread::Damaged(_)) if world.backups.fresh_store().is_err() => {
            world.backups.fresh_store().and(Err(Error::Unavailable("backup store".into())))
        }
        Err(Unread::Damaged(how)) => Ok(Verified { id, rows: 0, bytes: 0, damage: Some(how), note: None }),
        Err(Unread::Failed(error)) => Err(error),
    }
}

async fn look(
    world: &World,
    tenant: Option<TenantId>,
    id: &BackupId,
) -> Result<(Manifest, Option<String>), Unread> {
    let store = world.backups.store()?;
    let manifest = manifest_of(store, tenant, id).await?;
    let mut notes = Vec::new();
    for (done, copy) in manifest.stores.iter().enumerate() {
        world.cancel.check()?;
        world.progress.set(done as u64, manifest.stores.len() as u64, "stores");
        let path = world.scratch()?.join(format!("{}.{}.db", copy.store, super::id::nonce()));
        let fetched = fetch(store, &world.databases, &manifest, copy, &path, Keep::ForNow).await;
        for leftover in [path.clone(), path.with_extension("half")] {
            // Scratch is swept at the end of the operation anyway.
            drop(std::fs::remove_file(leftover));
        }
        notes.extend(note(&copy.store, fetched?));
    }
    look_at_files(world, &manifest).await?;
    Ok((manifest, Some(notes.join("; ")).filter(|text| !text.is_empty())))
}

/// What a person should know of a store whose rows were compared with nothing.
pub(crate) fn note(store: &StoreName, compared: Compared) -> Option<String> {
    let why = match compared {
        Compared::Rows => return None,
        Compared::Undescribed => "the backup has no checksums of them: make a new one",
        Compared::Unknown => {
            "it has migrations that the apps here do not: verify it with the apps that made it"
        }
    };
    Some(format!("{store}: pages, hashes and identity are right; its rows were not compared, for {why}"))
}

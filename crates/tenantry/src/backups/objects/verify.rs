//! Verifies that a backup can be restored: fetches it, opens it and compares its contents.
//!
//! The operation `backup_verify` calls it and records the result.

use crate::backups::{
    BackupId,
    fetch::{Compared, Keep, fetch, look_at_files, manifest_of},
    manifest::Manifest,
    read_back::Unread,
};
use crate::{Error, Result, operations::Context};
use serde::{Deserialize, Serialize};
use tenantry_engine::name::{StoreName, TenantId};

/// Result of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Id of the backup.
    pub id: BackupId,
    /// Number of rows in the backup.
    pub rows: u64,
    /// Number of bytes checked, before compression.
    pub bytes: u64,
    /// Description of the damage; `None` if the backup is intact.
    pub damage: Option<String>,
    /// Description of the data that could not be compared, although no damage was found; `None` if all data was
    /// compared.
    #[serde(default)]
    pub note: Option<String>,
}

/// Checks the whole backup.
pub(crate) async fn verify(context: &Context, tenant: Option<TenantId>, id: &BackupId) -> Result<Verified> {
    let id = id.clone();
    match look(context, tenant, &id).await {
        Ok((m, note)) => Ok(Verified { id, rows: m.rows(), bytes: m.raw_bytes(), damage: None, note }),
        // An unreachable store says nothing about its contents.
        Err(Unread::Damaged(_)) if context.backups.fresh_store().is_err() => {
            context.backups.fresh_store().and(Err(Error::Unavailable("backup store".into())))
        }
        Err(Unread::Damaged(how)) => Ok(Verified { id, rows: 0, bytes: 0, damage: Some(how), note: None }),
        Err(Unread::Failed(error)) => Err(error),
    }
}

async fn look(
    context: &Context,
    tenant: Option<TenantId>,
    id: &BackupId,
) -> Result<(Manifest, Option<String>), Unread> {
    let store = context.backups.store()?;
    let manifest = manifest_of(store, tenant, id).await?;
    let mut notes = Vec::new();
    for (done, copy) in manifest.stores.iter().enumerate() {
        context.cancel.check()?;
        context.progress.set(done as u64, manifest.stores.len() as u64, "stores");
        let path = context.scratch()?.join(format!("{}.{}.db", copy.store, crate::backups::id::nonce()));
        let fetched = fetch(store, &context.databases, &manifest, copy, &path, Keep::ForNow).await;
        for leftover in [path.clone(), path.with_extension("half")] {
            // If this fails, the end of the operation removes scratch anyway.
            drop(std::fs::remove_file(leftover));
        }
        notes.extend(note(&copy.store, fetched?));
    }
    look_at_files(context, &manifest).await?;
    Ok((manifest, Some(notes.join("; ")).filter(|text| !text.is_empty())))
}

/// Returns a note for operators about a store whose rows could not be compared.
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

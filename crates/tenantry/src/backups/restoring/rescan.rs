//! Adds the contents of the backup store to the catalog, after the control store was lost or restored to an earlier
//! state.
//!
//! The operation `backup_rescan` calls it. It trusts intact manifests of this platform, removes nothing, and opens no database.

use crate::backups::{
    catalog,
    manifest::{Manifest, Reason},
    purged::{CERTIFICATE, StoredCertificate, parse},
    store::MANIFEST,
};
use crate::{
    Result,
    audit::By,
    control::{ids, params},
    operations::Context,
    tenants,
    users::count,
};
use futures_util::TryStreamExt;
use serde_json::json;
use tenantry_engine::name::TenantId;

/// Result of a scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rescanned {
    /// Number of manifests read.
    pub found: u64,
    /// Number of backups added, which the catalog did not know or had recorded as running or failed.
    pub taken_up: u64,
    /// Number of backups of other installations, which are ignored.
    pub others: u64,
    /// Number of backups of an earlier tenant whose id another tenant has now. They are ignored.
    pub not_its: u64,
    /// Number of tenants closed because they were purged after this state of the catalog was saved.
    pub closed: u64,
    /// Number of manifests that cannot be read.
    pub damaged: u64,
}

/// Number of manifests added in one transaction.
const TOGETHER: usize = 200;

/// Evidence that a tenant was purged.
struct Purged {
    tenant: TenantId,
    /// Time at which the purged tenant was created.
    created: Option<i64>,
    /// Time of the final backup, if that backup is the evidence: a later backup shows that the purge did not happen.
    final_at: Option<i64>,
}

/// Adds the backups. Closes tenants that were purged since, for `retention_days`.
pub(in crate::backups) async fn rescan(context: &Context, by: &By, retention_days: u32) -> Result<Rescanned> {
    let store = context.backups.store()?;
    let platform = context.backups.platform_id()?;
    let mut objects = store.everything();
    let (mut found, mut waiting, mut purged) = (Rescanned::default(), Vec::new(), Vec::new());
    while let Some(object) = objects.try_next().await? {
        context.cancel.check()?;
        if object.location.filename() == Some(CERTIFICATE) {
            let bytes = store.read(&object.location).await?;
            let certificate =
                bytes.and_then(|bytes| parse(&bytes).ok()).filter(|found| found.platform == platform);
            let proof = |found: StoredCertificate| Purged {
                tenant: found.tenant,
                created: Some(found.created_at_us),
                final_at: None,
            };
            purged.extend(certificate.map(proof));
        }
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
            take_up(context, by, &std::mem::take(&mut waiting), &mut found, &mut purged).await?;
        }
    }
    take_up(context, by, &waiting, &mut found, &mut purged).await?;
    found.closed = close(context, by, &purged, retention_days).await?;
    Ok(found)
}

/// Closes tenants that were purged according to the backup store: they are not restored unless an operator revokes the
/// closing. Returns the number of tenants closed now.
async fn close(context: &Context, by: &By, purged: &[Purged], retention_days: u32) -> Result<u64> {
    let (mut write, mut closed) = (context.control.begin().await?, 0);
    for Purged { tenant, created, final_at } in purged {
        let later = "SELECT count(*) FROM backups WHERE tenant = ? AND at > ?";
        if let Some(at) = final_at
            && count(&mut write, later, params![tenant.get(), *at]).await? > 0
        {
            continue;
        }
        closed += u64::from(tenants::close_purged(&mut write, by, *tenant, *created, retention_days).await?);
    }
    if closed > 0 {
        write.commit().await?;
    }
    Ok(closed)
}

/// Adds backups to the catalog, and reserves generations above theirs, so that each backup can be restored. A final
/// backup without a later backup shows that a purge began.
async fn take_up(
    context: &Context,
    by: &By,
    manifests: &[Manifest],
    found: &mut Rescanned,
    purged: &mut Vec<Purged>,
) -> Result<()> {
    let mut write = context.control.begin().await?;
    let (mut new, mut generation) = (Vec::new(), 0);
    for manifest in manifests {
        if catalog::is_of_another(&mut write, manifest).await? {
            tracing::warn!(backup = %manifest.id, "of an earlier tenant whose id another tenant has now: not taken up");
            found.not_its += 1;
        } else if catalog::take_up(&mut write, manifest).await? {
            generation =
                manifest.stores.iter().map(|copy| copy.generation).max().unwrap_or(0).max(generation);
            new.push(&manifest.id);
            let whose = manifest.tenant.as_ref().filter(|_| manifest.reason == Reason::Final);
            purged.extend(whose.map(|whose| Purged {
                tenant: whose.id,
                created: whose.created_at_us,
                final_at: Some(manifest.at.as_microsecond()),
            }));
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

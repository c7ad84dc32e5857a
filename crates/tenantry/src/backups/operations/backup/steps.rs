//! Steps of `Backup`. Called only by the journal's driver.

use super::Backup;
use crate::{
    Result,
    backups::{self, Wanted, catalog},
    control::Write,
    operations::Context,
};
use futures_util::future::BoxFuture;
use serde_json::json;

pub(super) fn begin<'a>(write: &'a mut Write, b: &'a mut Backup) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let new = catalog::New {
            id: &b.id,
            tenant: b.tenant.as_ref().map(|t| (t.id, &t.slug)),
            reason: b.reason,
            schedule: b.schedule.as_deref(),
            run: b.run,
            by: &b.by.actor,
        };
        catalog::begin(write, new).await
    })
}

/// Records in the catalog that the backup failed: a backup that is missing without notice is the worst failure
/// (`silent-backup-failure`).
pub(super) fn fail<'a>(write: &'a mut Write, b: &'a mut Backup) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let why = b.error.as_deref().unwrap_or("it was interrupted");
        catalog::failed(write, &b.id, why).await?;
        let detail = json!({ "backup": b.id, "error": why });
        write.audit(&b.by, b.tenant.as_ref().map(|t| t.id), "backup.fail", detail).await
    })
}

pub(super) fn take<'a>(context: &'a Context, b: &'a mut Backup) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let wanted = Wanted {
            id: &b.id,
            tenant: b.tenant.as_ref(),
            stores: b.stores.as_deref(),
            by: &b.by.actor,
            reason: b.reason,
            schedule: b.schedule.as_deref(),
        };
        match backups::take(context, &wanted).await {
            Ok(manifest) => b.made = Some(Box::new(manifest)),
            Err(error) => {
                b.error = Some(error.to_string());
                return Err(error);
            }
        }
        Ok(())
    })
}

/// Removes the stored objects. An unreachable backup store must not block the tenant, so an error is only logged, and
/// the remaining objects are removed when the failed backup expires. If the store cannot be opened, nothing was stored.
pub(super) fn leave<'a>(context: &'a Context, b: &'a mut Backup) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = b.tenant.as_ref().map(|t| t.id);
        if let Ok(store) = context.backups.store()
            && let Err(error) = store.remove(tenant, &b.id).await
        {
            tracing::warn!(%error, backup = %b.id, "what was stored of a failed backup stays for now");
        }
        b.made = None;
        Ok(())
    })
}

pub(super) fn record<'a>(write: &'a mut Write, b: &'a mut Backup) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let Some(manifest) = b.made() else {
            return Err(crate::Error::Internal("a backup is recorded before it is taken".into()));
        };
        catalog::good(write, manifest).await?;
        let detail = json!({
            "backup": b.id, "reason": b.reason, "rows": manifest.rows(), "stored_bytes": manifest.stored_bytes(),
        });
        write.audit(&b.by, b.tenant.as_ref().map(|t| t.id), "backup.create", detail).await
    })
}

/// Removes expired backups. An error is only logged: the new backup is good even if an old one could not be removed.
pub(super) fn expire<'a>(context: &'a Context, b: &'a mut Backup) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = b.tenant.as_ref().map(|t| t.id);
        let expired = backups::expired(&context.control, &context.backups, tenant).await?;
        if let Err(error) = backups::remove_expired(context, &b.by, &expired).await {
            tracing::warn!(%error, "expired backups stay for now");
        }
        Ok(())
    })
}

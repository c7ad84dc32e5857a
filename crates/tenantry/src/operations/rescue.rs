//! Finishes or undoes an operation whose worker died while writers wait for it.
//!
//! Called by requests that find a place fenced for longer than a move takes. The reconciler would come by
//! too, only later. Whether the worker is dead is the lease's to say, as ever.

use super::{Inner, Operations, lease, recover, takeover};
use crate::{Result, control::params};
use std::sync::Arc;
use tenantry_engine::name::TenantId;

impl Operations {
    /// Takes the tenant's open operation over if nobody can be at work on it, and goes on with it. Returns at
    /// once; one look at a time in this process.
    pub(crate) fn rescue(&self, tenant: TenantId) {
        let Ok(turn) = self.inner.rescuing.clone().try_lock_owned() else { return };
        let inner = self.inner.clone();
        tokio::spawn(async move {
            let taken = take(&inner, tenant).await;
            drop(turn);
            let done = match taken {
                Ok(Some((taken, owner))) => recover::go_on(&inner, taken, owner).await.map(drop),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                tracing::error!(%tenant, %error, "writers wait for an operation that could not be taken over");
            }
        });
    }
}

async fn take(inner: &Arc<Inner>, tenant: TenantId) -> Result<Option<(takeover::Taken, String)>> {
    let sql = "SELECT id FROM operations WHERE tenant = ? AND state IN ('running', 'unwinding')";
    let rows = inner.world.control.snapshot().await?.query(sql, params![tenant.get()]).await?;
    let Some(open) = rows.first() else { return Ok(None) };
    let owner = lease::new_owner();
    let taken = takeover::take(&inner.world.control, open.integer(0)?, &owner, false).await?;
    Ok(taken.map(|taken| (taken, owner)))
}

//! Finishes or undoes an operation whose worker died while writers wait for it.
//!
//! Called by requests that find a place fenced for longer than a move takes, and by runs over many tenants that reach a
//! busy tenant. The reconciler would also take the operation over, only later. The lease alone decides whether the
//! worker is dead.

use super::{recover, takeover};
use crate::{
    Result,
    control::params,
    operations::{Cancel, Inner, Operations, journal::lease},
};
use std::{sync::Arc, time::Duration};
use tenantry_engine::name::TenantId;
use tokio::time::Instant;

/// Time between two checks of an operation that another worker runs.
const LOOK: Duration = Duration::from_millis(250);

impl Operations {
    /// Waits until no operation is open on the tenant. Takes over and continues an operation without a live worker.
    /// Returns false if an operation is still open at `until`.
    pub(crate) async fn settle(&self, tenant: TenantId, until: Instant, cancel: &Cancel) -> Result<bool> {
        loop {
            cancel.check()?;
            if let Some((taken, owner)) = take(&self.inner, tenant).await? {
                recover::go_on(&self.inner, taken, owner).await?;
            }
            if open(&self.inner, tenant).await?.is_none() {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Takes over the tenant's open operation if its worker must be dead, and continues it in a new task. Returns at
    /// once. Only one such check runs in this process at a time.
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

async fn open(inner: &Inner, tenant: TenantId) -> Result<Option<i64>> {
    let sql = "SELECT id FROM operations WHERE tenant = ? AND state IN ('running', 'unwinding')";
    let rows = inner.context.control.snapshot().await?.query(sql, params![tenant.get()]).await?;
    rows.first().map(|row| Ok(row.integer(0)?)).transpose()
}

async fn take(inner: &Arc<Inner>, tenant: TenantId) -> Result<Option<(takeover::Taken, String)>> {
    let Some(open) = open(inner, tenant).await? else { return Ok(None) };
    let owner = lease::new_owner();
    let taken = takeover::take(&inner.context.control, open, &owner, false).await?;
    Ok(taken.map(|taken| (taken, owner)))
}

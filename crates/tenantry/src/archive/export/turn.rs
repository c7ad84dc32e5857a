//! Allows one export of a tenant at a time, over all servers together: the control store records the running export.
//!
//! `export` calls it. If a server dies, its record lapses.

use crate::{
    Error, Result,
    control::{
        Control,
        clock::{self, SECOND_US},
        params,
    },
    operations::journal::lease,
};
use std::time::{Duration, Instant};
use tenantry_engine::name::TenantId;
use tokio::{runtime::Handle, task::AbortHandle};

/// Time in microseconds after which a record that was not renewed is void.
const LEASE_US: i64 = 60 * SECOND_US;
/// Time between two renewals.
const RENEW_EVERY: Duration = Duration::from_secs(15);
/// Time to wait until the record of an export that has just ended is removed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Guard: while it lives, this is the only export of the tenant.
pub(super) struct Turn {
    control: Control,
    tenant: TenantId,
    owner: String,
    renewing: AbortHandle,
    runtime: Handle,
}

impl Turn {
    /// Records an export, and returns its guard.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] while another export of the tenant is recorded.
    pub(super) async fn begin(control: &Control, tenant: TenantId) -> Result<Self> {
        let (owner, until) = (lease::new_owner(), Instant::now() + PATIENCE);
        while !record(control, tenant, &owner).await? {
            if Instant::now() >= until {
                return Err(Error::Conflict("an export of this account is being made already".into()));
            }
            tokio::time::sleep(PAUSE).await;
        }
        let renewing = tokio::spawn(renew(control.clone(), tenant, owner.clone())).abort_handle();
        Ok(Self { control: control.clone(), tenant, owner, renewing, runtime: Handle::current() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.renewing.abort();
        let (control, tenant, owner) = (self.control.clone(), self.tenant, self.owner.clone());
        self.runtime.spawn(async move {
            if let Err(error) = remove(&control, tenant, &owner).await {
                tracing::warn!(%error, %tenant, "no export of the tenant begins before the record of the last one lapses");
            }
        });
    }
}

/// Records the export. Returns false if another export of the tenant is recorded.
async fn record(control: &Control, tenant: TenantId, owner: &str) -> Result<bool> {
    let mut write = control.begin().await?;
    let now = write.at_us();
    let sql = "SELECT owner, until FROM exports WHERE tenant = ?";
    if let Some(other) = write.query(sql, params![tenant.get()]).await?.first() {
        let (by, until) = (other.text(0)?, other.integer(1)?);
        let is_void = until <= now || clock::is_out_of_reach(until, now, 2 * LEASE_US);
        if !is_void && lease::may_be_alive(by) {
            return Ok(false);
        }
    }
    let sql = "INSERT INTO exports (tenant, owner, until) VALUES (?, ?, ?) \
        ON CONFLICT (tenant) DO UPDATE SET owner = excluded.owner, until = excluded.until";
    write.execute(sql, params![tenant.get(), owner, now + LEASE_US]).await?;
    write.commit_unaudited().await?;
    Ok(true)
}

/// Renews the record until this task is aborted.
async fn renew(control: Control, tenant: TenantId, owner: String) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let renewed = async {
            let mut write = control.begin().await?;
            let until = write.at_us() + LEASE_US;
            let sql = "UPDATE exports SET until = ? WHERE tenant = ? AND owner = ?";
            write.execute(sql, params![until, tenant.get(), owner.as_str()]).await?;
            write.commit_unaudited().await
        };
        if let Err(error) = renewed.await {
            tracing::warn!(%error, %tenant, "the record of an export was not renewed");
        }
    }
}

async fn remove(control: &Control, tenant: TenantId, owner: &str) -> Result<()> {
    let mut write = control.begin().await?;
    write.execute("DELETE FROM exports WHERE tenant = ? AND owner = ?", params![tenant.get(), owner]).await?;
    write.commit_unaudited().await
}

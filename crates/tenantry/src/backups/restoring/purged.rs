//! Certificates of purged tenants in the backup store. They outlive the catalog, so a purged tenant stays purged when
//! the catalog is restored to an earlier state (`erased-data-survives`).
//!
//! The operation `purge` writes them; `rescan` and the verb that shows a certificate read them. They hold ids, the slug
//! and the list of what was removed, but no content.

use crate::backups::Store;
use crate::{Error, Result, control::params, operations::Context, purges::operation::CERTIFIED, tenants};
use serde::{Deserialize, Serialize};
use tenantry_engine::name::{Slug, TenantId};

/// Name of the certificate's object among the tenant's backups.
pub(in crate::backups) const CERTIFICATE: &str = "certificate.json";

/// A certificate with the facts of its row in the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredCertificate {
    /// Id of the installation that purged the tenant.
    pub(crate) platform: String,
    /// Id of the purged tenant.
    pub(crate) tenant: TenantId,
    /// Slug of the purged tenant.
    pub(crate) slug: Slug,
    /// Time at which the tenant was created, in microseconds. It distinguishes the tenant from another tenant with its
    /// id.
    pub(crate) created_at_us: i64,
    /// Id of the audit row.
    pub(crate) row: i64,
    /// Time of the purge, in microseconds since 1970, UTC.
    pub(crate) at_us: i64,
    /// Label of the account, key or program that purged the tenant.
    pub(crate) by: String,
    /// Lists of what was removed and what stays.
    pub(crate) detail: serde_json::Value,
    /// Hash of the audit row.
    pub(crate) hash: String,
}

/// Writes the certificate of a purged tenant. May be repeated.
pub(crate) async fn keep(context: &Context, tenant: TenantId) -> Result<()> {
    let mut tx = context.control.snapshot().await?;
    let purged = tenants::by_id(&mut tx, tenant).await?;
    let sql = "SELECT id, at, actor, detail, hash FROM audit WHERE tenant = ? AND action = ? ORDER BY id DESC LIMIT 1";
    let rows = tx.query(sql, params![tenant.get(), CERTIFIED]).await?;
    let row = rows.first().ok_or(Error::NotFound("certificate"))?;
    let certificate = StoredCertificate {
        platform: context.backups.platform_id()?.to_owned(),
        tenant,
        slug: purged.slug,
        created_at_us: purged.created_at_us,
        row: row.integer(0)?,
        at_us: row.integer(1)?,
        by: row.text(2)?.to_owned(),
        detail: serde_json::from_str(row.text(3)?).map_err(|e| Error::Internal(e.to_string()))?,
        hash: row.text(4)?.to_owned(),
    };
    drop(tx);
    let bytes = serde_json::to_vec(&certificate).map_err(|e| Error::Internal(e.to_string()))?;
    let store = context.backups.store()?;
    store.create(&store.shelf(Some(tenant)).join(CERTIFICATE), bytes.into()).await.map(drop)
}

/// Reads the certificate of a tenant. Returns `None` if there is none.
pub(crate) async fn read(store: &Store, tenant: TenantId) -> Result<Option<StoredCertificate>> {
    let found = store.read(&store.shelf(Some(tenant)).join(CERTIFICATE)).await?;
    found.map(|bytes| parse(&bytes)).transpose()
}

pub(in crate::backups) fn parse(bytes: &[u8]) -> Result<StoredCertificate> {
    serde_json::from_slice(bytes).map_err(|e| Error::Internal(format!("the certificate of a purge: {e}")))
}

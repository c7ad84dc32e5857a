//! Imports that take effect at most once: the client sends a key, and a second import with the same key imports
//! nothing.
//!
//! The key is recorded in the control store before the first line is written. An import that stored nothing deletes its
//! key. Keys expire after two days.

use crate::{
    Error, Result,
    control::{Control, clock::DAY_US, params},
};
use std::fmt;
use tenantry_engine::name::TenantId;
use uuid::Uuid;

/// Time after which a key expires, microseconds.
const REMEMBERED_US: i64 = 2 * DAY_US;

/// Id that represents the platform's own stores.
const PLATFORM: TenantId = TenantId::from_raw(0);

/// Idempotency key of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportKey(Uuid);

impl ImportKey {
    /// Creates a random key.
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses a key, which is a UUID.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        Uuid::try_parse(text).map(Self).map_err(|_| Error::invalid("once", "must be a UUID"))
    }
}

impl fmt::Display for ImportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A recorded key.
pub(super) struct Once<'a> {
    control: &'a Control,
    tenant: TenantId,
    key: String,
}

impl<'a> Once<'a> {
    /// Records a key.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if the key is recorded already.
    pub(super) async fn begin(
        control: &'a Control,
        tenant: Option<TenantId>,
        key: ImportKey,
    ) -> Result<Self> {
        let (tenant, key) = (tenant.unwrap_or(PLATFORM), key.to_string());
        let mut write = control.begin().await?;
        let sql =
            "INSERT INTO imports (tenant, key, at) VALUES (?, ?, ?) ON CONFLICT (tenant, key) DO NOTHING";
        let at = write.at_us();
        if write.execute(sql, params![tenant.get(), key.as_str(), at]).await? == 0 {
            return Err(Error::Conflict("this file was sent already and is imported only once".into()));
        }
        write.commit_unaudited().await?;
        Ok(Self { control, tenant, key })
    }

    /// Deletes the key, because the import stored nothing.
    pub(super) async fn undo(self) {
        if let Err(error) = self.remove().await {
            tracing::warn!(%error, "the key of an import that stored nothing stays in use");
        }
    }

    async fn remove(&self) -> Result<()> {
        let mut write = self.control.begin().await?;
        let sql = "DELETE FROM imports WHERE tenant = ? AND key = ?";
        write.execute(sql, params![self.tenant.get(), self.key.as_str()]).await?;
        write.commit_unaudited().await
    }
}

/// Deletes expired keys and returns their number. A pass of the reconciler.
pub(crate) async fn forget(control: &Control) -> Result<u64> {
    let before = control.due_us() - REMEMBERED_US;
    let mut tx = control.snapshot().await?;
    if tx.query("SELECT 1 FROM imports WHERE at < ? LIMIT 1", params![before]).await?.is_empty() {
        return Ok(0);
    }
    drop(tx);
    let mut write = control.begin().await?;
    let gone = write.execute("DELETE FROM imports WHERE at < ?", params![before]).await?;
    write.commit_unaudited().await?;
    Ok(gone)
}

//! Up to where a copy of the catalog is current.

use crate::{Error, Result, control::params};
use serde::{Deserialize, Serialize};
use tenantry_engine::Tx;

/// A position in the changes of the catalog. The copy stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The last row of the audit log that is copied.
    pub(super) copied: i64,
    /// Hash of that row, which shows whether the catalog is still the one that was copied; empty for none.
    pub(super) hash: String,
    /// The last row of the audit log whose tenant is copied.
    pub(super) seen: i64,
    /// The last invalidation that is considered.
    pub(super) invalidation: i64,
    /// The greatest id of a user that is copied.
    pub(super) users: i64,
    /// What is being filled, if the copy does not have all rows yet.
    pub(super) filling: Option<Filling>,
}

/// Rows that are copied page by page, in order of id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Filling {
    /// Tenants with their subscriptions, beginning after this id.
    Tenants {
        /// The last id that is copied.
        after: i64,
    },
    /// Users, beginning after this id.
    Users {
        /// The last id that is copied.
        after: i64,
    },
}

impl Position {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = |error| Error::Internal(format!("the mirror has a position of another version: {error}"));
        serde_json::from_str(text).map_err(wrong)
    }

    /// Returns the position at which a copy would have everything that the snapshot has.
    pub(super) async fn now(tx: &mut Tx) -> Result<Self> {
        let sql = "SELECT (SELECT coalesce(max(id), 0) FROM audit), (SELECT coalesce(max(seq), 0) FROM invalidations), \
            (SELECT coalesce(max(id), 0) FROM users)";
        let rows = tx.query(sql, &[]).await?;
        let row = rows.first().ok_or_else(|| Error::Internal("no row".into()))?;
        let (audit, invalidation, users) = (row.integer(0)?, row.integer(1)?, row.integer(2)?);
        Ok(Self { copied: audit, hash: String::new(), seen: audit, invalidation, users, filling: None })
    }

    /// Returns this position with no row of the audit log copied.
    pub(super) fn before_the_log(self) -> Self {
        Self { copied: 0, hash: String::new(), ..self }
    }

    /// Returns true if the catalog still has everything that was copied up to this position, and knows all changes since.
    /// It does not if it was restored from a backup or pruned its invalidations.
    pub(super) async fn is_known(&self, tx: &mut Tx, now: &Self) -> Result<bool> {
        if self.seen > now.seen || self.invalidation > now.invalidation || self.users > now.users {
            return Ok(false);
        }
        if self.copied > 0 {
            let rows = tx.query("SELECT hash FROM audit WHERE id = ?", params![self.copied]).await?;
            if rows.first().map(|row| row.text(0)).transpose()? != Some(self.hash.as_str()) {
                return Ok(false);
            }
        }
        let sql = "SELECT coalesce(min(seq), 0) FROM invalidations WHERE seq > ?";
        let rows = tx.query(sql, params![self.invalidation]).await?;
        let next = rows.first().map_or(Ok(0), |row| row.integer(0))?;
        Ok(now.invalidation == self.invalidation || next == self.invalidation + 1)
    }
}

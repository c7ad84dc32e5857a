//! One change of the control store: statements, audit row and invalidations in one commit.
//!
//! Made by `Control::begin`. It never commits an action without its audit row (`audited-commit`).

use super::{Subject, params};
use crate::{
    Error, Result,
    audit::{self, By, Heads},
    clock::Clock,
};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};
use tenantry_engine::{Tx, name::TenantId};

/// A transaction that writes. Dropping it undoes everything.
pub struct Write {
    tx: Tx,
    at_us: i64,
    clock: Clock,
    heads: Arc<Heads>,
    last_audit: Option<audit::Head>,
    unchanged: bool,
}

impl Write {
    pub(super) fn new(tx: Tx, clock: Clock, heads: Arc<Heads>) -> Self {
        Self { tx, at_us: clock.now_us(), clock, heads, last_audit: None, unchanged: false }
    }

    /// The instant of this change, microseconds; all its rows carry it.
    pub fn at_us(&self) -> i64 {
        self.at_us
    }

    /// The instant up to which things that cannot be undone are due; see [`Clock::due_us`].
    pub fn due_us(&self) -> i64 {
        self.clock.due_us()
    }

    /// The instant at which a retention begins that this change starts; see [`Clock::retain_from_us`].
    pub fn retain_from_us(&self) -> i64 {
        self.clock.retain_from_us().max(self.at_us)
    }

    /// Appends the audit row of this action.
    pub async fn audit(
        &mut self,
        by: &By,
        tenant: Option<TenantId>,
        action: &str,
        detail: serde_json::Value,
    ) -> Result<()> {
        let entry = audit::Draft { at_us: self.at_us, by, tenant, action, detail };
        self.last_audit = Some(audit::append(&mut self.tx, entry, self.last_audit.take()).await?);
        Ok(())
    }

    /// Tells every process to drop what it caches about the subject, once this commits.
    pub async fn invalidate(&mut self, subject: &Subject) -> Result<()> {
        let (kind, key) = subject.to_parts();
        let sql = "INSERT INTO invalidations (kind, key) VALUES (?, ?) RETURNING seq";
        let rows = self.tx.query(sql, params![kind, key]).await?;
        super::invalidation::prune(&mut self.tx, rows.first().map_or(Ok(0), |r| r.integer(0))?).await
    }

    /// Says that an idempotent action found nothing to do: then there is nothing to record either.
    pub(crate) fn found_nothing_to_do(&mut self) {
        self.unchanged = true;
    }

    /// Commits an action. Refused without an audit row: that would be an unrecorded action.
    pub async fn commit(self) -> Result<()> {
        if self.last_audit.is_none() && self.unchanged {
            return Ok(self.tx.rollback().await?);
        }
        if self.last_audit.is_none() {
            return Err(Error::Internal("an action without an audit row".into()));
        }
        self.commit_unaudited().await
    }

    /// Commits bookkeeping that is nobody's action: the journal's cursor, a session's last use.
    pub async fn commit_unaudited(self) -> Result<()> {
        self.tx.commit().await?;
        if let Some(head) = self.last_audit {
            self.heads.publish(&head);
        }
        Ok(())
    }
}

impl Deref for Write {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

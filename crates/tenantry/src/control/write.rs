//! One change of the control store: statements, audit row and invalidations in one commit.
//!
//! Created by `Control::begin`. It never commits an action without its audit row (`audited-commit`).

use super::{Inner, Subject, params};
use crate::{
    Error, Result,
    audit::{self, By, Heads},
    control::clock::Clock,
};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};
use tenantry_engine::{Engine, Tx, name::TenantId};

/// A write transaction. Dropping it rolls everything back.
pub struct Write {
    tx: Tx,
    at_us: i64,
    clock: Clock,
    engine: Engine,
    heads: Arc<Heads>,
    last_audit: Option<audit::Head>,
    unchanged: bool,
}

impl Write {
    pub(super) fn new(tx: Tx, control: &Inner) -> Self {
        let (clock, engine, heads) = (control.clock.clone(), control.engine.clone(), control.heads.clone());
        Self { tx, at_us: clock.now_us(), clock, engine, heads, last_audit: None, unchanged: false }
    }

    /// The servers, to ask which names and ids are in use there. A change of the catalog never writes to them.
    pub(crate) fn servers(&self) -> &Engine {
        &self.engine
    }

    /// Instant of this change, in microseconds. All its rows carry it.
    pub fn at_us(&self) -> i64 {
        self.at_us
    }

    /// Instant up to which irreversible work is due; see [`Clock::due_us`].
    pub fn due_us(&self) -> i64 {
        self.clock.due_us()
    }

    /// Instant at which a retention that this change begins starts; see [`Clock::retain_from_us`].
    pub fn retain_from_us(&self) -> i64 {
        self.clock.retain_from_us().max(self.at_us)
    }

    /// Appends the audit row of this action.
    ///
    /// # Errors
    /// Those of the control store.
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

    /// Tells every process, once this commits, to drop its cache entries about the subject.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn invalidate(&mut self, subject: &Subject) -> Result<()> {
        let (kind, key) = subject.to_parts();
        let sql = "INSERT INTO invalidations (seq, kind, key) \
            SELECT coalesce(max(seq), 0) + 1, ?, ? FROM invalidations RETURNING seq";
        let rows = self.tx.query(sql, params![kind, key]).await?;
        super::invalidation::prune(&mut self.tx, rows.first().map_or(Ok(0), |r| r.integer(0))?).await
    }

    /// Notes that an idempotent action found nothing to do, so that [`Self::commit`] needs no audit row.
    pub(crate) fn found_nothing_to_do(&mut self) {
        self.unchanged = true;
    }

    /// Commits an action.
    ///
    /// # Errors
    /// [`Error::Internal`] without an audit row: the action would not be recorded.
    pub async fn commit(self) -> Result<()> {
        if self.last_audit.is_none() && self.unchanged {
            return Ok(self.tx.rollback().await?);
        }
        if self.last_audit.is_none() {
            return Err(Error::Internal("an action without an audit row".into()));
        }
        self.commit_unaudited().await
    }

    /// Commits bookkeeping that is not an action of a user or operator: the journal's cursor, a session's last use.
    ///
    /// # Errors
    /// Those of the control store.
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

//! One change of the control store: statements, audit row and invalidations in one commit.
//!
//! `Control::begin` creates it. It never commits an action without its audit row (`audited-commit`).

use super::{Inner, Subject, members, params};
use crate::{
    Error, Result,
    audit::{self, By},
    outcomes,
};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};
use tenantry_engine::{Engine, Tx, name::TenantId};

/// A write transaction. Dropping it rolls all its changes back.
pub struct Write {
    tx: Tx,
    at_us: i64,
    control: Arc<Inner>,
    last_audit: Option<audit::Head>,
    /// Sequence number of the last invalidation of this change.
    invalidated: Option<i64>,
    unchanged: bool,
}

impl Write {
    pub(super) fn new(tx: Tx, control: &Arc<Inner>) -> Self {
        let (at_us, control) = (control.clock.now_us(), control.clone());
        Self { tx, at_us, control, last_audit: None, invalidated: None, unchanged: false }
    }

    /// Returns the engine with the servers, to ask which names and ids are in use there. A change of the catalog never
    /// writes to them.
    pub(crate) fn servers(&self) -> &Engine {
        &self.control.engine
    }

    /// Returns the time of this change, in microseconds. All its rows carry this time.
    pub fn at_us(&self) -> i64 {
        self.at_us
    }

    /// Returns the time up to which irreversible work is due; see [`super::clock::Clock::due_us`].
    pub fn due_us(&self) -> i64 {
        self.control.clock.due_us()
    }

    /// Returns the time at which a retention that this change begins starts; see
    /// [`super::clock::Clock::retain_from_us`].
    pub fn retain_from_us(&self) -> i64 {
        self.control.clock.retain_from_us().max(self.at_us)
    }

    /// Appends the audit row of this action.
    ///
    /// # Errors
    /// Returns the errors of the control store.
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

    /// Makes every process drop its cache entries about the subject, once this change commits.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn invalidate(&mut self, subject: &Subject) -> Result<()> {
        let (kind, key) = subject.to_parts();
        let sql = "INSERT INTO invalidations (seq, kind, key) \
            SELECT coalesce(max(seq), 0) + 1, ?, ? FROM invalidations RETURNING seq";
        let rows = self.tx.query(sql, params![kind, key]).await?;
        let seq = rows.first().map_or(Ok(0), |r| r.integer(0))?;
        self.invalidated = Some(seq);
        super::invalidation::prune(&mut self.tx, seq).await
    }

    /// Notes that an idempotent action found nothing to do, so that [`Self::commit`] needs no audit row.
    pub(crate) fn found_nothing_to_do(&mut self) {
        self.unchanged = true;
    }

    /// Commits an action.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the change has no audit row, because the action would not be recorded.
    pub async fn commit(self) -> Result<()> {
        if self.last_audit.is_none() && self.unchanged {
            return Ok(self.tx.rollback().await?);
        }
        if self.last_audit.is_none() {
            return Err(Error::Internal("an action without an audit row".into()));
        }
        self.commit_unaudited().await
    }

    /// Undoes all changes of the transaction.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub(crate) async fn roll_back(self) -> Result<()> {
        Ok(self.tx.rollback().await?)
    }

    /// Commits bookkeeping that is not an action of a user or operator: the journal's cursor, a session's last use.
    /// Returns once every member has dropped the cache entries that the change invalidates.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn commit_unaudited(self) -> Result<()> {
        let last = self.last_audit.as_ref();
        let in_doubt = |error| outcomes::of_action(error, last);
        self.tx.commit().await.map_err(|error| in_doubt(error.into()))?;
        if let Some(head) = last {
            self.control.heads.publish(head);
        }
        match self.invalidated {
            Some(seq) => members::await_members(&self.control, seq).await.map_err(in_doubt),
            None => Ok(()),
        }
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

//! The turn of a task that writes the entries that a tenant added to a shared model, as a mark in the control store: one
//! writer at a time, in all processes of the installation.
//!
//! If the task is dropped, because its client disconnected, the mark is removed once no write of it can commit any more.

use super::{
    delete::PAUSE,
    delete::taken_over,
    leaving::{Mine, SharedRow},
};
use crate::{
    Error, Result,
    control::View,
    platform::{inner::Inner, loaded::ModelEntry},
    records::Records,
};
use std::{sync::Arc, time::Instant};
use tenantry_engine::{engine::Session, query::RecordId};

/// A mark that belongs to this task.
pub(in crate::records) struct Turn {
    inner: Arc<Inner>,
    /// The place in which the task writes.
    session: Session,
    /// `None` once the turn is over.
    mine: Option<Mine>,
}

impl Turn {
    /// Waits until no other task adds or changes the tenant's entries of a model.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if other tasks write for as long as a write waits.
    pub(in crate::records) async fn of_writer(records: &Records<'_>, entry: &ModelEntry) -> Result<Self> {
        let tenant = records.tenant_id().ok_or(Error::NotFound("record"))?;
        Self::take(records, entry, SharedRow::of_writer(entry.model.name.as_str(), tenant)).await
    }

    /// Waits until no other task writes to rows that processes have copies of: shared ones, or the tenant's values of
    /// them. When this returns, no process has a copy, and none is made before the turn is over.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if other tasks write for as long as a write waits.
    pub(in crate::records) async fn of_copied(records: &Records<'_>, entry: &ModelEntry) -> Result<Self> {
        match entry.system {
            true => {
                let row = SharedRow::of_shared_writer(entry.model.name.as_str());
                Self::take(records, entry, row).await
            }
            false => Self::of_writer(records, entry).await,
        }
    }

    /// Marks an entry as leaving. From now on, no reference to it is written.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if another task is deleting it.
    pub(in crate::records) async fn of_delete(
        records: &Records<'_>,
        entry: &ModelEntry,
        id: &RecordId,
    ) -> Result<Self> {
        let tenant = records.tenant_id().ok_or(Error::NotFound("record"))?;
        Self::take(records, entry, SharedRow::added(records.name(), tenant, id)).await
    }

    async fn take(records: &Records<'_>, entry: &ModelEntry, row: SharedRow) -> Result<Self> {
        let inner = records.inner.clone();
        inner.be_member().await?;
        let session = records.session_of(entry).await?;
        let until = inner.write_deadline();
        let mine = loop {
            if let Some(mine) = inner.leaving.mark(&row).await? {
                break mine;
            }
            if Instant::now() >= until {
                return Err(Error::Conflict("another request is changing the same records".into()));
            }
            tokio::time::sleep(PAUSE).await;
        };
        let was_taken_over = mine.was_taken_over;
        let turn = Self { inner, session, mine: Some(mine) };
        if was_taken_over {
            // A write of the worker that had the mark commits before this returns, or is refused.
            records.settled_in(entry).await?;
        }
        Ok(turn)
    }

    /// Returns the state of the control store in which the mark still belongs to this task.
    pub(super) async fn view(&self) -> Result<View> {
        let mine = self.mine.as_ref().ok_or_else(taken_over)?;
        self.inner.leaving.held(mine).await?.ok_or_else(taken_over)
    }

    /// Ends the turn, after the write has committed or failed.
    pub(in crate::records) async fn end(mut self) {
        if let Some(mine) = self.mine.take() {
            remove(&self.inner, mine).await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mine) = self.mine.take() else { return };
        let (inner, session) = (self.inner.clone(), self.session.clone());
        tokio::spawn(async move {
            if let Err(error) = session.settled().await {
                tracing::warn!(%error, "a write of a client that disconnected may still be running");
            }
            remove(&inner, mine).await;
        });
    }
}

/// Removes a mark. If that fails, the next worker that finds it abandoned takes it over.
async fn remove(inner: &Inner, mine: Mine) {
    if let Err(error) = inner.leaving.remove(mine).await {
        tracing::warn!(%error, "the mark of a write that is over stays until it lapses");
    }
}

//! The verbs that change the state of a place, each in its own transaction.

use super::{How, Transaction};
use crate::{
    error::Result,
    identity::PlaceInfo,
    place::Place,
    postgres::{identity, place_state, server::Server, site::Site},
};

impl Server {
    /// Writes the identity row of a pooled tenant. If `place` is the pool itself, creates the pool first. Idempotent.
    pub(crate) async fn enrol(&self, place: &Place) -> Result<()> {
        if place.tenant.is_none() {
            return self.create_system(place).await;
        }
        let (site, mut transaction) = self.owned(place).await?;
        let done = identity::enrol(transaction.connection()?, &site, &self.platform).await;
        self.finish(transaction, &site, done.map(drop)).await
    }

    /// Forbids writes of this place durably (`fenced-generation`). If `fenced` is false, allows writes again, whichever
    /// operation set the fence.
    ///
    /// # Errors
    /// Returns `Fenced` if `fenced` is false and the place is being filled or removed, or was not opened yet.
    pub(crate) async fn fence(&self, place: &Place, fenced: bool) -> Result<()> {
        let (site, mut transaction) = self.owned(place).await?;
        let conn = transaction.connection()?;
        let done = match fenced {
            true => place_state::fence(conn, &site, &self.platform).await,
            false => place_state::unfence(conn, &site, &self.platform).await,
        };
        self.finish(transaction, &site, done).await
    }

    /// Starts to record which records writes touch, for the operation with this fencing token. Every write that begins
    /// after this call returns is recorded.
    pub(crate) async fn record_changes(&self, place: &Place, token: i64) -> Result<()> {
        let (site, mut transaction) = self.owned(place).await?;
        let done = place_state::record(transaction.connection()?, &site, token).await;
        self.finish(transaction, &site, done).await
    }

    /// Stops the recording of this token and deletes the recorded changes. Does not affect another operation's
    /// recording. Idempotent.
    pub(crate) async fn stop_recording(&self, place: &Place, token: i64) -> Result<()> {
        let (site, mut transaction) = self.owned(place).await?;
        let done = place_state::stop_recording(transaction.connection()?, &site, token).await;
        self.finish(transaction, &site, done).await
    }

    /// Fences a place whose changes are recorded for this token.
    pub(crate) async fn fence_recorded(&self, place: &Place, token: i64) -> Result<()> {
        let (site, mut transaction) = self.owned(place).await?;
        let done = place_state::fence_recorded(transaction.connection()?, &site, token).await;
        self.finish(transaction, &site, done).await
    }

    /// Lifts the fence of this holder. Does not affect another operation's fence. Idempotent.
    pub(crate) async fn lift_fence(&self, place: &Place, holder: Option<i64>) -> Result<()> {
        let (site, mut transaction) = self.owned(place).await?;
        let done = place_state::lift_fence(transaction.connection()?, &site, holder).await;
        self.finish(transaction, &site, done).await
    }

    /// Opens a place that was adopted in the state *closed*, and records its changes for this token from its first
    /// write on.
    pub(crate) async fn open_filled(&self, place: &Place, token: i64) -> Result<()> {
        let (site, mut transaction) = self.owned(place).await?;
        let done = place_state::open_filled(transaction.connection()?, &site, token).await;
        self.finish(transaction, &site, done).await
    }

    /// Reads the state and the counts of a place.
    pub(crate) async fn place_info(&self, place: &Place) -> Result<PlaceInfo> {
        let (site, mut transaction) = self.owned(place).await?;
        let found = place_state::info(transaction.connection()?, &site).await;
        self.finish(transaction, &site, found).await
    }

    /// Begins a transaction as the owner, which may write.
    async fn owned(&self, place: &Place) -> Result<(Site, Transaction)> {
        let site = self.site(place)?;
        let transaction = self.as_owner(&site, How::Write).await?;
        Ok((site, transaction))
    }

    /// Commits the transaction, or rolls it back and returns the reason for the failure.
    pub(in crate::postgres) async fn finish<T>(
        &self,
        transaction: Transaction,
        site: &Site,
        done: Result<T>,
    ) -> Result<T> {
        match done {
            Ok(done) => {
                let committed = transaction.commit().await;
                self.note_change_at(&site.place);
                committed.map(|()| done)
            }
            Err(error) => {
                // The error of the rollback matters less. If the connection is not clean, it is closed.
                drop(transaction.roll_back().await);
                Err(self.or_missing(site, error).await)
            }
        }
    }
}

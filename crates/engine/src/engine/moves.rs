//! Functions that only moves use: recording, fencing and catching up, each with the fencing token of its move,
//! so that a late worker changes nothing. The operation `move` calls them.

use super::Engine;
use crate::{
    carry::{CaughtUp, ModelDiff},
    error::Result,
    identity::PlaceInfo,
    place::Place,
    schema::Schema,
    sqlite::transfer,
};
use std::sync::Arc;

impl Engine {
    /// Starts to note which records writes touch, for the operation with this fencing token. Call it before making a copy:
    /// every write that begins after this returns is noted. Durable and idempotent. Costs nothing while no operation
    /// records.
    ///
    /// # Errors
    /// `Fenced` if the place is not here at its generation.
    pub async fn record_changes(&self, place: &Place, token: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::record(conn, &site.place, token)).await
    }

    /// Stops the recording of this token and deletes its notes; another operation's recording stays. Idempotent.
    ///
    /// # Errors
    /// Those of the disk, and `WrongIdentity` for a database that is not ours.
    pub async fn stop_recording(&self, place: &Place, token: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::stop_recording(conn, &site.place, token)).await
    }

    /// Fences a place whose changes are recorded for this token.
    ///
    /// # Errors
    /// `Fenced` if they are not, or no longer.
    pub async fn fence_recorded(&self, place: &Place, token: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::fence_recorded(conn, &site.place, token)).await
    }

    /// Lifts the fence of this holder: an operation's token, or None for a fence that no operation holds. Another
    /// operation's fence stays. Idempotent.
    ///
    /// # Errors
    /// Those of the disk, and `WrongIdentity` for a database that is not ours.
    pub async fn lift_fence(&self, place: &Place, holder: Option<i64>) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::lift_fence(conn, &site.place, holder)).await
    }

    /// Opens a place that was adopted closed ([`Engine::adopt_with`]), and records its changes for this token from its
    /// first write on. From then on nothing can be carried into it. Idempotent.
    ///
    /// # Errors
    /// `Fenced` if the place is not completely filled, is fenced by an operation, or is not here at its generation.
    pub async fn open_filled(&self, place: &Place, token: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::open_filled(conn, &site.place, token)).await
    }

    /// Reads the state and the counts of a place.
    ///
    /// # Errors
    /// `Fenced` if the place is not here at its generation.
    pub async fn place_info(&self, place: &Place) -> Result<PlaceInfo> {
        self.on_file(place, transfer::place_info).await
    }

    /// Carries the current state of the records of `from` that were touched after change `after` (0 for all noted ones)
    /// to `to`, which is closed and was made from a copy of `from`: whole rows with their ids, versions and instants,
    /// deletions, last ids, activity log, counters. Carries up to `most` changes in one transaction; repeating a call
    /// changes nothing. If it returns fewer changes than `most`, there were no more.
    ///
    /// # Errors
    /// `SchemaBehind` if migrations ran on one of the two since the copy was made: make it again. `Fenced` if `to` was
    /// opened already, or `from` is not recorded for this token.
    pub async fn copy_changes(
        &self,
        from: &Place,
        to: &Place,
        schema: &Arc<Schema>,
        token: i64,
        after: u64,
        most: u64,
    ) -> Result<CaughtUp> {
        let (schema, to) = (schema.clone(), self.server(to)?.1.site(to));
        self.on_file(from, move |from| transfer::copy_changes(from, &to, &schema, token, after, most)).await
    }

    /// Counts, for each model, the rows that differ between the two places, without those that the log of `written`
    /// names after change `after`. `still` must not be written to meanwhile.
    ///
    /// # Errors
    /// `WrongIdentity` or `Fenced` if one of the places is not where it should be.
    pub async fn compare_unwritten(
        &self,
        still: &Place,
        written: &Place,
        schema: &Arc<Schema>,
        after: u64,
    ) -> Result<Vec<ModelDiff>> {
        let (schema, written) = (schema.clone(), self.server(written)?.1.site(written));
        self.on_file(still, move |still| transfer::compare_unwritten(still, &written, &schema, after)).await
    }
}

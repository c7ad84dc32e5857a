//! Functions that only moves use: recording, fencing and catching up, each with the fencing token of its move,
//! so that a late worker changes nothing. The operation `move` calls them.

use super::{Engine, Server};
use crate::{
    carry::{self, CaughtUp, ModelDiff, Tables},
    error::Result,
    identity::PlaceInfo,
    place::Place,
    schema::Schema,
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
        at!(self.server(place)?, server => server.record_changes(place, token))
    }

    /// Stops the recording of this token and deletes its notes; another operation's recording stays. Idempotent.
    ///
    /// # Errors
    /// Those of the disk, and `WrongIdentity` for a database that is not ours.
    pub async fn stop_recording(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place)?, server => server.stop_recording(place, token))
    }

    /// Fences a place whose changes are recorded for this token.
    ///
    /// # Errors
    /// `Fenced` if they are not, or no longer.
    pub async fn fence_recorded(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place)?, server => server.fence_recorded(place, token))
    }

    /// Lifts the fence of this holder: an operation's token, or None for a fence that no operation holds. Another
    /// operation's fence stays. Idempotent.
    ///
    /// # Errors
    /// Those of the disk, and `WrongIdentity` for a database that is not ours.
    pub async fn lift_fence(&self, place: &Place, holder: Option<i64>) -> Result<()> {
        at!(self.server(place)?, server => server.lift_fence(place, holder))
    }

    /// Opens a place that was adopted closed ([`Engine::adopt_with`]), and records its changes for this token from its
    /// first write on. From then on nothing can be carried into it. Idempotent.
    ///
    /// # Errors
    /// `Fenced` if the place is not completely filled, is fenced by an operation, or is not here at its generation.
    pub async fn open_filled(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place)?, server => server.open_filled(place, token))
    }

    /// Reads the state and the counts of a place.
    ///
    /// # Errors
    /// `Fenced` if the place is not here at its generation.
    pub async fn place_info(&self, place: &Place) -> Result<PlaceInfo> {
        at!(self.server(place)?, server => server.place_info(place))
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
        let tables = Tables::of_schema(schema);
        carry::copy_changes(&self.end(from)?, &self.end(to)?, &tables, token, after, most).await
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
        let tables = Tables::of_schema(schema);
        carry::compare_unwritten(&self.end(still)?, &self.end(written)?, &tables, after).await
    }
}

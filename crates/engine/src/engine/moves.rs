//! The facade of what only moves do: recording, fencing and catching up, each under the mark of its move, so
//! that a worker who comes late changes nothing. Called by the operation `move`.

use super::Engine;
use crate::{
    error::Result,
    place::Place,
    sqlite::{CaughtUp, ModelDiff, Standing, plan::Schema, transfer},
};
use std::sync::Arc;

impl Engine {
    /// Notes from now on which records writes touch, for the holder of `mark`: before a copy is made. Every write
    /// that begins after this returns is noted. Durable and idempotent; costs nothing while nobody records.
    pub async fn record_changes(&self, place: &Place, mark: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::record(conn, &site.place, mark)).await
    }

    /// Stops noting and forgets the notes, if they are those of `mark`. Idempotent.
    pub async fn stop_recording(&self, place: &Place, mark: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::stop_recording(conn, &site.place, mark)).await
    }

    /// Fences a place whose changes are recorded for `mark`; `Fenced` when they are not, or not any more.
    pub async fn fence_recorded(&self, place: &Place, mark: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::fence_recorded(conn, &site.place, mark)).await
    }

    /// Lifts the fence that [`Engine::fence_recorded`] set with this mark. Idempotent.
    pub async fn lift_fence(&self, place: &Place, mark: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::lift_fence(conn, &site.place, mark)).await
    }

    /// Opens a place that was adopted closed ([`Engine::adopt_with`]), and records its changes for `mark` from its first
    /// write on. Nothing is carried into it any more. Idempotent.
    pub async fn open_filled(&self, place: &Place, mark: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::open_filled(conn, &site.place, mark)).await
    }

    /// Fence, recording and counts of a place.
    pub async fn standing(&self, place: &Place) -> Result<Standing> {
        self.on_file(place, transfer::standing).await
    }

    /// Carries the present state of the records of `from` that were touched after change `after` (0: all noted
    /// ones) to `to`, which is closed and was made from a copy of `from`: whole rows with their ids, versions and
    /// instants, deletions, last ids, activity, counters. At most `most` changes, in one transaction; repeating a
    /// call changes nothing. Fewer changes than `most` means that these were all.
    ///
    /// `SchemaBehind`: migrations ran on one of the two since; make the copy anew. `Fenced`: `to` was opened
    /// already, or `from` is not recorded for `mark`.
    pub async fn copy_changes(
        &self,
        from: &Place,
        to: &Place,
        schema: &Arc<Schema>,
        mark: i64,
        after: u64,
        most: u64,
    ) -> Result<CaughtUp> {
        let (schema, to) = (schema.clone(), self.server(to)?.1.site(to));
        self.on_file(from, move |from| transfer::copy_changes(from, &to, &schema, mark, after, most)).await
    }

    /// For each model, the rows that are not the same in both places, of those that the log of `written` does not
    /// name after change `after`. `still` is not written to meanwhile.
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

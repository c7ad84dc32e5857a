//! What moves do to a place: recording, fencing, catching up and comparing.

use super::Backend;
use crate::{
    carry::{CaughtUp, ModelDiff},
    error::Result,
    identity::PlaceInfo,
    place::Place,
    schema::Schema,
    sqlite::transfer,
};
use std::sync::Arc;

impl Backend {
    pub(crate) async fn record_changes(&self, place: &Place, token: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::record(conn, &site.place, token)).await
    }

    pub(crate) async fn stop_recording(&self, place: &Place, token: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::stop_recording(conn, &site.place, token)).await
    }

    pub(crate) async fn fence_recorded(&self, place: &Place, token: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::fence_recorded(conn, &site.place, token)).await
    }

    pub(crate) async fn lift_fence(&self, place: &Place, holder: Option<i64>) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::lift_fence(conn, &site.place, holder)).await
    }

    pub(crate) async fn open_filled(&self, place: &Place, token: i64) -> Result<()> {
        self.on_identity(place, move |conn, site| transfer::open_filled(conn, &site.place, token)).await
    }

    pub(crate) async fn place_info(&self, place: &Place) -> Result<PlaceInfo> {
        self.on_file(place, transfer::place_info).await
    }

    /// Carries changes from a place of this server to one of `target`.
    pub(crate) async fn copy_changes(
        &self,
        from: &Place,
        (target, to): (&Self, &Place),
        schema: &Arc<Schema>,
        token: i64,
        (after, most): (u64, u64),
    ) -> Result<CaughtUp> {
        let (schema, to) = (schema.clone(), target.server.site(to));
        self.on_file(from, move |from| transfer::copy_changes(from, &to, &schema, token, after, most)).await
    }

    /// Compares a place of this server with one of `target`.
    pub(crate) async fn compare(
        &self,
        live: &Place,
        (target, other): (&Self, &Place),
        schema: &Arc<Schema>,
    ) -> Result<Vec<ModelDiff>> {
        let (schema, other) = (schema.clone(), target.server.site(other));
        self.on_file(live, move |live| transfer::compare(live, &other, &schema)).await
    }

    /// Compares a place of this server with one of `target`, without what was written there after change `after`.
    pub(crate) async fn compare_unwritten(
        &self,
        still: &Place,
        (target, written): (&Self, &Place),
        schema: &Arc<Schema>,
        after: u64,
    ) -> Result<Vec<ModelDiff>> {
        let (schema, written) = (schema.clone(), target.server.site(written));
        self.on_file(still, move |still| transfer::compare_unwritten(still, &written, &schema, after)).await
    }
}

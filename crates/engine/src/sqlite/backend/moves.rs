//! Operations of moves on a place: recording and fencing.

use super::Backend;
use crate::{error::Result, identity::PlaceInfo, place::Place, sqlite::transfer};

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
}

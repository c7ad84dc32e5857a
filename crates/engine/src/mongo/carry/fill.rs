//! Makes places that contain all rows of another place or of a copy.

use super::Writer;
use crate::{
    carry::{Contents, Sink, require_same},
    error::Result,
    identity::{PlaceState, transition},
    mongo::server::Server,
    place::{Isolation, Place},
    schema::Script,
};
use mongodb::bson::doc;
use std::sync::atomic::AtomicU64;

impl Server {
    /// Makes `place` and fills it with `contents`. A new database gets the migrations of `contents`; a pool must have
    /// the same ones. In a pool, the rows replace those of an earlier generation. Idempotent. See [`Contents::carry`]
    /// for `carried`.
    ///
    /// # Errors
    /// Returns `Fenced` if the place is here at a later generation or another caller fills it in the meantime, and the
    /// errors of [`require_same`].
    pub(crate) async fn fill(
        &self,
        place: &Place,
        script: &Script,
        contents: Contents,
        filled: PlaceState,
        carried: &AtomicU64,
    ) -> Result<()> {
        let site = self.site(place)?;
        if place.isolation == Isolation::Pooled {
            let pool = self.read_identity(&site).await?.applied(&site);
            require_same(&contents.applied, &pool, script)?;
        } else {
            let state = doc! { "state": "filling", "holder": transition::filling_token() };
            self.make(place, Some(&contents.script), state).await?;
        }
        let writer = Writer::filling(self, &site, &contents.tables, filled).await?;
        contents.fill(writer.map(|writer| Sink::Mongo(Box::new(writer))), carried).await
    }
}

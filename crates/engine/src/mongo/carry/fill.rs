//! Places that are made with all rows of another place or of a copy.

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
    /// Makes `place` with these contents, and with their migrations; a pool must have the same. They replace rows of an
    /// earlier generation in the same pool. Idempotent. See [`Contents::carry`] for `carried`.
    ///
    /// # Errors
    /// `Fenced` if a later generation is here, or another caller fills the place meanwhile; those of [`require_same`].
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

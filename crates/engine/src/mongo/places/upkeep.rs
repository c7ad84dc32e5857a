//! Work on a whole database: checking that it is there, and that all of it can be read.

use crate::{
    error::{Error, Kind, Result},
    mongo::{server::Server, site::Site},
    place::Place,
};
use futures_util::TryStreamExt;
use mongodb::bson::doc;

impl Server {
    /// Verifies that `place` lives in its database.
    ///
    /// # Errors
    /// `Missing`, `WrongIdentity` or `Fenced` if it does not; `FormatAhead` if a newer version of this program made the
    /// platform's collections.
    pub(crate) async fn verify(&self, place: &Place) -> Result<()> {
        self.identify(&self.site(place)?).await.map(drop)
    }

    /// Reads every document of the database, in a pool those of all tenants, so that the server reads and checks each block
    /// of them.
    ///
    /// # Errors
    /// `Corrupt` if a block is damaged.
    pub(crate) async fn check_pages(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        for name in self.collections(&site).await? {
            let collection = self.collection(&site, &name).await?;
            let mut cursor = self.answer(async { collection.find(doc! {}).await }).await?;
            while self.answer(async { cursor.try_next().await }).await?.is_some() {}
        }
        Ok(())
    }

    /// Verifies that the database is there. MongoDB uses the space of deleted documents again, but does not overwrite it at
    /// once: `compact` takes seconds for each collection to wait for a checkpoint, and does not promise that either.
    ///
    /// # Errors
    /// `Missing` if there is no such database; `Unreachable` if the deployment goes away.
    pub(crate) async fn scrub(&self, place: &Place) -> Result<()> {
        self.collections(&self.site(place)?).await.map(drop)
    }

    /// Returns the names of all collections.
    async fn collections(&self, site: &Site) -> Result<Vec<String>> {
        let database = self.database(&site.database).await?;
        let names = self.answer(async { database.list_collection_names().await }).await?;
        match names.is_empty() {
            true => Err(Error::new(Kind::Missing, format!("{site}: no such database"))),
            false => Ok(names.into_iter().filter(|name| !name.starts_with("system.")).collect()),
        }
    }
}

/// Returns true if `error` says that the place is missing, holds another place, or cannot be read; false for conditions
/// that pass without intervention. A deployment that is away has lost nothing.
pub(crate) fn is_loss(place: &Place, error: &Error) -> bool {
    match error.kind() {
        Kind::Missing | Kind::WrongIdentity | Kind::Corrupt => true,
        // No name is used twice, so another generation was put there. A pool may simply be ahead.
        Kind::Fenced => !place.isolation.is_pooled(),
        _ => false,
    }
}

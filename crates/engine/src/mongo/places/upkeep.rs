//! Checks a whole database: that it exists, and that all of it can be read.

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
    /// Returns `Missing`, `WrongIdentity` or `Fenced` if it does not, and `FormatAhead` if a newer version of this
    /// program made the platform's collections.
    pub(crate) async fn verify(&self, place: &Place) -> Result<()> {
        self.identify(&self.site(place)?).await.map(drop)
    }

    /// Reads every document of the database (in a pool, of all tenants), so that the server reads and checks every
    /// block with documents.
    ///
    /// # Errors
    /// Returns `Corrupt` if a block is damaged.
    pub(crate) async fn check_pages(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        for name in self.collections(&site).await? {
            let collection = self.collection(&site, &name).await?;
            let mut cursor = self.answer(async { collection.find(doc! {}).await }).await?;
            while self.answer(async { cursor.try_next().await }).await?.is_some() {}
        }
        Ok(())
    }

    /// Verifies that the database exists, and overwrites nothing. MongoDB reuses the space of deleted documents but
    /// does not overwrite it at once. `compact` does not guarantee that either, and it waits for a checkpoint, which
    /// takes seconds for each collection.
    ///
    /// # Errors
    /// Returns `Missing` if there is no such database, and `Unreachable` if the deployment does not answer.
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

/// Returns true if `error` means that the database is missing, contains another place, or cannot be read. Returns false
/// for conditions that pass without intervention: a deployment that does not answer has lost nothing.
pub(crate) fn is_loss(place: &Place, error: &Error) -> bool {
    match error.kind() {
        Kind::Missing | Kind::WrongIdentity | Kind::Corrupt => true,
        // No name is used twice, so a database of another generation was put there. In a pool, the tenant may simply be
        // at a later generation.
        Kind::Fenced => !place.isolation.is_pooled(),
        _ => false,
    }
}

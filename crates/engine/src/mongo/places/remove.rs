//! Removes databases, and sets lost ones aside.

use crate::{
    error::{Error, Kind, Result},
    mongo::{
        error::{exists_already, is_absent},
        server::Server,
        tables::PLACES,
    },
    place::Place,
};
use mongodb::bson::doc;

/// Name of the collection of places in a database that was set aside: no place is found there.
const ASIDE: &str = "_tenantry_aside";

impl Server {
    /// Removes the database of a place for good, also if it was set aside. Idempotent.
    ///
    /// # Errors
    /// `NoAccess` if the user of the URL may not remove it.
    pub(crate) async fn drop_database(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        self.opened.remove(place);
        let database = self.database(&site.database).await?;
        Ok(self.answer(async { database.drop().await }).await?)
    }

    /// Makes a tenant's own database that is lost unusable, as `error` says: each read and write of other processes is
    /// refused from now on. Another place's database stays as it is. May be repeated.
    ///
    /// # Errors
    /// `Unreachable` if the deployment does not answer.
    pub(crate) async fn set_aside(&self, place: &Place, error: &Error) -> Result<()> {
        match error.kind() {
            Kind::WrongIdentity => Ok(()),
            _ => self.rename_places(place, PLACES, ASIDE).await,
        }
    }

    /// Undoes [`Server::set_aside`].
    ///
    /// # Errors
    /// Those of [`Server::set_aside`].
    pub(crate) async fn put_back(&self, place: &Place) -> Result<()> {
        self.rename_places(place, ASIDE, PLACES).await
    }

    /// Does nothing if there is no such collection, or the new name is taken.
    async fn rename_places(&self, place: &Place, from: &str, to: &str) -> Result<()> {
        let database = self.site(place)?.database.clone();
        let name = |collection: &str| format!("{database}.{collection}");
        let command = doc! { "renameCollection": name(from), "to": name(to) };
        match self.try_run("admin", command).await? {
            Err(error) if !is_absent(&error) && !exists_already(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

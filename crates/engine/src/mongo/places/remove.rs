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

/// Name that the collection of places gets when its database is set aside. No process finds a place under this name.
const ASIDE: &str = "_tenantry_aside";

impl Server {
    /// Permanently removes the database of a place, even if it was set aside. Idempotent.
    ///
    /// # Errors
    /// Returns `NoAccess` if the user of the URL may not remove it.
    pub(crate) async fn drop_database(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        self.opened.remove(place);
        let database = self.database(&site.database).await?;
        Ok(self.answer(async { database.drop().await }).await?)
    }

    /// Makes a tenant's own database unusable, because `error` shows that its data is lost: reads and writes of all
    /// processes fail from now on. After `WrongIdentity` the database belongs to another place and stays unchanged.
    /// Idempotent.
    ///
    /// # Errors
    /// Returns `Unreachable` if the deployment does not answer.
    pub(crate) async fn set_aside(&self, place: &Place, error: &Error) -> Result<()> {
        match error.kind() {
            Kind::WrongIdentity => Ok(()),
            _ => {
                self.rename_places(place, PLACES, ASIDE).await?;
                self.outlast_leases(&self.site(place)?, ASIDE).await
            }
        }
    }

    /// Undoes [`Server::set_aside`].
    ///
    /// # Errors
    /// Returns the errors of [`Server::set_aside`].
    pub(crate) async fn put_back(&self, place: &Place) -> Result<()> {
        self.rename_places(place, ASIDE, PLACES).await
    }

    /// Renames the collection of places. Does nothing if it does not exist or the new name is taken.
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

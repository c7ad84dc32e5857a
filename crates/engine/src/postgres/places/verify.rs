//! Checks that a place is where it should be, and upgrades the platform's own tables there.

use super::How;
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    postgres::{identity, server::Server, site::Site, tables},
};
use tokio_postgres::types::Type;

impl Server {
    /// Verifies that the database or schema of `place` holds it at its generation.
    ///
    /// # Errors
    /// Returns `Missing`, `WrongIdentity` or `Fenced` if it does not, and `FormatAhead` if a newer version of this
    /// program created the platform's tables.
    pub(crate) async fn verify(&self, place: &Place) -> Result<()> {
        self.identify(&self.site(place)?).await
    }

    /// Verifies that the database or schema at `site` holds its place, as [`Server::verify`] does.
    pub(crate) async fn identify(&self, site: &Site) -> Result<()> {
        let mut transaction = self.in_place(site, How::Snapshot).await?;
        let found = identity::check(transaction.connection()?, site, &self.platform).await;
        transaction.roll_back().await?;
        match found {
            Ok(tables::Form::Current) => Ok(()),
            Ok(tables::Form::Outdated) => self.upgrade(site).await,
            Err(error) => Err(self.or_missing(site, error).await),
        }
    }

    async fn upgrade(&self, site: &Site) -> Result<()> {
        let mut transaction = self.as_owner(site, How::Write).await?;
        tables::upgrade(transaction.connection()?, site).await?;
        transaction.commit().await
    }

    /// Converts `WrongIdentity` to `Missing` if there is no schema that could contain the identity.
    pub(in crate::postgres) async fn or_missing(&self, site: &Site, error: Error) -> Error {
        if *error.kind() != Kind::WrongIdentity || !site.shares_database() {
            return error;
        }
        match self.has_schema(site).await {
            Ok(false) => Error::with_source(Kind::Missing, format!("{site}: no such schema"), error),
            _ => error,
        }
    }

    /// Returns true if the schema of the place exists, whatever it contains.
    pub(super) async fn has_schema(&self, site: &Site) -> Result<bool> {
        let mut lease = self.lease(site).await?;
        let sql = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
        let name = &*site.schema;
        Ok(!lease.connection()?.query(sql, &[(&name, Type::TEXT)]).await?.is_empty())
    }
}

//! Names and ids that are in use on the servers, whether or not the catalog knows them, so that they are not given
//! again (`no-reuse`). Never used for routing.

use super::{Engine, Server};
use crate::{
    error::Result,
    identity::Highest,
    name::{PhysicalName, ServerName},
    place::Place,
};

impl Engine {
    /// Returns true if any file has the name of this database, including a file that was set aside.
    ///
    /// # Errors
    /// Returns [`crate::Kind::UnknownServer`] if there is no such server.
    pub async fn is_taken(&self, server: &ServerName, physical: &PhysicalName) -> Result<bool> {
        at!(self.named(server).await?, server => server.is_taken(physical))
    }

    /// Returns the highest ids of the residents that the installation `platform` has in a database; `None` if there is
    /// no such database, or if it cannot be read as a database.
    ///
    /// # Errors
    /// Returns errors that pass without intervention, and the errors of the disk.
    pub async fn highest(
        &self,
        server: &ServerName,
        physical: &PhysicalName,
        platform: &str,
    ) -> Result<Option<Highest>> {
        at!(self.named(server).await?, server => server.highest(physical, platform))
    }

    /// Returns the generation of the tenant's rows in the shared database of `place`, which may differ from that of
    /// `place`; `None` if the tenant has no rows there.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::highest`].
    pub async fn generation_in(&self, place: &Place) -> Result<Option<i64>> {
        at!(self.server(place).await?, server => server.generation_in(place))
    }
}

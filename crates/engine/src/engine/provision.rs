//! Creates new databases, either at once or prepared in the background.

use super::{Engine, Server};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    schema::Template,
    sqlite,
};

/// A new database that has no final name yet. If it is dropped, nothing remains of it.
#[derive(Debug)]
pub struct Prepared {
    place: Place,
    /// The work in progress; `None` on a server that creates databases under their final name.
    work: Option<sqlite::Preparing>,
}

impl Engine {
    /// Creates the database of a system store, with the platform's own tables only. Idempotent.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if the database exists but belongs to another place.
    pub async fn create_system(&self, place: &Place) -> Result<()> {
        self.provision(place, &Template::bare(place.store.clone())).await
    }

    /// Creates the database of `place` from a template. Idempotent; never overwrites.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if the database exists but belongs to another place.
    pub async fn provision(&self, place: &Place, template: &Template) -> Result<()> {
        at!(self.server(place).await?, server => server.provision(place, template))
    }

    /// Starts to create the database of `place` under a temporary name, on a blocking thread. This commits to nothing:
    /// either [`Engine::provision_prepared`] gives the database its final name, or it is removed. Must be called on a
    /// runtime.
    ///
    /// # Errors
    /// Returns [`crate::Kind::UnknownServer`] if there is no such server.
    pub fn prepare(&self, place: &Place, template: &Template) -> Result<Prepared> {
        let work = match &*self.server_now(place)? {
            Server::Sqlite(server) => Some(server.prepare(place, template)),
            Server::Postgres(_) => None,
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => None,
        };
        Ok(Prepared { place: place.clone(), work })
    }

    /// Creates the database of `place` from a template, like [`Engine::provision`], but uses `prepared` if that belongs
    /// to `place`.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if the database exists but belongs to another place.
    pub async fn provision_prepared(
        &self,
        place: &Place,
        template: &Template,
        prepared: Option<Prepared>,
    ) -> Result<()> {
        let work = prepared.filter(|prepared| prepared.place == *place).and_then(|prepared| prepared.work);
        match (&*self.server(place).await?, work) {
            (Server::Sqlite(server), Some(work)) => server.name_prepared(place, template, work).await,
            _ => self.provision(place, template).await,
        }
    }

    /// Moves a tenant's own database away from its path because it is lost, as `error` shows. A process that has it
    /// open would continue to write to it; from now on each of its writes is refused. The file is retained under
    /// another name. Anything that is not a regular file stays in place. Idempotent.
    ///
    /// # Errors
    /// Returns the errors of the disk.
    pub async fn set_aside(&self, place: &Place, error: &Error) -> Result<()> {
        at!(self.server(place).await?, server => server.set_aside(place, error))
    }

    /// Renames the database of a system store to an unused name, so that another database can get its name. Returns the
    /// new name; `None` if there is no database. Only on a server of databases.
    ///
    /// # Errors
    /// Returns `Busy` if statements that run there do not end, and `Internal` if the store is a file.
    pub async fn rename_aside(&self, place: &Place) -> Result<Option<String>> {
        match &*self.server(place).await? {
            Server::Postgres(server) => server.rename_aside(place).await,
            Server::Sqlite(_) => Err(Error::new(Kind::Internal, format!("{place} is a file"))),
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => Err(Error::new(Kind::Internal, format!("{place} cannot be renamed"))),
        }
    }

    /// Undoes [`Engine::set_aside`].
    ///
    /// # Errors
    /// Returns the errors of the disk.
    pub async fn put_back(&self, place: &Place) -> Result<()> {
        at!(self.server(place).await?, server => server.put_back(place))
    }
}

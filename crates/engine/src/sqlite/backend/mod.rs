//! What the engine needs from SQLite: one method for each of its verbs, on the files of one server.
//!
//! Work on whole files runs on blocking threads. Sessions choose their threads themselves.

mod copies;
mod moves;
mod places;
mod upkeep;

pub(crate) use places::Preparing;

use super::{
    Asked, Beside, Cache, LongWork, Server, Session, Site, WriteTurn, located, operator_sql,
    system::SystemDb, transfer::Queue,
};
use crate::{
    error::{Error, Kind, Result},
    joins::SharedStore,
    name::ServerName,
    place::{Isolation, Place},
    schema::{Schema, Script},
    statement::SqlRows,
};
use std::sync::Arc;

/// A server of SQLite files, with the state that all servers of the process share. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    server: Arc<Server>,
    /// Number of the server in the cache.
    index: u16,
    shared: Arc<Shared>,
}

/// The state that all SQLite servers of a process share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) cache: Cache,
    pub(crate) long: LongWork,
}

impl Backend {
    /// Creates the server with the number `index` in the cache.
    pub(crate) fn new(server: Server, index: u16, shared: &Arc<Shared>) -> Self {
        Self { server: Arc::new(server), index, shared: shared.clone() }
    }

    /// Returns the site of a place: its file, identity and access mode.
    pub(crate) fn site(&self, place: &Place) -> Site {
        self.server.site(place)
    }

    /// Returns the server's name.
    pub(crate) fn name(&self) -> &ServerName {
        self.server.name()
    }

    /// Closes the attached file. Its last user closes it for good.
    pub(crate) fn close_sole(&self) {
        if let Some(path) = self.server.sole_path() {
            self.shared.cache.close_at(self.index, &path);
        }
    }

    /// Returns true if the server is one attached file.
    pub(crate) fn is_sole(&self) -> bool {
        self.server.is_sole()
    }

    /// See [`crate::Engine::session`].
    pub(crate) async fn session(&self, place: &Place, schema: &Arc<Schema>) -> Result<Session> {
        let database = self.shared.cache.database(self.index, &self.server, place).await?;
        let ledger = database.know(schema).await?;
        Ok(Session::new(database, place, schema, ledger, &self.shared.long))
    }

    /// See [`crate::Engine::system`].
    pub(crate) async fn system(&self, place: &Place) -> Result<SystemDb> {
        SystemDb::new(self.shared.cache.database(self.index, &self.server, place).await?)
    }

    /// See [`crate::Engine::operator_sql`].
    pub(crate) async fn operator_sql(
        &self,
        place: &Place,
        script: &Arc<Script>,
        asked: Asked<'_>,
    ) -> Result<SqlRows> {
        let database = self.shared.cache.database(self.index, &self.server, place).await?;
        operator_sql(database, place, script.clone(), &self.shared.long, asked).await
    }

    /// Opens a shared store for one statement of a tenant.
    pub(crate) async fn beside(&self, shared: &SharedStore) -> Result<Beside> {
        let database = self.shared.cache.database(self.index, &self.server, &shared.place).await?;
        Beside::new(database, shared).await
    }

    /// See [`crate::Engine::verify`].
    pub(crate) async fn verify(&self, place: &Place) -> Result<()> {
        self.shared.cache.database(self.index, &self.server, place).await.map(drop)
    }

    /// See [`crate::Engine::close`].
    pub(crate) fn close(&self, place: &Place) {
        self.shared.cache.close(self.index, &place.physical);
    }

    /// Runs `work` on the file of `place`, on a blocking thread.
    async fn on_file<T: Send + 'static>(
        &self,
        place: &Place,
        work: impl FnOnce(&Site) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if place.isolation == Isolation::Schema {
            let detail = format!("{place}: SQLite has no schemas");
            return Err(Error::new(Kind::Internal, detail));
        }
        let site = self.server.site(place);
        blocking(move || work(&site).map_err(|error| located(error, &site.path))).await
    }

    /// Runs `work` on the server's directory, on a blocking thread.
    async fn on_server<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Server) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let server = self.server.clone();
        blocking(move || work(&server)).await
    }

    /// Returns a function that takes this process's write lock for one batch, so that the batch's writers wait in line
    /// instead of failing with a busy database.
    fn queue(&self, place: &Place) -> Queue {
        let (index, shared, physical) = (self.index, self.shared.clone(), place.physical.clone());
        Arc::new(move || -> WriteTurn {
            let database = shared.cache.open_now(index, &physical)?;
            Some(Box::new(database.writer.clone().blocking_lock_owned()))
        })
    }
}

/// Runs work with much disk access on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::with_source(Kind::Internal, "background work", error))?
}

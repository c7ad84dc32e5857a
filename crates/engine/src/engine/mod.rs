//! The platform's entry point: one engine over all servers, and sessions confined to one place each.
//!
//! It dispatches on the kind of server and contains no policy. It opens only what the caller's [`Place`] names, and
//! never creates, guesses or falls back (`confined-query`, `catalog-placement`, `self-identifying` and
//! `fenced-generation`).

#[cfg(feature = "mongodb")]
use crate::mongo;
use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    name::{PhysicalName, ServerName},
    place::Place,
    postgres,
    schema::Schema,
    sqlite::{self, Mode},
};
use std::sync::Arc;

/// Calls a method of the server, whichever kind it is. A future of a server on a network is boxed. Otherwise the future of a
/// SQLite read would be as large, although that read has ended before its first await.
macro_rules! at {
    ($server:expr, $at:ident => $call:expr) => {
        match &*$server {
            Server::Sqlite($at) => $call.await,
            Server::Postgres($at) => Box::pin($call).await,
            #[cfg(feature = "mongodb")]
            Server::Mongo($at) => Box::pin($call).await,
        }
    };
}

mod attached;
mod moves;
mod occupied;
mod operator;
mod outside;
mod proof;
mod provision;
mod room;
mod schema;
mod servers;
mod session;
mod spec;
mod sql;
mod system;
mod transfer;

#[cfg(feature = "mongodb")]
pub use self::outside::mirror;
#[cfg(feature = "mongodb")]
pub(crate) use self::sql::no_sql;
pub use self::{
    attached::{AttachedAt, AttachedSpec, FindAttached, FoundColumn, FoundTable, Secret, Survey, sole_name},
    outside::foreign::ForeignDocuments,
    provision::Prepared,
    session::Session,
    spec::{CacheLimits, ServerSpec, WorkLimits},
    system::{SystemDb, Tx},
    transfer::DumpFormat,
};
pub use crate::carry::{
    AdoptOptions, Blanked, CaughtUp, Copy, CopyInfo, CopyOptions, Digest, Filled, ModelDiff, TableDigest,
};
pub use crate::identity::{Highest, PlaceInfo, PlaceState, Resident};
pub use crate::ledger::MigrateReport;
pub use crate::place::DatabaseFile;
pub use crate::postgres::{
    ConnectionCounts, ConnectionLimits, ReplicaOptions, ReplicaReport, ReplicaStanding, Replication,
    ServerOptions as PostgresOptions, Sole as PostgresSole,
};
pub use crate::statement::{SqlLimits, SqlRows};
pub use crate::system::{SqlRow, SystemColumn};
pub use crate::{
    schema::{Drift, Fault, Inspection, Script, Template},
    write::{Activity, Usage},
};

/// All servers and their open databases. Cheap to clone.
///
/// # Errors
/// Calls with a [`Place`] fail with `UnknownServer`, `Missing`, `WrongIdentity` or `Fenced` if its database is not
/// where it should be, with `Busy` if the database is in use for too long, and with the errors of the disk.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    servers: Vec<Server>,
    attached: attached::Attached,
    /// Longest duration of a read.
    deadline: std::time::Duration,
    platform: Platform,
    sqlite: Arc<sqlite::Shared>,
}

/// A server of either kind.
#[derive(Debug)]
enum Server {
    Sqlite(sqlite::Backend),
    Postgres(postgres::Server),
    #[cfg(feature = "mongodb")]
    Mongo(mongo::Server),
}

impl Server {
    fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    fn name(&self) -> &ServerName {
        match self {
            Self::Sqlite(server) => server.name(),
            Self::Postgres(server) => &server.name,
            #[cfg(feature = "mongodb")]
            Self::Mongo(server) => &server.name,
        }
    }

    /// Returns how many places are open now, and how many were opened since the process started, if the server is a
    /// MongoDB deployment; otherwise zeros.
    fn places(&self) -> (usize, u64) {
        match self {
            #[cfg(feature = "mongodb")]
            Self::Mongo(server) => server.places(),
            _ => (0, 0),
        }
    }
}

impl Engine {
    /// Starts an engine on these servers. Their directories must exist. The engine touches nothing else.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`] if a directory does not exist.
    pub fn open(servers: Vec<ServerSpec>, limits: CacheLimits) -> Result<Self> {
        Self::open_with(servers, limits, WorkLimits::default())
    }

    /// Starts an engine on these servers, with limits for long work. See [`Engine::open`].
    pub fn open_with(servers: Vec<ServerSpec>, limits: CacheLimits, work: WorkLimits) -> Result<Self> {
        Self::open_in(servers, limits, work, Mode::Shared)
    }

    /// Opens these servers read-only, on a disk that is full or read-only. The caller must ensure that no other process
    /// uses the servers in the meantime: a database that is written to would be read in the middle of a commit.
    pub fn open_read_only(servers: Vec<ServerSpec>, limits: CacheLimits, work: WorkLimits) -> Result<Self> {
        Self::open_in(servers, limits, work, Mode::ReadOnly)
    }

    fn open_in(specs: Vec<ServerSpec>, limits: CacheLimits, work: WorkLimits, mode: Mode) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let descriptors = limits.shares();
        let connections = limits.connections_per_database.unwrap_or(cores + 2).max(2);
        let at_once = work.at_once.unwrap_or(cores * 2).max(1);
        // The tenants of a pool also share its connections.
        let share = work.per_tenant.unwrap_or(at_once / 2).min(connections / 2);
        let deadline = work.deadline.unwrap_or(spec::READ_DEADLINE);
        let long = sqlite::LongWork::new(at_once, share, deadline);
        sqlite::allow_shm_files(descriptors.watches());
        let handles = sqlite::Handles::new(descriptors.files());
        let cache = sqlite::Cache::new(descriptors.open_databases, connections, handles)?;
        let (platform, sqlite) = (Platform::default(), Arc::new(sqlite::Shared { cache, long }));
        let open = |(index, spec): (u16, ServerSpec)| match spec {
            ServerSpec::Sqlite { name, root } => {
                let server = sqlite::Server::open(name, &root, &platform, mode)?;
                if mode == Mode::Shared {
                    sqlite::sweep(&server);
                }
                Ok(Server::Sqlite(sqlite::Backend::new(server, index, &sqlite)))
            }
            ServerSpec::Postgres { name, options, replication } => {
                postgres::Server::new(name, (&options, &replication), &platform, deadline)
                    .map(Server::Postgres)
            }
            #[cfg(feature = "mongodb")]
            ServerSpec::Mongo { name, options } => {
                let open = limits.open_databases.unwrap_or(mongo::OPEN_PLACES);
                mongo::Server::new(name, options, &platform, (deadline, open)).map(Server::Mongo)
            }
        };
        let servers = (0..).zip(specs).map(open).collect::<Result<_>>()?;
        let attached = attached::Attached::default();
        Ok(Self(Arc::new(Inner { servers, attached, deadline, platform, sqlite })))
    }

    /// Sets the id of this installation once the control store has it. Databases created from now on carry it, and
    /// databases that carry another id are refused with `WrongIdentity`. The id is opaque, not empty, and never
    /// changes.
    ///
    /// # Errors
    /// Returns [`Kind::Internal`] if a different id was set before.
    pub fn set_platform(&self, id: &str) -> Result<()> {
        self.0.platform.set(id)
    }

    /// Opens a session confined to `place`. Open a session for each request, because it keeps its database open.
    ///
    /// # Errors
    /// Returns [`Kind::SchemaBehind`] or [`Kind::SchemaAhead`] if the database does not have exactly the migrations of
    /// `schema`. Every read and write of the session compares them again (`known-schema`).
    pub async fn session(&self, place: &Place, schema: &Arc<Schema>) -> Result<Session> {
        Ok(match &*self.server(place).await? {
            Server::Sqlite(server) => Session::sqlite(server.session(place, schema).await?),
            Server::Postgres(server) => Session::postgres(Box::pin(server.session(place, schema)).await?),
            #[cfg(feature = "mongodb")]
            Server::Mongo(server) => Session::mongo(Box::pin(server.session(place, schema)).await?),
        })
    }

    /// Takes over a database that was created outside the platform for this place: adds the platform's own tables and
    /// the identity of the place. Refuses a database with another identity. Idempotent; never creates a database.
    pub async fn attach(&self, place: &Place) -> Result<()> {
        at!(self.server(place).await?, server => server.attach(place))
    }

    /// Writes the identity row of a pooled tenant in a shared database. Idempotent.
    pub async fn enrol(&self, place: &Place) -> Result<()> {
        at!(self.server(place).await?, server => server.enrol(place))
    }

    /// Forbids writes of this place durably, inside its database (`fenced-generation`). If `fenced` is false, allows
    /// writes again, whichever operation set the fence.
    ///
    /// # Errors
    /// Returns `Fenced` if `fenced` is false and the place is being filled or removed, or was not opened yet.
    pub async fn fence(&self, place: &Place, fenced: bool) -> Result<()> {
        at!(self.server(place).await?, server => server.fence(place, fenced))
    }

    /// Returns true if the place's file, database or schema exists. For operators' reports, never for routing
    /// (`catalog-placement`).
    pub async fn exists(&self, place: &Place) -> Result<bool> {
        at!(self.server(place).await?, server => server.exists(place))
    }

    /// Returns every database file, database and schema on a server. For operators' reports, never for routing
    /// (`catalog-placement`).
    pub async fn database_files(&self, server: &ServerName) -> Result<Vec<DatabaseFile>> {
        at!(self.named(server).await?, server => server.database_files())
    }

    /// Returns at most `most` residents of the database with this name. For operators' reports, never for routing.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if the database does not have our tables.
    pub async fn residents(
        &self,
        server: &ServerName,
        physical: &PhysicalName,
        most: u32,
    ) -> Result<Vec<Resident>> {
        at!(self.named(server).await?, server => server.residents(physical, most))
    }

    /// Returns the size in bytes: of the database on disk or, for a pooled tenant, of its values.
    pub async fn size_bytes(&self, place: &Place) -> Result<u64> {
        at!(self.server(place).await?, server => server.size_bytes(place))
    }

    /// Deletes the database for good. Idempotent.
    pub async fn drop_database(&self, place: &Place) -> Result<()> {
        at!(self.server(place).await?, server => server.drop_database(place))
    }

    /// Rewrites a shared database, or one of the platform's own, from its rows, so that no file contains deleted data.
    /// Other writers wait for it: about a second for 100 MB.
    pub async fn scrub(&self, place: &Place) -> Result<()> {
        at!(self.server(place).await?, server => server.scrub(place))
    }

    /// Opens the database and verifies that it holds `place`.
    pub async fn verify(&self, place: &Place) -> Result<()> {
        at!(self.server(place).await?, server => server.verify(place))
    }

    /// Reopens the database of `place` and checks every page. Returns the reason if the database is lost; `None` if it
    /// is whole.
    ///
    /// # Errors
    /// Returns errors that pass without intervention, such as a busy database or a full disk.
    pub async fn lost(&self, place: &Place) -> Result<Option<Error>> {
        match self.unusable(place).await? {
            Some(error) => Ok(Some(error)),
            None => self.loss(place, self.check_pages(place).await),
        }
    }

    /// Reopens the database of `place` and checks only its identity. Returns the reason if the place cannot be used;
    /// `None` if it can.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::lost`].
    pub async fn unusable(&self, place: &Place) -> Result<Option<Error>> {
        // Close it first: an open connection would still read a file that was removed or replaced.
        self.close(place);
        self.loss(place, self.verify(place).await)
    }

    /// Returns true if `error` means that the database of `place` is missing, holds another place, or cannot be read.
    /// Returns false for conditions that pass without intervention.
    pub fn is_loss(&self, place: &Place, error: &Error) -> bool {
        let Ok(server) = self.server_now(place) else { return false };
        match &*server {
            Server::Sqlite(_) => sqlite::is_loss(place, error),
            Server::Postgres(_) => postgres::is_loss(place, error),
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => mongo::is_loss(place, error),
        }
    }

    /// Returns a loss as `Some`, and other errors as errors.
    fn loss(&self, place: &Place, checked: Result<()>) -> Result<Option<Error>> {
        match checked {
            Ok(()) => Ok(None),
            Err(error) if self.is_loss(place, &error) => Ok(Some(error)),
            Err(error) => Err(error),
        }
    }

    /// Checks every page of the database of `place`.
    ///
    /// # Errors
    /// Returns `Corrupt` if the database is damaged, and the errors of the disk.
    pub async fn check_pages(&self, place: &Place) -> Result<()> {
        at!(self.server(place).await?, server => server.check_pages(place))
    }

    /// Removes the database of `place` from the cache. The database closes when its last user drops it.
    pub fn close(&self, place: &Place) {
        if let Ok(found) = self.server_now(place)
            && let Server::Sqlite(server) = &*found
        {
            server.close(place);
        }
    }

    /// Returns the number of databases that are open now. On MongoDB, these are the places that the process remembers as
    /// verified, because one client serves all of them.
    pub fn open_databases(&self) -> usize {
        self.0.sqlite.cache.len() + self.0.servers.iter().map(|server| server.places().0).sum::<usize>()
    }

    /// Returns the number of databases opened since the process started, which is the number of cache misses.
    pub fn opens(&self) -> u64 {
        self.0.sqlite.cache.opens() + self.0.servers.iter().map(|server| server.places().1).sum::<u64>()
    }

    /// Closes all databases that are not in use, and ends the background work.
    pub async fn shutdown(&self) {
        let inner = self.0.clone();
        let closed = tokio::task::spawn_blocking(move || inner.sqlite.cache.shutdown());
        if closed.await.is_err() {
            tracing::error!("shutdown of the engine panicked");
        }
    }

    /// Finds the server of a place.
    async fn server(&self, place: &Place) -> Result<attached::Found<'_>> {
        self.named(&place.server).await
    }

    /// Finds the server of a place, if it is configured, or attached and open.
    fn server_now(&self, place: &Place) -> Result<attached::Found<'_>> {
        self.named_now(&place.server)
    }
}

fn unknown(server: &ServerName) -> Error {
    Error::new(Kind::UnknownServer(server.to_string()), format!("no server {server} in the configuration"))
}

//! The platform's entry point: one engine over all servers, and sessions confined to one place each.
//!
//! It dispatches on the kind of server and holds no policy. It opens only what the caller's [`Place`] names, and never
//! creates, guesses or falls back (`confined-query`, `catalog-placement`, `self-identifying` and `fenced-generation`).

use crate::{
    descriptors::Descriptors,
    error::{Error, Kind, Result},
    identity::Platform,
    name::{PhysicalName, ServerName},
    place::{Isolation, Place},
    schema::Schema,
    sqlite::{self, Mode},
};
use std::{path::PathBuf, sync::Arc, time::Duration};

mod moves;
mod occupied;
mod operator;
mod provision;
mod schema;
mod session;
mod transfer;

pub use self::{provision::Prepared, session::Session};
pub use crate::carry::{
    AdoptOptions, Blanked, CaughtUp, Copy, CopyInfo, CopyOptions, Digest, ModelDiff, TableDigest,
};
pub use crate::identity::{Highest, PlaceInfo, PlaceState, Resident};
pub use crate::ledger::MigrateReport;
pub use crate::sqlite::{DatabaseFile, Script, SqlRow, SystemDb, Template, Tx};
pub use crate::statement::{SqlLimits, SqlRows};
pub use crate::{
    schema::{Drift, Fault, Inspection},
    write::{Activity, Usage},
};

/// A server of the configuration: where databases are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ServerSpec {
    /// A directory of SQLite files.
    Sqlite {
        /// The server's name.
        name: ServerName,
        /// The directory; it must exist.
        root: PathBuf,
    },
}

impl ServerSpec {
    /// Returns a server that is a directory of SQLite files. The directory must exist.
    pub fn sqlite(name: ServerName, root: impl Into<PathBuf>) -> Self {
        Self::Sqlite { name, root: root.into() }
    }
}

/// Limits of what the engine holds open. For None, the machine decides.
#[derive(Debug, Clone, Copy, Default)]
pub struct CacheLimits {
    /// Maximum number of open databases; None derives it from the limit of open files.
    pub open_databases: Option<usize>,
    /// Maximum number of connections to one database; None means cores + 2.
    pub connections_per_database: Option<usize>,
    /// Descriptors for databases; None means a share of those of the process.
    pub descriptors: Option<usize>,
}

impl CacheLimits {
    /// Divides the descriptors within these limits.
    fn shares(&self) -> Descriptors {
        let asked = self.open_databases.unwrap_or(OPEN_DATABASES);
        let shares = match self.descriptors {
            Some(descriptors) => Descriptors::for_databases(descriptors, asked),
            None => Descriptors::of_process(asked),
        };
        if let Some(asked) = self.open_databases.filter(|asked| *asked > shares.open_databases) {
            let allowed = shares.open_databases;
            tracing::warn!(asked, allowed, "fewer databases are kept open: raise the limit of open files");
        }
        shares
    }
}

/// Default for the maximum number of open databases, if there are enough descriptors.
const OPEN_DATABASES: usize = 20_000;

/// Limits of work on blocking threads. For None, the machine decides.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorkLimits {
    /// Maximum number of concurrent pieces of long work; None means twice the cores.
    pub at_once: Option<usize>,
    /// Maximum number of those for one tenant; None means half. Never more than half of the connections to one
    /// database.
    pub per_tenant: Option<usize>,
    /// Longest duration of a read; None means 10 seconds. A write transaction gets six times that.
    pub deadline: Option<Duration>,
}

/// Default for the longest duration of a read.
const READ_DEADLINE: Duration = Duration::from_secs(10);

/// All servers and their open databases; cheap to clone.
///
/// # Errors
/// Calls with a [`Place`] fail with `UnknownServer`, `Missing`, `WrongIdentity` or `Fenced` if its database is not where
/// it should be, with `Busy` if that is in use for too long, and with the errors of the disk.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    servers: Vec<Arc<sqlite::Server>>,
    platform: Platform,
    cache: sqlite::Cache,
    long: sqlite::LongWork,
}

impl Engine {
    /// Starts an engine on these servers. Their directories must exist; nothing else is touched.
    ///
    /// # Errors
    /// [`Kind::Missing`] if a directory does not exist.
    pub fn open(servers: Vec<ServerSpec>, limits: CacheLimits) -> Result<Self> {
        Self::open_with(servers, limits, WorkLimits::default())
    }

    /// Starts an engine on these servers, with limits of long work. See [`Engine::open`].
    pub fn open_with(servers: Vec<ServerSpec>, limits: CacheLimits, work: WorkLimits) -> Result<Self> {
        Self::open_in(servers, limits, work, Mode::Shared)
    }

    /// Opens these servers for reading only, on a disk that is full or read-only. The caller ensures that no other
    /// process uses the servers meanwhile: a database that is written to would be read in the middle of a commit.
    pub fn open_read_only(servers: Vec<ServerSpec>, limits: CacheLimits, work: WorkLimits) -> Result<Self> {
        Self::open_in(servers, limits, work, Mode::ReadOnly)
    }

    fn open_in(specs: Vec<ServerSpec>, limits: CacheLimits, work: WorkLimits, mode: Mode) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let descriptors = limits.shares();
        let connections = limits.connections_per_database.unwrap_or(cores + 2).max(2);
        let platform = Platform::default();
        let open = |spec: ServerSpec| match spec {
            ServerSpec::Sqlite { name, root } => {
                sqlite::Server::open(name, &root, &platform, mode).map(Arc::new)
            }
        };
        let servers = specs.into_iter().map(open).collect::<Result<Vec<_>>>()?;
        if mode == Mode::Shared {
            servers.iter().for_each(|server| sqlite::sweep(server));
        }
        let at_once = work.at_once.unwrap_or(cores * 2).max(1);
        // The tenants of a pool also share its connections.
        let share = work.per_tenant.unwrap_or(at_once / 2).min(connections / 2);
        let long = sqlite::LongWork::new(at_once, share, work.deadline.unwrap_or(READ_DEADLINE));
        sqlite::allow_shm_files(descriptors.watches());
        let handles = sqlite::Handles::new(descriptors.files());
        let cache = sqlite::Cache::new(descriptors.open_databases, connections, handles)?;
        Ok(Self(Arc::new(Inner { servers, platform, cache, long })))
    }

    /// Sets the id of this installation, once the control store has it: databases made from now on carry it, and those
    /// that carry another id are refused with `WrongIdentity`. The id is opaque, not empty, and never changes.
    ///
    /// # Errors
    /// [`Kind::Internal`] if a different id was set before.
    pub fn set_platform(&self, id: &str) -> Result<()> {
        self.0.platform.set(id)
    }

    /// Opens a session confined to `place`. `max_bytes` limits the size of a tenant's own database; for pooled tenants
    /// each write passes its limits. Make a session for each request: it keeps its database open.
    ///
    /// # Errors
    /// [`Kind::SchemaBehind`] or [`Kind::SchemaAhead`] if the database does not have exactly the migrations of
    /// `schema`; every read and write of the session compares them again (`known-schema`).
    pub async fn session(
        &self,
        place: &Place,
        schema: &Arc<Schema>,
        max_bytes: Option<u64>,
    ) -> Result<Session> {
        let (index, server) = self.server(place)?;
        let database = self.0.cache.database(index, server, place).await?;
        if place.isolation == Isolation::Database {
            database.set_cap(max_bytes);
        }
        let ledger = database.know(schema).await?;
        Ok(Session::sqlite(sqlite::Session::new(database, place, schema, ledger, &self.0.long)))
    }

    /// Takes over a database that was made outside the platform for this place: adds the platform's own tables and the
    /// identity of the place. Refuses a database with another identity. Idempotent; never creates a file.
    pub async fn attach(&self, place: &Place) -> Result<()> {
        self.on_file(place, sqlite::attach).await
    }

    /// Writes the identity row of a pooled tenant in a shared database. Idempotent.
    pub async fn enrol(&self, place: &Place) -> Result<()> {
        self.on_identity(place, |conn, site| sqlite::enrol(conn, &site.place, &site.platform)).await
    }

    /// Forbids writes of this place inside its database, durably (`fenced-generation`). With `fenced` false, allows
    /// them again, whichever operation forbade them.
    ///
    /// # Errors
    /// `Fenced` if writes are to be allowed in a place that is being filled or removed, or was not opened yet.
    pub async fn fence(&self, place: &Place, fenced: bool) -> Result<()> {
        let work = if fenced { sqlite::transfer::fence } else { sqlite::transfer::unfence };
        self.on_identity(place, work).await
    }

    async fn on_identity(
        &self,
        place: &Place,
        work: impl FnOnce(&rusqlite::Connection, &sqlite::Site) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        self.on_file(place, move |site| sqlite::change_identity(site, work)).await
    }

    /// Runs `work` on the file of `place`, on a blocking thread.
    async fn on_file<T: Send + 'static>(
        &self,
        place: &Place,
        work: impl FnOnce(&sqlite::Site) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let site = self.server(place)?.1.site(place);
        blocking(move || work(&site).map_err(|error| sqlite::located(error, &site.path, false))).await
    }

    /// Opens the system store at `place`, for the platform's own SQL.
    pub async fn system(&self, place: &Place) -> Result<SystemDb> {
        if place.tenant.is_some() {
            return Err(Error::new(Kind::Internal, format!("{place} is not a system store")));
        }
        let (index, server) = self.server(place)?;
        SystemDb::new(self.0.cache.database(index, server, place).await?)
    }

    /// Returns true if the database's file exists. For operators' reports, never for routing (`catalog-placement`).
    pub async fn exists(&self, place: &Place) -> Result<bool> {
        let (server, physical) = (self.server(place)?.1.clone(), place.physical.clone());
        blocking(move || Ok(server.exists(&physical))).await
    }

    /// Returns every database file on the servers. For operators' reports, never for routing (`catalog-placement`).
    pub async fn database_files(&self) -> Result<Vec<DatabaseFile>> {
        let servers = self.0.servers.clone();
        blocking(move || {
            let each = servers.iter().map(|server| sqlite::list_files(server));
            Ok(each.collect::<Result<Vec<_>>>()?.concat())
        })
        .await
    }

    /// Returns the residents of the database with this name, at most `most`. For operators' reports, never for routing.
    ///
    /// # Errors
    /// `WrongIdentity` if the database does not have our tables.
    pub async fn residents(
        &self,
        server: &ServerName,
        physical: &PhysicalName,
        most: u32,
    ) -> Result<Vec<Resident>> {
        let (server, physical) = (self.named(server)?, physical.clone());
        blocking(move || sqlite::residents(&server, &physical, most)).await
    }

    /// Returns the bytes of the database on disk; for a pooled tenant, those of its values.
    pub async fn size_bytes(&self, place: &Place) -> Result<u64> {
        let (server, place) = (self.server(place)?.1.clone(), place.clone());
        blocking(move || match place.isolation {
            Isolation::Pooled if place.tenant.is_some() => sqlite::pooled_bytes(&server.site(&place)),
            _ => server.size_bytes(&place.physical),
        })
        .await
    }

    /// Deletes the database for good. Idempotent.
    pub async fn drop_database(&self, place: &Place) -> Result<()> {
        self.close(place);
        let (server, physical) = (self.server(place)?.1.clone(), place.physical.clone());
        blocking(move || server.remove(&physical)).await
    }

    /// Rewrites a shared database, or one of the platform's own, from its rows, so that deleted data is in no file.
    /// Writers wait meanwhile: about a second for 100 MB.
    pub async fn scrub(&self, place: &Place) -> Result<()> {
        let queue = self.queue(place)?;
        self.on_file(place, move |site| sqlite::scrub(site, &queue)).await
    }

    /// Opens the database and verifies that `place` lives there.
    pub async fn verify(&self, place: &Place) -> Result<()> {
        let (index, server) = self.server(place)?;
        self.0.cache.database(index, server, place).await.map(drop)
    }

    /// Reopens the database of `place` and checks every page. Returns why it is lost; None if it is whole.
    ///
    /// # Errors
    /// Conditions that pass without intervention, such as a busy database or a full disk.
    pub async fn lost(&self, place: &Place) -> Result<Option<Error>> {
        match self.unusable(place).await? {
            Some(error) => Ok(Some(error)),
            None => loss(place, self.on_file(place, sqlite::check_all_pages).await),
        }
    }

    /// Reopens the database of `place` and checks only its identity. Returns why it cannot be used; None if it can.
    ///
    /// # Errors
    /// Those of [`Engine::lost`].
    pub async fn unusable(&self, place: &Place) -> Result<Option<Error>> {
        // An open connection would still read a file that was removed or replaced.
        self.close(place);
        loss(place, self.verify(place).await)
    }

    /// Returns true if `error` says that the database of `place` is missing, holds another place, or cannot be read;
    /// false for conditions that pass without intervention.
    pub fn is_loss(place: &Place, error: &Error) -> bool {
        sqlite::is_loss(place, error)
    }

    /// Checks every page of the database of `place`.
    ///
    /// # Errors
    /// `Corrupt` if the database is damaged, and the errors of the disk.
    pub async fn check_pages(&self, place: &Place) -> Result<()> {
        self.on_file(place, sqlite::check_all_pages).await
    }

    /// Returns the free bytes on the disk of each server; None if that cannot be told.
    pub fn free_bytes(&self) -> Vec<(ServerName, Option<u64>)> {
        let of = |server: &Arc<sqlite::Server>| (server.name().clone(), sqlite::free_bytes(server.root()));
        self.0.servers.iter().map(of).collect()
    }

    /// Removes the database of `place` from the cache; it closes when its last user drops it.
    pub fn close(&self, place: &Place) {
        if let Ok((index, _)) = self.server(place) {
            self.0.cache.close(index, &place.physical);
        }
    }

    /// Returns the number of databases open now.
    pub fn open_databases(&self) -> usize {
        self.0.cache.len()
    }

    /// Returns the number of files opened since the start: how often the cache missed.
    pub fn opens(&self) -> u64 {
        self.0.cache.opens()
    }

    /// Closes all databases that are not in use, cleanly, and ends background work.
    pub async fn shutdown(&self) {
        let inner = self.0.clone();
        let work = move || {
            inner.cache.shutdown();
            Ok(())
        };
        if blocking(work).await.is_err() {
            tracing::error!("shutdown of the engine panicked");
        }
    }

    /// Finds the server of a place. There are few servers, so comparing names beats hashing them.
    fn server(&self, place: &Place) -> Result<(u16, &Arc<sqlite::Server>)> {
        let found = self.0.servers.iter().enumerate().find(|(_, server)| *server.name() == place.server);
        let (index, server) = found.ok_or_else(|| unknown(&place.server))?;
        Ok((u16::try_from(index).unwrap_or(u16::MAX), server))
    }
}

fn unknown(server: &ServerName) -> Error {
    Error::new(Kind::UnknownServer(server.to_string()), format!("no server {server} in the configuration"))
}

/// Turns a loss into `Some`; other errors stay errors.
fn loss(place: &Place, checked: Result<()>) -> Result<Option<Error>> {
    match checked {
        Ok(()) => Ok(None),
        Err(error) if sqlite::is_loss(place, &error) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// Runs work with long disk access on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::with_source(Kind::Internal, "background work", error))?
}

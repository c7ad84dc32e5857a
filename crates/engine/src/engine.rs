//! What the platform calls: one engine over all servers, and sessions confined to one place each.
//!
//! Dispatches on the kind of server; it holds no policy of its own. It opens only what the caller's
//! [`Place`] names and never creates, guesses or falls back (`confined-query`, `catalog-placement`, `self-identifying` and `fenced-generation`).

use crate::{
    descriptors::Descriptors,
    error::{Error, Kind, Result},
    migration::Migration,
    name::{PhysicalName, ServerName, StoreName},
    place::{Isolation, Place},
    sqlite::{
        self,
        inspect::Inspection,
        migrate::{MigrateReport, Script},
        plan::Schema,
    },
};
use std::{path::PathBuf, sync::Arc, time::Duration};

mod moves;
mod provision;
mod transfer;

pub use self::provision::Prepared;
pub use crate::session::Session;
pub use crate::sqlite::{
    AdoptOptions, Blanked, CaughtUp, Copy, CopyInfo, CopyOptions, DatabaseFile, Digest, ModelDiff, Resident,
    SqlLimits, SqlRow, SqlRows, Standing, SystemDb, TableDigest, Template, Tx,
};

/// A server of the configuration.
#[derive(Debug, Clone)]
pub struct ServerSpec {
    /// Its name.
    pub name: ServerName,
    /// The directory its files are in; it must exist.
    pub root: PathBuf,
}

/// What may be held open. Zero or None: decided from the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct CacheLimits {
    /// Databases open at a time; None: from the limit of open files.
    pub open_databases: Option<usize>,
    /// Connections to one database at a time; None: cores + 2.
    pub connections_per_database: Option<usize>,
    /// Descriptors for databases; None: a share of what the process may have.
    pub descriptors: Option<usize>,
}

impl CacheLimits {
    /// What the descriptors are enough for.
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

/// Databases kept open where nothing is said and there are descriptors enough.
const OPEN_DATABASES: usize = 20_000;

/// Bounds of work off the async threads. None: decided from the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorkLimits {
    /// Pieces of long work at a time; None: twice the cores.
    pub at_once: Option<usize>,
    /// Of those, for one tenant; None: half. Never more than half of the connections to one database.
    pub per_tenant: Option<usize>,
    /// Longest a read may take; None: 10 seconds. A write transaction gets six times that.
    pub deadline: Option<Duration>,
}

/// Longest a read may take where nothing is said.
const READ_DEADLINE: Duration = Duration::from_secs(10);

/// All servers and their open databases; cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    servers: Vec<Arc<sqlite::Server>>,
    platform: sqlite::Platform,
    cache: sqlite::Cache,
    long: sqlite::LongWork,
}

impl Engine {
    /// Starts on these servers. Their directories must exist; nothing else is touched.
    pub fn open(servers: Vec<ServerSpec>, limits: CacheLimits) -> Result<Self> {
        Self::open_with(servers, limits, WorkLimits::default())
    }

    /// The same with bounds of long work.
    pub fn open_with(servers: Vec<ServerSpec>, limits: CacheLimits, work: WorkLimits) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let descriptors = limits.shares();
        let connections = limits.connections_per_database.unwrap_or(cores + 2).max(2);
        let platform = sqlite::Platform::default();
        let open = |spec: ServerSpec| sqlite::Server::open(spec.name, &spec.root, &platform).map(Arc::new);
        let servers = servers.into_iter().map(open).collect::<Result<Vec<_>>>()?;
        servers.iter().for_each(|server| sqlite::sweep(server));
        let at_once = work.at_once.unwrap_or(cores * 2).max(1);
        // Tenants of a pool share its connections too.
        let share = work.per_tenant.unwrap_or(at_once / 2).min(connections / 2);
        let long = sqlite::LongWork::new(at_once, share, work.deadline.unwrap_or(READ_DEADLINE));
        sqlite::shm::allow(descriptors.watches());
        let handles = sqlite::Handles::new(descriptors.files());
        let cache = sqlite::Cache::new(descriptors.open_databases, connections, handles)?;
        Ok(Self(Arc::new(Inner { servers, platform, cache, long })))
    }

    /// Says which installation this is, once the control store has told: databases made from now on carry it, and
    /// those that carry another are refused as `WrongIdentity`. Opaque, not empty, the same for ever.
    pub fn set_platform(&self, id: &str) -> Result<()> {
        self.0.platform.set(id)
    }

    /// A session confined to `place`, on its open database. `max_bytes` caps a database of one's own; pooled
    /// tenants are limited by each write. Make one for each request: a session keeps its database open.
    ///
    /// # Errors
    /// [`Kind::SchemaBehind`] or [`Kind::SchemaAhead`] when the database is not at the migrations of `schema`; every
    /// read and write of the session compares them again (known-schema).
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

    /// Runs a read-only statement in a tenant's own database whatever its schema is: for the operator, who looks at
    /// stored values, also of a database whose migration failed. Tenants use [`Session::sql`].
    pub async fn operator_sql(&self, place: &Place, text: &str, limits: SqlLimits) -> Result<SqlRows> {
        let (index, server) = self.server(place)?;
        let database = self.0.cache.database(index, server, place).await?;
        sqlite::sql_at_any_schema(database, place, &self.0.long, text, limits).await
    }

    /// Takes over a database that somebody else made for this place (F3): it gets the platform's own tables and its
    /// identity, once. One that carries another identity is refused. Idempotent; never creates a file.
    pub async fn attach(&self, place: &Place) -> Result<()> {
        self.on_file(place, sqlite::attach).await
    }

    /// Writes the row by which a pooled tenant lives in a shared database. Idempotent.
    pub async fn enrol(&self, place: &Place) -> Result<()> {
        self.on_identity(place, |conn, site| sqlite::enrol(conn, &site.place, &site.platform)).await
    }

    /// Forbids writes of this place inside its database, durably (`fenced-generation`); `fenced` false allows them again.
    pub async fn fence(&self, place: &Place, fenced: bool) -> Result<()> {
        self.on_identity(place, move |conn, site| {
            sqlite::set_fence(conn, &site.place, &site.platform, fenced)
        })
        .await
    }

    /// Brings the database of `place` to the end of `migrations`; nothing to do is no fault.
    pub async fn migrate(&self, place: &Place, migrations: &[Migration]) -> Result<MigrateReport> {
        let script = Arc::new(Script::new(&place.store, place.isolation, migrations)?);
        self.migrate_with(place, &script).await
    }

    /// The same with a script made once for a whole fleet.
    pub async fn migrate_with(&self, place: &Place, script: &Arc<Script>) -> Result<MigrateReport> {
        let script = script.clone();
        self.on_file(place, move |site| sqlite::migrate_file(site, &script)).await
    }

    /// Compares the database of `place` with what `migrations` make.
    pub async fn inspect(&self, place: &Place, migrations: &[Migration]) -> Result<Inspection> {
        let script = Script::new(&place.store, place.isolation, migrations)?;
        self.on_file(place, move |site| sqlite::inspect_file(site, &script)).await
    }

    /// How to make databases of `store` with these migrations applied. Touches no disk yet.
    pub fn template(&self, store: &StoreName, migrations: &[Migration]) -> Result<Template> {
        let script = Script::new(store, Isolation::Database, migrations)?;
        let fingerprint = script.fingerprint().to_owned();
        Ok(Template::new(store.clone(), &fingerprint, Arc::new(move |conn| script.run(conn).map(drop))))
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

    /// The system store at `place`, for the platform's own SQL.
    pub async fn system(&self, place: &Place) -> Result<SystemDb> {
        if place.tenant.is_some() {
            return Err(Error::new(Kind::Internal, format!("{place:?} is not a system store")));
        }
        let (index, server) = self.server(place)?;
        SystemDb::new(self.0.cache.database(index, server, place).await?)
    }

    /// True when the database's file exists. For operators' reports, never for routing (`catalog-placement`).
    pub fn exists(&self, place: &Place) -> Result<bool> {
        Ok(self.server(place)?.1.exists(&place.physical))
    }

    /// Every database file that lies on the servers. For operators' reports, never for routing (`catalog-placement`).
    pub async fn database_files(&self) -> Result<Vec<DatabaseFile>> {
        let servers = self.0.servers.clone();
        blocking(move || {
            let each = servers.iter().map(|server| sqlite::lying::list(server));
            Ok(each.collect::<Result<Vec<_>>>()?.concat())
        })
        .await
    }

    /// Who lives in the database of `place`, whatever the place says. For such reports too.
    pub async fn residents(&self, server: &ServerName, physical: &PhysicalName) -> Result<Vec<Resident>> {
        let found = self.0.servers.iter().find(|s| s.name() == server).cloned();
        let server = found.ok_or_else(|| unknown(server))?;
        let physical = physical.clone();
        blocking(move || sqlite::lying::residents(&server, &physical)).await
    }

    /// Bytes the database takes on disk; of a pooled tenant, the bytes of its values. Blocks for up to 1 ms.
    pub fn size_bytes(&self, place: &Place) -> Result<u64> {
        let server = self.server(place)?.1;
        if place.isolation == Isolation::Pooled && place.tenant.is_some() {
            return sqlite::pooled_bytes(&server.site(place));
        }
        server.size_bytes(&place.physical)
    }

    /// Removes the database for ever. Idempotent.
    pub async fn drop_database(&self, place: &Place) -> Result<()> {
        self.close(place);
        let (server, physical) = (self.server(place)?.1.clone(), place.physical.clone());
        blocking(move || server.remove(&physical)).await
    }

    /// Writes a shared database, or one of the platform's own, anew from its rows, so that what was deleted is in no
    /// file. Its writers wait meanwhile: about a second for 100 MB.
    pub async fn scrub(&self, place: &Place) -> Result<()> {
        let queue = self.queue(place)?;
        self.on_file(place, move |site| sqlite::scrub(site, &queue)).await
    }

    /// Opens the database and checks that `place` lives there, and no more.
    pub async fn verify(&self, place: &Place) -> Result<()> {
        let (index, server) = self.server(place)?;
        self.0.cache.database(index, server, place).await.map(drop)
    }

    /// Opens the database of `place` anew and looks at every page of it: why it is lost, or none when it is whole.
    ///
    /// # Errors
    /// What passes by itself, such as a database that is busy or a disk that is full.
    pub async fn lost(&self, place: &Place) -> Result<Option<Error>> {
        match self.unusable(place).await? {
            Some(error) => Ok(Some(error)),
            None => loss(place, self.on_file(place, sqlite::look).await),
        }
    }

    /// Opens the database of `place` anew and asks whose it is, without a look at its pages: why it cannot be used,
    /// or none.
    ///
    /// # Errors
    /// As [`Engine::lost`].
    pub async fn unusable(&self, place: &Place) -> Result<Option<Error>> {
        // An open connection still reads a file that was removed or replaced.
        self.close(place);
        loss(place, self.verify(place).await)
    }

    /// Whether `error` says that the database of `place` is missing, holds another place, or cannot be read; false for
    /// what passes by itself.
    pub fn is_loss(place: &Place, error: &Error) -> bool {
        sqlite::is_loss(place, error)
    }

    /// Looks at every page of the database of `place`.
    ///
    /// # Errors
    /// `Corrupt` for what is damaged, and what the disk says.
    pub async fn look(&self, place: &Place) -> Result<()> {
        self.on_file(place, sqlite::look).await
    }

    /// Bytes free on the disk of each server; None where that cannot be told.
    pub fn free_bytes(&self) -> Vec<(ServerName, Option<u64>)> {
        let of = |server: &Arc<sqlite::Server>| (server.name().clone(), sqlite::free_bytes(server.root()));
        self.0.servers.iter().map(of).collect()
    }

    /// Forgets the open database of `place`; it closes when its last user lets go.
    pub fn close(&self, place: &Place) {
        if let Ok((index, _)) = self.server(place) {
            self.0.cache.close(index, &place.physical);
        }
    }

    /// Databases open now.
    pub fn open_databases(&self) -> usize {
        self.0.cache.len()
    }

    /// Files opened since the start: how often the cache missed.
    pub fn opens(&self) -> u64 {
        self.0.cache.opens()
    }

    /// Closes everything nobody uses, cleanly, and ends background work.
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

    /// Few servers: comparing names beats hashing them.
    fn server(&self, place: &Place) -> Result<(u16, &Arc<sqlite::Server>)> {
        let found = self.0.servers.iter().enumerate().find(|(_, server)| *server.name() == place.server);
        let (index, server) = found.ok_or_else(|| unknown(&place.server))?;
        Ok((u16::try_from(index).unwrap_or(u16::MAX), server))
    }
}

fn unknown(server: &ServerName) -> Error {
    Error::new(Kind::UnknownServer(server.to_string()), format!("no server {server} in the configuration"))
}

/// What was looked at, as a loss or none.
fn loss(place: &Place, looked: Result<()>) -> Result<Option<Error>> {
    match looked {
        Ok(()) => Ok(None),
        Err(error) if sqlite::is_loss(place, &error) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// Runs work that touches the disk for long on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::with_source(Kind::Internal, "background work", error))?
}

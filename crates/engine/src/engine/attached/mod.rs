//! Servers that the configuration does not name: each is one database that a tenant's owner made and an operator
//! attached while processes run. The platform records them and hands them over one by one, when a place needs one.
//!
//! An attached database is never created, renamed or dropped. It has a connection budget of its own, and it is closed
//! once no place has used it for a while.

mod survey;

pub use crate::postgres::{FoundColumn, FoundTable};
pub use survey::Survey;

use super::{Engine, Server};
use crate::{
    error::{Error, Kind, Result},
    name::{PhysicalName, ServerName},
    place::EngineKind,
    postgres::{self, ConnectionLimits, ServerOptions},
    sqlite::{self, Mode},
};
use futures_util::future::BoxFuture;
use std::{
    collections::HashMap,
    ops::Deref,
    path::PathBuf,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Index of all attached files in the cache of open SQLite databases. Their names differ, because each contains the
/// number of its attachment.
const FILES: u16 = u16::MAX;

/// An attached database: how to reach it, and what it must be.
#[derive(Debug, Clone)]
pub struct AttachedSpec {
    /// Name of the server that stands for the database.
    pub name: ServerName,
    /// Address of the database.
    pub at: AttachedAt,
    /// Identity of the database itself, from [`Engine::database_identity`]; `None` while it is being attached. A
    /// connection to another database is refused.
    pub identity: Option<String>,
}

/// Address of an attached database. Its `Debug` output contains no password.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AttachedAt {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres {
        /// URL of the database, with the role that signs in.
        url: Secret,
        /// Schema of its tables, which its owner has made.
        schema: String,
        /// Largest number of connections.
        most_connections: usize,
        /// Time for which an idle connection stays open.
        idle: Duration,
        /// Longest time that a caller waits for a connection.
        wait: Duration,
    },
}

/// A text whose `Debug` output is empty.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Finds an attached database by the name of its server.
///
/// # Errors
/// Returns [`Kind::UnknownServer`] if no such database is attached, and [`Kind::NoAccess`] if its URL cannot be
/// decrypted.
pub type FindAttached = Box<dyn Fn(ServerName) -> BoxFuture<'static, Result<AttachedSpec>> + Send + Sync>;

/// The attached databases that are open in this process.
#[derive(Default)]
pub(super) struct Attached {
    open: RwLock<HashMap<ServerName, Arc<Entry>>>,
    find: OnceLock<FindAttached>,
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attached").finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    server: Server,
    began: Instant,
    /// Seconds from `began` to the last use.
    used_s: AtomicU64,
}

impl Entry {
    fn touch(self: &Arc<Self>) -> Arc<Self> {
        self.used_s.store(self.began.elapsed().as_secs(), Relaxed);
        self.clone()
    }

    fn is_idle(&self, idle: Duration) -> bool {
        self.began.elapsed().as_secs().saturating_sub(self.used_s.load(Relaxed)) >= idle.as_secs()
    }
}

/// A server that was found: of the configuration, or attached.
#[derive(Debug)]
pub(super) enum Found<'e> {
    Configured(&'e Server),
    Attached(Arc<Entry>),
}

impl Deref for Found<'_> {
    type Target = Server;

    fn deref(&self) -> &Server {
        match self {
            Self::Configured(server) => server,
            Self::Attached(entry) => &entry.server,
        }
    }
}

impl Attached {
    pub(super) fn get(&self, name: &ServerName) -> Option<Found<'static>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(name).map(|entry| Found::Attached(entry.touch()))
    }

    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().cloned().collect()
    }

    fn insert(&self, server: Server) -> Arc<Entry> {
        let entry = Arc::new(Entry { server, began: Instant::now(), used_s: AtomicU64::new(0) });
        let name = entry.server.name().clone();
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(name, entry.clone());
        entry
    }

    fn remove(&self, mut leaves: impl FnMut(&ServerName, &Entry) -> bool) -> Vec<Arc<Entry>> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.extract_if(|name, entry| leaves(name, entry)).map(|(_, entry)| entry).collect()
    }
}

impl Entry {
    pub(super) fn server(&self) -> &Server {
        &self.server
    }
}

impl Engine {
    /// Sets the function that finds attached databases. Only the first call has an effect.
    pub fn find_attached_with(&self, find: FindAttached) {
        let _ = self.0.attached.find.set(find);
    }

    /// Opens an attached database, in place of an open one with the same name. Connects to nothing yet.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`] for a file whose directory does not exist, and [`Kind::Statement`] for a URL that
    /// cannot be used.
    pub fn open_attached(&self, spec: AttachedSpec) -> Result<()> {
        let server = self.attached_server(spec)?;
        self.close_attached(server.name());
        self.0.attached.insert(server);
        Ok(())
    }

    /// Closes an attached database. Requests that use it go on until they end.
    pub fn close_attached(&self, name: &ServerName) {
        let closed = self.0.attached.remove(|open, _| open == name);
        closed.iter().for_each(|entry| self.forget(entry));
    }

    /// Closes the attached databases that no place has used for `idle`. Returns their number.
    pub fn close_idle_attached(&self, idle: Duration) -> usize {
        let closed = self.0.attached.remove(|_, entry| entry.is_idle(idle));
        closed.iter().for_each(|entry| self.forget(entry));
        closed.len()
    }

    /// Returns the names of the attached databases that are open in this process.
    pub fn open_attached_names(&self) -> Vec<ServerName> {
        self.0.attached.all().iter().map(|entry| entry.server.name().clone()).collect()
    }

    fn forget(&self, entry: &Entry) {
        if let Server::Sqlite(file) = &entry.server {
            file.close_sole();
        }
    }

    /// Finds the server with this name. There are few configured servers, so comparing names beats hashing them.
    pub(super) async fn named(&self, name: &ServerName) -> Result<Found<'_>> {
        match self.named_now(name) {
            Ok(found) => Ok(found),
            // Boxed because it is rare: the future of a read stays small.
            Err(unknown) => Box::pin(self.open_named(name, unknown)).await,
        }
    }

    /// Finds the server with this name, if it is configured, or attached and open.
    pub(super) fn named_now(&self, name: &ServerName) -> Result<Found<'_>> {
        let configured = self.0.servers.iter().find(|server| server.name() == name);
        let found = configured.map(Found::Configured).or_else(|| self.0.attached.get(name));
        found.ok_or_else(|| super::unknown(name))
    }

    async fn open_named(&self, name: &ServerName, unknown: Error) -> Result<Found<'_>> {
        let Some(find) = self.0.attached.find.get() else { return Err(unknown) };
        let spec = match find(name.clone()).await {
            Err(error) if matches!(error.kind(), Kind::UnknownServer(_)) => return Err(unknown),
            spec => spec?,
        };
        // Another caller may have opened it meanwhile.
        if let Some(found) = self.0.attached.get(name) {
            return Ok(found);
        }
        Ok(Found::Attached(self.0.attached.insert(self.attached_server(spec)?)))
    }

    fn attached_server(&self, spec: AttachedSpec) -> Result<Server> {
        let AttachedSpec { name, at, identity } = spec;
        let inner = &self.0;
        match at {
            AttachedAt::Sqlite(file) => {
                let server = sqlite::Server::of_file(name, &file, &inner.platform, Mode::Shared)?;
                if let Some(expected) = identity
                    && server.file_identity()? != expected
                {
                    let detail = format!("{} is another file than the one that was attached", file.display());
                    return Err(Error::new(Kind::WrongIdentity, detail));
                }
                Ok(Server::Sqlite(sqlite::Backend::new(server, FILES, &inner.sqlite)))
            }
            AttachedAt::Postgres { url, schema, most_connections: most, idle, wait } => {
                let connections = ConnectionLimits { most, per_database: most, idle, wait };
                let options = ServerOptions {
                    url: url.0,
                    prefix: String::new(),
                    connections,
                    prepares: true,
                    join_url: None,
                    sole: Some(postgres::Sole { identity, schema }),
                };
                let replication = postgres::Replication::default();
                let server =
                    postgres::Server::new(name, (&options, &replication), &inner.platform, inner.deadline)?;
                Ok(Server::Postgres(server))
            }
        }
    }

    /// Connects to an attached database and returns what identifies it: the cluster and the number of a PostgreSQL
    /// database, the path and the number of a file. Two URLs of one database give the same text.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`], [`Kind::NoAccess`] or [`Kind::Missing`] if it cannot be used.
    pub async fn database_identity(&self, name: &ServerName) -> Result<String> {
        match &*self.named(name).await? {
            Server::Sqlite(file) => file.database_identity().await,
            Server::Postgres(server) => Box::pin(server.database_identity()).await,
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => {
                Err(Error::new(Kind::Internal, format!("{name} is not an attached database")))
            }
        }
    }

    /// Returns the software of a server.
    ///
    /// # Errors
    /// Returns [`Kind::UnknownServer`] if no such server is configured or attached.
    pub async fn kind_of(&self, name: &ServerName) -> Result<EngineKind> {
        Ok(self.named(name).await?.kind())
    }
}

/// Returns the name of the only database on an attached server, from its name and the number of the attachment, so that
/// no two attached databases have the same name.
pub fn sole_name(database: &str, number: i64) -> Result<PhysicalName> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let kept: String = database.chars().map(plain).take(40).collect();
    let kept = kept.trim_matches('_');
    let name = if kept.is_empty() { format!("db_{number}") } else { format!("{kept}_{number}") };
    PhysicalName::parse(&name)
        .map_err(|error| Error::with_source(Kind::Internal, "an attached database", error))
}

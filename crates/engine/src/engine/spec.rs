//! Parameters of an engine: its servers, and the limits of open databases and concurrent work.

use super::{PostgresOptions, Replication};
#[cfg(feature = "mongodb")]
use crate::mongo::ServerOptions as MongoOptions;
use crate::{descriptors::Descriptors, name::ServerName};
use std::{path::PathBuf, time::Duration};

/// A server of the configuration, which holds databases.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ServerSpec {
    /// A directory of SQLite files.
    Sqlite {
        /// Name of the server.
        name: ServerName,
        /// Directory of the files, which must exist.
        root: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres {
        /// Name of the server.
        name: ServerName,
        /// Connection options.
        options: PostgresOptions,
        /// Read replicas of the server.
        replication: Replication,
    },
    /// A MongoDB deployment.
    #[cfg(feature = "mongodb")]
    Mongo {
        /// The server's name.
        name: ServerName,
        /// How to reach it.
        options: MongoOptions,
    },
}

impl ServerSpec {
    /// Returns a server that is a directory of SQLite files. The directory must exist.
    pub fn sqlite(name: ServerName, root: impl Into<PathBuf>) -> Self {
        Self::Sqlite { name, root: root.into() }
    }

    /// Returns a PostgreSQL server. It need not answer yet.
    pub fn postgres(name: ServerName, options: PostgresOptions) -> Self {
        Self::replicated(name, options, Replication::default())
    }

    /// Returns a PostgreSQL server with read replicas. They need not answer yet.
    pub fn replicated(name: ServerName, options: PostgresOptions, replication: Replication) -> Self {
        Self::Postgres { name, options, replication }
    }

    /// Returns a MongoDB deployment. It need not answer yet.
    #[cfg(feature = "mongodb")]
    pub fn mongo(name: ServerName, options: MongoOptions) -> Self {
        Self::Mongo { name, options }
    }
}

/// Limits of open databases, connections and descriptors. `None` derives a limit from the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct CacheLimits {
    /// Maximum number of open databases. `None` derives it from the limit of open files.
    pub open_databases: Option<usize>,
    /// Maximum number of connections to one database. `None` means cores + 2.
    pub connections_per_database: Option<usize>,
    /// Number of descriptors for databases. `None` means a share of the process's descriptors.
    pub descriptors: Option<usize>,
}

impl CacheLimits {
    /// Returns the division of the descriptors within these limits.
    pub(super) fn shares(&self) -> Descriptors {
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

/// Limits of work on blocking threads. `None` derives a limit from the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorkLimits {
    /// Maximum number of concurrent pieces of long work. `None` means twice the cores.
    pub at_once: Option<usize>,
    /// Maximum number of concurrent pieces of long work for one tenant. `None` means half of `at_once`. Never more than
    /// half of the connections to one database.
    pub per_tenant: Option<usize>,
    /// Longest duration of a read. `None` means 10 seconds. A write transaction gets six times as long.
    pub deadline: Option<Duration>,
}

/// Default for the longest duration of a read.
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(10);

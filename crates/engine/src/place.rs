//! Where the rows of one tenant and store are. The platform builds it from the catalog only (`catalog-placement`).

use crate::name::{NameError, PhysicalName, ServerName, StoreName, TenantId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::SystemTime};

/// Database software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// Embedded SQLite files under a directory.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl EngineKind {
    /// Returns its name in configurations and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// How the rows of tenants are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Shared tables with a tenant column.
    Pooled,
    /// The tenant's own schema in a database of several tenants. PostgreSQL only.
    Schema,
    /// The tenant's own database (in SQLite, a file). System stores always use this.
    Database,
}

impl Isolation {
    /// Returns its name in configurations and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Schema => "schema",
            Self::Database => "database",
        }
    }

    /// Returns the isolation with this name.
    ///
    /// # Errors
    /// Fails for any other text.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let known = [Self::Pooled, Self::Schema, Self::Database].into_iter().find(|is| is.as_str() == text);
        known.ok_or_else(|| {
            let value = text.chars().take(80).collect();
            NameError { kind: "isolation", value, reason: "must be pooled, schema or database" }
        })
    }

    /// Returns true if tenants share tables: a tenant's rows are told apart by a column.
    pub fn is_pooled(self) -> bool {
        self == Self::Pooled
    }
}

impl FromStr for Isolation {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

/// A placement as the engine needs it. Two equal places are the same opened database and resident.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The server.
    pub server: ServerName,
    /// The store of the configuration.
    pub store: StoreName,
    /// How its rows are separated from those of other tenants.
    pub isolation: Isolation,
    /// Name of the database or schema on that server. Pooled tenants of one store share it.
    pub physical: PhysicalName,
    /// The tenant; None for system stores.
    pub tenant: Option<TenantId>,
    /// Incremented by every move and restore; the database must carry the same (`self-identifying` and
    /// `fenced-generation`).
    pub generation: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tenant) = self.tenant {
            write!(f, "tenant {tenant}, ")?;
        }
        write!(f, "store {} in {}/{}", self.store, self.server, self.physical)?;
        if self.tenant.is_some() {
            write!(f, ", generation {}", self.generation)?;
        }
        Ok(())
    }
}

/// What lies on a server, whether or not a placement names it: a database or schema, or a file of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFile {
    /// The server.
    pub server: ServerName,
    /// Name of the file, database or schema there.
    pub file: String,
    /// Name of the database; None if this engine gives no such name, or for a file such as a `-wal` without its
    /// database.
    pub physical: Option<PhysicalName>,
    /// Whether it is a schema or a database. A pool is found as one or the other.
    pub isolation: Isolation,
    /// Size in bytes, of a file without those next to it.
    pub bytes: u64,
    /// Time of the last change of a file; when a database or schema was made.
    pub modified: SystemTime,
}

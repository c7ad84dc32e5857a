//! Places of the rows of one tenant and store. The platform builds them only from the catalog (`catalog-placement`).

use crate::{
    error::{Error, Kind, Result},
    name::{NameError, PhysicalName, ServerName, StoreName, TenantId},
};
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
    /// A MongoDB deployment.
    #[serde(rename = "mongodb")]
    Mongo,
}

impl EngineKind {
    /// Returns the name of the software in configurations and API responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mongo => "mongodb",
        }
    }
}

/// Separation of tenants' rows.
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
    /// Returns the name of the isolation in configurations and API responses.
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

    /// Returns true if tenants share tables, in which a column distinguishes their rows.
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

/// A placement in the form that the engine needs. Two equal places denote the same database and resident.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Name of the server.
    pub server: ServerName,
    /// Name of the store.
    pub store: StoreName,
    /// Separation of the rows from those of other tenants.
    pub isolation: Isolation,
    /// Name of the database or schema on the server. Pooled tenants of one store share it.
    pub physical: PhysicalName,
    /// Id of the tenant; `None` for system stores.
    pub tenant: Option<TenantId>,
    /// Number that every move and restore increments. The database must carry the same number (`self-identifying` and
    /// `fenced-generation`).
    pub generation: u64,
}

impl Place {
    /// Returns the number of the tenant as databases store it; 0 for system stores.
    pub(crate) fn tenant_number(&self) -> i64 {
        self.tenant.map_or(0, TenantId::get)
    }

    /// Returns the generation as databases store it.
    ///
    /// # Errors
    /// Returns [`Kind::Internal`] if it is out of range.
    pub(crate) fn generation_number(&self) -> Result<i64> {
        i64::try_from(self.generation).map_err(|_| Error::new(Kind::Internal, "generation out of range"))
    }
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

/// A database or schema on a server, or a file of a database, whether or not a placement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFile {
    /// Name of the server.
    pub server: ServerName,
    /// Name of the file, database or schema on the server.
    pub file: String,
    /// Name of the database; `None` if this engine never gives such a name, or for a file such as a `-wal` without its
    /// database.
    pub physical: Option<PhysicalName>,
    /// Isolation that matches the object: schema or database. A pool is found as one of the two.
    pub isolation: Isolation,
    /// Size in bytes. For a file, the files next to it do not count.
    pub bytes: u64,
    /// Time of the last change of a file, or of the creation of a database or schema.
    pub modified: SystemTime,
}

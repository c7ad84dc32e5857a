//! Where the rows of one (tenant, store) lie. Built by the platform from the catalog only (`catalog-placement`).

use crate::name::{PhysicalName, ServerName, StoreName, TenantId};
use serde::{Deserialize, Serialize};

/// Database software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// Embedded SQLite files under a directory.
    Sqlite,
}

/// How a tenant's rows are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Shared tables with a tenant column.
    Pooled,
    /// A database (SQLite: a file) of its own. System stores are always this.
    Database,
}

/// A placement as the engine needs it. Equality is identity of the opened thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Which server.
    pub server: ServerName,
    /// Which store of the configuration.
    pub store: StoreName,
    /// Pooled or own database.
    pub isolation: Isolation,
    /// Name of the database on that server. Pooled tenants of one store share it.
    pub physical: PhysicalName,
    /// The tenant; None for system stores.
    pub tenant: Option<TenantId>,
    /// Bumped by every move and restore; the database must carry the same (`self-identifying` and `fenced-generation`).
    pub generation: u64,
}

//! How full PostgreSQL servers are. Their disks cannot be asked, so the operator says how much their databases may take.
//!
//! Called by `tenantry check` and by the dry run of `tenantry upgrade-to-postgres`.

use crate::{
    Platform, Result,
    config::{Config, Location},
};
use tenantry_engine::{Engine, name::ServerName};

/// What the databases of a PostgreSQL server take.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Room {
    /// The server.
    pub server: ServerName,
    /// Bytes of all databases there that its role may enter.
    pub used: u64,
    /// Bytes that they may take, if the configuration says so.
    pub capacity: Option<u64>,
}

impl Room {
    /// Returns the bytes that are left, if that is known.
    pub fn free(&self) -> Option<u64> {
        self.capacity.map(|capacity| capacity.saturating_sub(self.used))
    }

    /// Asks a server. `None`: it is of another kind.
    pub(crate) async fn of(engine: &Engine, config: &Config, server: &ServerName) -> Result<Option<Self>> {
        let capacity = match config.server(server.as_str()).map(|server| &server.location) {
            Some(Location::Postgres(postgres)) => postgres.capacity,
            _ => None,
        };
        let used = engine.used_bytes(server).await?;
        Ok(used.map(|used| Self { server: server.clone(), used, capacity }))
    }
}

impl Platform {
    /// Returns how full each PostgreSQL server is. Servers that do not answer are left out.
    pub async fn rooms(&self) -> Vec<Room> {
        let mut rooms = vec![];
        for server in self.0.engine.servers() {
            match Room::of(&self.0.engine, self.config(), &server).await {
                Ok(room) => rooms.extend(room),
                Err(error) => tracing::debug!(%error, %server, "not asked for the sizes of its databases"),
            }
        }
        rooms
    }
}

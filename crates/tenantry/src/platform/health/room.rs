//! Free capacity of PostgreSQL servers. A server does not report its free disk space, so the operator configures how
//! much its databases may take.
//!
//! `tenantry check`, the dry runs of moves and of `tenantry upgrade-to-postgres`, and the background pass whose answer
//! health checks and metrics show call it.

use crate::{
    Platform, Result,
    config::{Config, Location},
};
use std::sync::Arc;
use tenantry_engine::{Engine, name::ServerName};

/// Space that the databases of a PostgreSQL server take.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Room {
    /// Name of the server.
    pub server: ServerName,
    /// Bytes of all databases that the installation's role may enter on that server.
    pub used: u64,
    /// Bytes that these databases may take, if configured.
    pub capacity: Option<u64>,
}

impl Room {
    /// Returns the number of bytes left, if a capacity is configured.
    pub fn free(&self) -> Option<u64> {
        self.capacity.map(|capacity| capacity.saturating_sub(self.used))
    }

    /// Returns true if less than `reserve` bytes are left.
    pub fn is_low(&self, reserve: u64) -> bool {
        self.free().is_some_and(|free| free < reserve)
    }

    /// Measures a server. Returns `None` if it is not a PostgreSQL server.
    pub(crate) async fn of(engine: &Engine, config: &Config, server: &ServerName) -> Result<Option<Self>> {
        let capacity = match config.server(server.as_str()).map(|server| &server.location) {
            Some(Location::Postgres(postgres)) => postgres.capacity,
            Some(Location::Mongo(mongo)) => mongo.capacity,
            _ => None,
        };
        let used = engine.used_bytes(server).await?;
        Ok(used.map(|used| Self { server: server.clone(), used, capacity }))
    }
}

impl Platform {
    /// Returns the used space and capacity of each server on a network. Leaves out servers that do not answer.
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

    /// Returns how full the PostgreSQL servers were when the background pass last asked them. That is at most ten
    /// minutes ago for servers that answer.
    pub fn remembered_rooms(&self) -> Arc<Vec<Room>> {
        self.0.rooms.load_full()
    }

    /// Asks the servers how full they are, for [`Platform::remembered_rooms`]. The background work of a server calls
    /// this.
    ///
    /// # Errors
    /// Never fails: for a server that does not answer, the last result is kept.
    pub async fn look_at_rooms(&self) -> Result<()> {
        let mut rooms = self.rooms().await;
        let asked: Vec<_> = rooms.iter().map(|room| room.server.clone()).collect();
        rooms.extend(self.0.rooms.load().iter().filter(|room| !asked.contains(&room.server)).cloned());
        self.0.rooms.store(Arc::new(rooms));
        Ok(())
    }
}

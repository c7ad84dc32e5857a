//! The database servers of the configuration, with their labels, their databases and their free space.
//!
//! The staff API, the staff pages and `tenantry server list` call it. It reads the catalog and this process's state,
//! and connects to no server.

use crate::{Platform, Result, access::Actor, config::ServerLabels};
use tenantry_engine::{name::ServerName, place::EngineKind};

/// A database server of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseServer {
    /// Name of the server in the configuration.
    pub name: ServerName,
    /// Database software of the server.
    pub engine: EngineKind,
    /// Labels of the server, by which plans choose it.
    pub labels: ServerLabels,
    /// Number of placements in use on the server: own databases and places in pools.
    pub places: u64,
    /// Bytes that databases may still take; `None` if not known.
    pub free_bytes: Option<u64>,
    /// True if less than `limits.disk_reserve` is free.
    pub is_low: bool,
    /// False if the server did not answer this process when it was last asked.
    pub answers: bool,
}

impl Platform {
    /// Returns the database servers, in the order of the configuration.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] if the actor is not staff.
    pub async fn database_servers(&self, actor: &Actor) -> Result<Vec<DatabaseServer>> {
        actor.require_staff()?;
        let places = self.tenants().figures().await?.servers;
        let (disks, rooms, reachable) = (self.disks(), self.remembered_rooms(), self.reachable());
        let reserve = self.config().limits.disk_reserve;
        let room = |name: &ServerName| {
            let disk = disks.iter().find(|(known, ..)| known == name).map(|(_, free, low)| (*free, *low));
            let room = || rooms.iter().find(|room| room.server == *name);
            disk.or_else(|| room().and_then(|room| Some((room.free()?, room.is_low(reserve)))))
        };
        let servers = self.config().servers.iter().map(|server| {
            let name = &server.name;
            let room = room(name);
            DatabaseServer {
                name: name.clone(),
                engine: server.engine(),
                labels: server.labels.clone(),
                places: places
                    .iter()
                    .find(|(known, _)| known == name.as_str())
                    .map_or(0, |(_, count)| *count),
                free_bytes: room.map(|(free, _)| free),
                is_low: room.is_some_and(|(_, is_low)| is_low),
                answers: reachable.iter().all(|(known, answers)| known != name || *answers),
            }
        });
        Ok(servers.collect())
    }
}

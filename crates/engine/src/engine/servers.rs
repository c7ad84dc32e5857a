//! The servers: their names, whether they answer, and the requirements that they do not meet.

use super::{Engine, ReplicaReport, Server};
use crate::{error::Result, name::ServerName, place::Place};

impl Engine {
    /// Describes for messages where a place is: its server, and its file, database or schema there.
    pub fn shown(&self, place: &Place) -> String {
        let Place { server, physical, .. } = place;
        let Ok(found) = self.server_now(place) else { return format!("{server}/{physical}") };
        match &*found {
            Server::Sqlite(_) => format!("{server}/{physical}.db"),
            Server::Postgres(postgres) => match postgres.site(place) {
                Ok(site) => format!("{server}/{}", site.name),
                Err(_) => format!("{server}/{physical}"),
            },
            #[cfg(feature = "mongodb")]
            Server::Mongo(mongo) => match mongo.site(place) {
                Ok(site) => format!("{server}/{}", site.database),
                Err(_) => format!("{server}/{physical}"),
            },
        }
    }

    /// Removes the objects that an installation has only once on a server. Call this when the installation has no
    /// database there any more.
    ///
    /// # Errors
    /// Returns the errors of the server.
    pub async fn leave(&self, server: &ServerName) -> Result<()> {
        match &*self.named(server).await? {
            Server::Postgres(server) => Box::pin(server.leave()).await,
            // Only the server's directory would remain, and it stays.
            Server::Sqlite(_) => Ok(()),
            // An installation has no such objects on MongoDB.
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => Ok(()),
        }
    }

    /// Returns what a server lacks before an installation can use it, each item with its remedy. Empty if nothing is
    /// missing.
    ///
    /// # Errors
    /// Returns `Unreachable` if the server does not answer, and `NoAccess` if it refuses the installation.
    pub async fn shortcomings(&self, server: &ServerName) -> Result<Vec<String>> {
        match &*self.named(server).await? {
            Server::Postgres(server) => Box::pin(server.shortcomings()).await,
            Server::Sqlite(_) => Ok(Vec::new()),
            #[cfg(feature = "mongodb")]
            Server::Mongo(server) => Box::pin(server.shortcomings()).await,
        }
    }

    /// Returns the names of the servers, in the order of the configuration.
    /// Attached databases are not among them.
    pub fn servers(&self) -> Vec<ServerName> {
        self.0.servers.iter().map(|server| server.name().clone()).collect()
    }

    /// Connects to the configured servers that did not answer when they were last used, so that [`Engine::reachable`] is current.
    pub async fn look_for_servers(&self) {
        for server in &self.0.servers {
            let looked = match server {
                Server::Postgres(server) if !server.is_reachable() => server.look().await,
                #[cfg(feature = "mongodb")]
                Server::Mongo(server) if !server.is_reachable() => Box::pin(server.look()).await,
                _ => Ok(()),
            };
            if let Err(error) = looked {
                tracing::warn!(%error, server = %server.name(), "still does not answer");
            }
        }
    }

    /// Returns each configured server that is on a network, and whether it answered when it was last used.
    pub fn reachable(&self) -> Vec<(ServerName, bool)> {
        let of = |server: &Server| match server {
            Server::Sqlite(_) => None,
            Server::Postgres(server) => Some((server.name.clone(), server.is_reachable())),
            #[cfg(feature = "mongodb")]
            Server::Mongo(server) => Some((server.name.clone(), server.is_reachable())),
        };
        self.0.servers.iter().filter_map(of).collect()
    }

    /// Describes the read replicas of all servers.
    pub fn replicas(&self) -> Vec<ReplicaReport> {
        let of = |server: &Server| match server {
            Server::Sqlite(_) => vec![],
            Server::Postgres(server) => server.replicas(),
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => vec![],
        };
        self.0.servers.iter().flat_map(of).collect()
    }
}

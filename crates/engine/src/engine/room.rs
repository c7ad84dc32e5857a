//! Free and used space of servers.

use super::{ConnectionCounts, Engine, Server};
use crate::{error::Result, name::ServerName};

impl Engine {
    /// Returns the free bytes on the disk of each server; `None` if they cannot be determined.
    pub fn free_bytes(&self) -> Vec<(ServerName, Option<u64>)> {
        let of = |server: &Server| match server {
            Server::Sqlite(files) => files.free_bytes(),
            Server::Postgres(_) => None,
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => None,
        };
        self.0.servers.iter().map(|server| (server.name().clone(), of(server))).collect()
    }

    /// Returns the bytes of all databases of a server on a network that the role of its URL may connect to, including
    /// those of other programs; `None` for a server of files, whose free disk space is more useful.
    ///
    /// # Errors
    /// Returns `Unreachable` if the server does not answer.
    pub async fn used_bytes(&self, server: &ServerName) -> Result<Option<u64>> {
        match &*self.named(server).await? {
            Server::Postgres(server) => Box::pin(server.used_bytes()).await.map(Some),
            Server::Sqlite(_) => Ok(None),
            #[cfg(feature = "mongodb")]
            Server::Mongo(server) => Box::pin(server.used_bytes()).await.map(Some),
        }
    }

    /// Returns the numbers of connections to each PostgreSQL server, and of callers that wait for one.
    pub fn connections(&self) -> Vec<(ServerName, ConnectionCounts)> {
        let of = |server: &Server| match server {
            Server::Sqlite(_) => None,
            Server::Postgres(server) => Some((server.name.clone(), server.connections.counts())),
            // Its driver does not report the number.
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => None,
        };
        self.0.servers.iter().filter_map(of).collect()
    }

    /// Returns how many attached databases are open in this process, and how many connections they have.
    pub fn attached(&self) -> (usize, usize) {
        let all = self.0.attached.all();
        let connections = all.iter().map(|entry| match entry.server() {
            Server::Postgres(server) => server.connections.counts().open,
            _ => 0,
        });
        (all.len(), connections.sum())
    }
}

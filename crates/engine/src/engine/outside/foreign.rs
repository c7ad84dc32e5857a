//! Reads databases that other programs made on a server of the configuration.

use crate::engine::{Engine, Server};
#[cfg(feature = "mongodb")]
use crate::mongo;
use crate::{
    error::{Error, Kind, Result},
    input::foreign::{Foreign, ForeignDocument},
    name::ServerName,
};

/// Documents of one collection, in order of their ids, read as they are asked for.
#[derive(Debug)]
pub struct ForeignDocuments {
    #[cfg(feature = "mongodb")]
    from: mongo::ForeignDocuments,
    #[cfg(not(feature = "mongodb"))]
    from: std::convert::Infallible,
}

impl Engine {
    /// Returns the names of the collections in a database that another program made.
    ///
    /// # Errors
    /// Returns `Statement` if the server is no MongoDB deployment, and `Unreachable` if it does not answer.
    pub async fn foreign_collections(&self, server: &ServerName, database: &str) -> Result<Vec<String>> {
        match &*self.named(server).await? {
            #[cfg(feature = "mongodb")]
            Server::Mongo(mongo) => Box::pin(mongo.foreign_collections(database)).await,
            Server::Sqlite(_) | Server::Postgres(_) => Err(no_documents(server, database)),
        }
    }

    /// Begins to read a collection that another program made: all documents, or those whose `field` has one of the
    /// values.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::foreign_collections`].
    pub async fn foreign_documents(
        &self,
        server: &ServerName,
        database: &str,
        collection: &str,
        only: Option<(&str, &[Foreign])>,
    ) -> Result<ForeignDocuments> {
        match &*self.named(server).await? {
            #[cfg(feature = "mongodb")]
            Server::Mongo(mongo) => {
                let from = Box::pin(mongo.foreign_documents(database, collection, only)).await?;
                Ok(ForeignDocuments { from })
            }
            Server::Sqlite(_) | Server::Postgres(_) => {
                let _ = only;
                Err(no_documents(server, &format!("{database}.{collection}")))
            }
        }
    }
}

impl ForeignDocuments {
    /// Returns the next document; `None` after the last one.
    ///
    /// # Errors
    /// Returns `Unreachable` if the server does not answer.
    #[allow(clippy::unused_async, reason = "without MongoDB there are no documents")]
    pub async fn next(&mut self) -> Result<Option<ForeignDocument>> {
        #[cfg(feature = "mongodb")]
        {
            Box::pin(self.from.next()).await
        }
        #[cfg(not(feature = "mongodb"))]
        match self.from {}
    }
}

fn no_documents(server: &ServerName, what: &str) -> Error {
    let why = format!("server {server} is no MongoDB deployment, so {what} cannot be read there");
    Error::new(Kind::Statement(why.clone()), why)
}

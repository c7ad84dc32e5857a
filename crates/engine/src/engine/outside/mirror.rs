//! Documents of a database on MongoDB that other programs read: written together with the position up to which they are
//! current, so that of several writers only one continues from each position.

use crate::engine::{Engine, Server};
use crate::{
    error::{Error, Kind, Result},
    mongo,
    name::{PhysicalName, ServerName},
};
use serde_json::Value as Json;

/// A value of a mirrored document.
#[derive(Debug, Clone, PartialEq)]
pub enum MirrorValue {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// Whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Microseconds since 1970, UTC. MongoDB stores milliseconds.
    Instant(i64),
    /// JSON, stored as a document if MongoDB takes its names, and otherwise as text.
    Json(Json),
    /// Array.
    List(Vec<MirrorValue>),
    /// Document.
    Document(MirrorFields),
}

/// Names and values of a document.
pub type MirrorFields = Vec<(&'static str, MirrorValue)>;

/// The documents of a collection in a range of ids.
#[derive(Debug, Clone, PartialEq)]
pub struct MirrorChanges {
    /// The collection.
    pub collection: &'static str,
    /// Documents to write, each with its `_id`. They replace those with the same `_id`.
    pub documents: Vec<(i64, MirrorFields)>,
    /// All other documents with an `_id` greater than the first and up to the second number are deleted.
    pub only: (i64, i64),
}

/// A database that is mirrored to.
#[derive(Debug, Clone, Copy)]
pub struct MirrorAt<'a> {
    /// The server, which is MongoDB.
    pub server: &'a ServerName,
    /// The database.
    pub database: &'a PhysicalName,
}

impl Engine {
    /// Returns the position up to which the documents are current; `None` if nothing was written.
    ///
    /// # Errors
    /// Returns `Statement` if the server is not MongoDB, or the database has collections of something else;
    /// `WrongIdentity` if another installation writes there; and `Unreachable` if the server does not answer.
    pub async fn mirrored(&self, at: MirrorAt<'_>) -> Result<Option<String>> {
        Box::pin(self.mongo(at)?.mirrored(at.database)).await
    }

    /// Creates the indexes: each is a collection and the field by which it is searched. Idempotent.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::mirrored`].
    pub async fn index_mirror(&self, at: MirrorAt<'_>, indexes: &[(&str, &str)]) -> Result<()> {
        Box::pin(self.mongo(at)?.index_mirror(at.database, indexes)).await
    }

    /// Writes the changes and the position `next` in one transaction, if the documents are current up to `from`. Returns
    /// false, and writes nothing, if another process has written in the meantime.
    ///
    /// # Errors
    /// Returns `InDoubt` if the commit was not answered, and the errors of [`Engine::mirrored`].
    pub async fn mirror(
        &self,
        at: MirrorAt<'_>,
        from: Option<&str>,
        next: &str,
        changes: &[MirrorChanges],
    ) -> Result<bool> {
        Box::pin(self.mongo(at)?.mirror(at.database, (from, next), changes)).await
    }

    fn mongo(&self, at: MirrorAt<'_>) -> Result<&mongo::Server> {
        let server = self.0.servers.iter().find(|server| server.name() == at.server);
        match server.ok_or_else(|| super::super::unknown(at.server))? {
            Server::Mongo(server) => Ok(server),
            _ => {
                let why = format!("servers.{} is not MongoDB", at.server);
                Err(Error::new(Kind::Statement(why.clone()), why))
            }
        }
    }
}

//! What a database contains before it is attached, and taking over tables that its owner made.

use super::super::{Engine, Server};
use crate::{
    error::{Error, Kind, Result},
    identity::Resident,
    place::{EngineKind, Isolation, Place},
    schema::{Drift, Script},
};
use std::sync::Arc;

/// Contents of a database that is about to be attached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Places that live in the database, at most two; empty if it has none of the platform's tables.
    pub residents: Vec<Resident>,
    /// True if the database holds pools, schemas of tenants or other objects that an installation makes on its own
    /// servers.
    pub is_of_an_installation: bool,
    /// Tables of the store's models that are there.
    pub tables: Vec<String>,
    /// Tables of the store's models that are missing.
    pub missing: Vec<String>,
    /// Differences of the tables that are there from those of the models.
    pub drift: Vec<Drift>,
    /// Statements that give the role of the URL the rights that it lacks.
    pub grants: Vec<String>,
    /// True if a table of the store's models has rows.
    pub has_rows: bool,
}

impl Engine {
    /// Describes what the database of an attached place contains, whether or not the place was ever there. Changes
    /// nothing.
    ///
    /// # Errors
    /// Returns `Unreachable`, `NoAccess` or `Missing` if the database cannot be read.
    pub async fn survey(&self, place: &Place, script: &Arc<Script>) -> Result<Survey> {
        match &*self.server(place).await? {
            Server::Sqlite(server) => server.survey(place, script).await,
            Server::Postgres(server) => Box::pin(server.survey_attached(place, script)).await,
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => Err(not_attached(place)),
        }
    }

    /// Gives an attached database the identity of the place, and records that its tables, which its owner made, have
    /// all migrations of `script`. Counts their rows. Idempotent.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if another place lives there, and `Denied` if the role may not create the platform's own
    /// tables.
    pub async fn adopt_schema(&self, place: &Place, script: &Arc<Script>) -> Result<()> {
        match &*self.server(place).await? {
            Server::Sqlite(server) => server.adopt_schema(place, script).await,
            Server::Postgres(server) => Box::pin(server.adopt_schema(place, script)).await,
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => Err(not_attached(place)),
        }
    }
}

impl Engine {
    /// Deletes all rows of the store's models from an attached place that was never in use: a move has put them there.
    /// Does nothing if the place is not there. Idempotent.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub async fn empty_attached(&self, place: &Place, script: &Arc<Script>) -> Result<()> {
        match &*self.server(place).await? {
            Server::Sqlite(server) => server.empty_attached(place, script).await,
            Server::Postgres(server) => Box::pin(server.empty_attached(place, script)).await,
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => Err(not_attached(place)),
        }
    }
}

#[cfg(feature = "mongodb")]
fn not_attached(place: &Place) -> Error {
    Error::new(Kind::Internal, format!("{place}: not an attached database"))
}

impl Script {
    /// Returns the statements that create the tables of the store's models in a database of its own, without the
    /// platform's own tables.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if a model has no tables in such a database.
    pub fn create_statements(&self, engine: EngineKind) -> Result<Vec<String>> {
        let mut out = vec![];
        match engine {
            EngineKind::Sqlite => {
                for model in self.state().of_store(self.store()) {
                    out.extend(crate::sqlite::schema::ddl::create(model, self.state(), Isolation::Database)?);
                }
            }
            EngineKind::Postgres => {
                let mut references = vec![];
                for model in self.state().of_store(self.store()) {
                    let layout =
                        crate::postgres::schema::Layout { model, state: self.state(), pooled: false };
                    out.extend(layout.create_alone()?);
                    references.extend(layout.references()?);
                }
                out.extend(references);
            }
            EngineKind::Mongo => {
                let why =
                    "MongoDB has no statements that create tables: attach the database with --grant schema";
                return Err(Error::new(Kind::Statement(why.into()), why));
            }
        }
        Ok(out)
    }
}

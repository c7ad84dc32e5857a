//! What a database contains before it is attached, and taking over tables that its owner made.

use super::super::{Engine, Server};
use crate::{
    error::{Error, Kind, Result},
    identity::Resident,
    name::ServerName,
    place::{EngineKind, Isolation, Place},
    postgres::FoundTable,
    schema::{Drift, Schema, Script},
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

    /// Describes tables of an open attached database that another program made; all of its tables if none is named. A
    /// column of JSON with a text for each language is marked if `language` is among them.
    ///
    /// # Errors
    /// Returns `Unreachable`, `NoAccess` or `Missing` if the database cannot be read, and a statement error if it is not on
    /// PostgreSQL.
    pub async fn describe(
        &self,
        name: &ServerName,
        tables: &[String],
        language: &str,
    ) -> Result<Vec<FoundTable>> {
        match &*self.named(name).await? {
            Server::Postgres(server) => Box::pin(server.describe(tables, language)).await,
            _ => {
                let why = "models read tables of another program on PostgreSQL only";
                Err(Error::new(Kind::Statement(why.into()), why))
            }
        }
    }

    /// Returns what keeps the models of `schema` that read tables of another program from being read in an attached
    /// database: each missing view, column and right, and each column of another type.
    ///
    /// # Errors
    /// Returns `Unreachable`, `NoAccess` or `Missing` if the database cannot be read.
    pub async fn unread(&self, place: &Place, schema: &Schema) -> Result<Vec<String>> {
        match &*self.server(place).await? {
            Server::Postgres(server) => Box::pin(server.unread(place, schema)).await,
            _ if schema.plans().all(|plan| plan.model().is_migrated()) => Ok(vec![]),
            _ => Ok(vec![format!(
                "models of {} read tables of another program on PostgreSQL only",
                place.store
            )]),
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

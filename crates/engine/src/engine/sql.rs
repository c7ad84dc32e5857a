//! SQL statements on the rows of a place: a tenant's own, and an operator's reads. Both may join the tenant's tables
//! with shared data, if the two databases support it.

use super::{Engine, Server, Session, session::Kind as Of};
#[cfg(feature = "mongodb")]
use crate::error::Error;
use crate::{
    error::{Kind, Result},
    joins::{Absent, SharedStore},
    name::ModelName,
    place::{EngineKind, Place},
    postgres,
    schema::Script,
    sqlite,
    statement::{SqlLimits, SqlRows},
};
use serde_json::Value as Json;
use std::sync::Arc;

/// Maximum number of attempts of a statement. It is repeated if a shared store was migrated in the meantime.
const ATTEMPTS: usize = 3;

impl Engine {
    /// Runs a tenant's own statement, read-only and confined (`confined-sql`). Pooled tenants are denied. Besides the
    /// tenant's tables, the statement sees the models of `shared` under their plain names, with the shared values. A
    /// table of the tenant takes precedence over a model of the same name. Shared data that cannot be joined affects
    /// only statements that name it.
    ///
    /// # Errors
    /// Returns the errors of [`Session::sql`]. If the statement names shared data, also returns the errors of opening
    /// the shared store, and `Statement` with the reason if that data cannot be joined.
    pub async fn sql(
        &self,
        session: &Session,
        text: &str,
        params: Json,
        limits: SqlLimits,
        shared: &[SharedStore],
    ) -> Result<SqlRows> {
        let mut attempt = 1;
        loop {
            let mut absent = Absent::default();
            let done = match &session.0 {
                Of::Sqlite(session) => {
                    let beside = self.beside(text, shared, &mut absent).await;
                    session.sql(text, params.clone(), limits, beside).await
                }
                Of::Postgres(session) => {
                    let own = (session.server(), session.site());
                    let asked = (text, shared, attempt > 1);
                    let joined = Box::pin(self.joined(own, asked, &mut absent)).await;
                    let done = Box::pin(session.sql(text, params.clone(), limits, &joined)).await;
                    healing(done, &joined, attempt)
                }
                #[cfg(feature = "mongodb")]
                Of::Mongo(_) => Err(no_sql()),
            };
            match done {
                Err(error) if *error.kind() == Kind::Outdated && attempt < ATTEMPTS => attempt += 1,
                done => return done.map_err(|error| absent.explain(error)),
            }
        }
    }

    /// Runs a read-only statement on the rows of a place, under any schema. Operators use it to inspect stored values,
    /// even in a database whose migration failed. In a shared database, the statement sees only the models of the
    /// place's store, with the rows of the place. In a tenant's own database, it also sees the models of `shared`, as
    /// in [`Engine::sql`]. `script` has the migrations of the store for the isolation of the place.
    ///
    /// # Errors
    /// Returns [`Kind::SchemaAhead`] if a shared database has migrations that `script` does not have, and otherwise the
    /// errors of [`Engine::sql`].
    pub async fn operator_sql(
        &self,
        place: &Place,
        script: &Arc<Script>,
        text: &str,
        limits: SqlLimits,
        shared: &[SharedStore],
    ) -> Result<SqlRows> {
        let is_own = !place.isolation.is_pooled() && place.tenant.is_some();
        let shared = if is_own { shared } else { &[] };
        let mut attempt = 1;
        loop {
            let mut absent = Absent::default();
            let done = match &*self.server(place).await? {
                Server::Sqlite(server) => {
                    let beside = self.beside(text, shared, &mut absent).await;
                    let asked = sqlite::Asked { text, params: Json::Null, limits, beside };
                    server.operator_sql(place, script, asked).await
                }
                Server::Postgres(server) => {
                    let site = server.site(place)?;
                    let asked = (text, shared, attempt > 1);
                    let joined = Box::pin(self.joined((server, &site), asked, &mut absent)).await;
                    let done = Box::pin(server.operator_sql(place, script, text, limits, &joined)).await;
                    healing(done, &joined, attempt)
                }
                #[cfg(feature = "mongodb")]
                Server::Mongo(_) => Err(no_sql()),
            };
            match done {
                Err(error) if *error.kind() == Kind::Outdated && attempt < ATTEMPTS => attempt += 1,
                done => return done.map_err(|error| absent.explain(error)),
            }
        }
    }

    /// Returns the steps for an administrator that allow statements on this place to join shared data: the database,
    /// and SQL to run there. Returns `None` if there is nothing to do, or if nothing helps because the databases are of
    /// different kinds.
    ///
    /// # Errors
    /// Returns `Missing` if there is no such database, and `Unreachable` if its server does not answer.
    pub async fn join_remedy(
        &self,
        place: &Place,
        shared: &[SharedStore],
    ) -> Result<Option<(String, String)>> {
        let found = self.server(place).await?;
        let Server::Postgres(server) = &*found else { return Ok(None) };
        if place.isolation.is_pooled() {
            return Ok(None);
        }
        let site = server.site(place)?;
        let is_there =
            shared.iter().any(|store| self.server_now(&store.place).is_ok_and(|at| at.is_postgres()));
        match is_there {
            true => Ok(server.join_remedy(&site).await?.map(|sql| (site.database.to_string(), sql))),
            false => Ok(None),
        }
    }

    /// Opens the shared stores that a statement on SQLite may name.
    async fn beside(&self, text: &str, shared: &[SharedStore], absent: &mut Absent) -> Vec<sqlite::Beside> {
        let mut beside = vec![];
        for (store, model) in named(text, shared) {
            let opened = self.opened_beside(store, model).await;
            match opened {
                Ok(opened) => beside.push(opened),
                Err(error) => absent.add(store, error),
            }
        }
        beside
    }

    /// Makes the shared stores that a statement on PostgreSQL may name readable there. Returns their schemas. If `anew`
    /// is set, does not rely on what an earlier call found.
    async fn joined(
        &self,
        (server, site): (&postgres::Server, &postgres::Site),
        (text, shared, anew): (&str, &[SharedStore], bool),
        absent: &mut Absent,
    ) -> Vec<postgres::Joined> {
        let mut joined = vec![];
        for (store, model) in named(text, shared) {
            let opened = self.opened_view((server, site), (store, model), anew).await;
            match opened {
                Ok(opened) => joined.push(opened),
                Err(error) => absent.add(store, error),
            }
        }
        joined
    }

    async fn opened_beside(&self, store: &SharedStore, model: &ModelName) -> Result<sqlite::Beside> {
        match &*self.server(&store.place).await? {
            Server::Sqlite(server) => server.beside(store).await,
            Server::Postgres(_) => Err(store.elsewhere(model, EngineKind::Postgres, EngineKind::Sqlite)),
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => Err(store.elsewhere(model, EngineKind::Mongo, EngineKind::Sqlite)),
        }
    }

    async fn opened_view(
        &self,
        (server, site): (&postgres::Server, &postgres::Site),
        (store, model): (&SharedStore, &ModelName),
        anew: bool,
    ) -> Result<postgres::Joined> {
        match &*self.server(&store.place).await? {
            Server::Postgres(source) => server.join(site, source, store, anew).await,
            Server::Sqlite(_) => Err(store.elsewhere(model, EngineKind::Sqlite, EngineKind::Postgres)),
            #[cfg(feature = "mongodb")]
            Server::Mongo(_) => Err(store.elsewhere(model, EngineKind::Mongo, EngineKind::Postgres)),
        }
    }
}

/// Returns the error for SQL on a database that has none.
#[cfg(feature = "mongodb")]
pub(crate) fn no_sql() -> Error {
    let why = "the database is on MongoDB, which has no SQL: use lists and aggregates";
    Error::new(Kind::Denied(why.into()), why)
}

/// Returns the shared stores with a model that a statement may name, each with one such model.
fn named<'s>(
    text: &str,
    shared: &'s [SharedStore],
) -> impl Iterator<Item = (&'s SharedStore, &'s ModelName)> {
    shared.iter().filter_map(move |store| Some((store, store.named_in(text)?)))
}

/// Marks the error of a first attempt as repeatable, if the views of shared data may be its cause.
fn healing(done: Result<SqlRows>, joined: &[postgres::Joined], attempt: usize) -> Result<SqlRows> {
    match done {
        Err(error) if attempt == 1 && !joined.is_empty() && postgres::may_heal(&error) => {
            Err(error.with_kind(Kind::Outdated))
        }
        done => done,
    }
}

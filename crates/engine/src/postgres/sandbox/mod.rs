//! Runs a tenant's own SQL, read-only, as a role that reaches nothing but the tenant's models (`confined-sql`).
//!
//! The connection is opened for one statement and closed after it, so that no statement can affect another one through
//! it. Each of its layers is sufficient against most escapes: a role that may only read the tenant's models, a
//! read-only transaction, a single statement, default-deny rules for functions and names ([`rules`]), a deadline,
//! limits.
//!
//! PostgreSQL has no limit for the temporary files of one role, so `scratch_bytes` has no effect here. An operator can
//! set `temp_file_limit`.

mod copy;
mod params;
mod password;
mod repair;
mod rows;
mod rules;
mod tokens;
mod update;

pub(super) use password::password_of;

use super::{
    connections::Connection, joins::joined::Joined, places::How, schema::ledger, server::Server, site::Site,
};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    schema::Script,
    statement::{SqlLimits, SqlRows},
};
use serde_json::Value as Json;
use std::sync::Arc;

/// Maximum length of a statement in bytes.
const TEXT_BYTES: usize = 64 << 10;

impl Server {
    /// Runs one statement of the tenant on its own database or schema, and on the shared data in `joined`. `params` is
    /// an array or null; the statement refers to its values as `$1`, `$2` and so on.
    ///
    /// # Errors
    /// Returns `Denied` for pooled tenants and for actions that a statement may not take, `Statement` if the statement
    /// is wrong, and `Deadline` if it takes too long.
    pub(in crate::postgres) async fn sql(
        &self,
        site: &Site,
        text: &str,
        params: Json,
        limits: SqlLimits,
        joined: &[Joined],
    ) -> Result<SqlRows> {
        if site.is_pooled() || site.tenant == 0 {
            let why = "a tenant whose rows are in shared tables has no database of its own to query";
            return Err(Error::new(Kind::Denied(why.into()), "pooled"));
        }
        if self.is_sole {
            let why = "the database was attached by its owner, who queries it directly";
            return Err(Error::new(Kind::Denied(why.into()), "attached"));
        }
        let text = checked(text)?;
        let mut lease = self.lease_as_reader(site).await?;
        let conn = lease.connection()?;
        conn.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        run(conn, (site, joined), text, &params, limits).await
    }

    /// Runs a read-only statement on the rows of a place, for an operator. The statement sees the models of the place
    /// with the rows of the place. In a tenant's own database or schema, it also sees the shared data in `joined`.
    ///
    /// # Errors
    /// Returns `Denied` for a pool without a tenant, `SchemaAhead` for a pool with migrations that `script` does not
    /// have, and otherwise the errors of [`Server::sql`].
    pub(crate) async fn operator_sql(
        &self,
        place: &Place,
        script: &Arc<Script>,
        text: &str,
        limits: SqlLimits,
        joined: &[Joined],
    ) -> Result<SqlRows> {
        let site = self.site(place)?;
        refuse_whole_pool(&site)?;
        self.identify(&site).await?;
        if !site.is_pooled() && place.tenant.is_some() {
            return self.sql(&site, text, Json::Null, limits, joined).await;
        }
        let text = checked(text)?;
        // Row-level security shows only the rows of the place's tenant. The settings end when the transaction is
        // dropped.
        let mut transaction = self.in_place(&site, How::Snapshot).await?;
        let conn = transaction.connection()?;
        if site.is_pooled() {
            script.as_applied(&ledger::applied(conn, &site).await?)?;
        }
        run(conn, (&site, &[]), text, &Json::Null, limits).await
    }
}

fn refuse_whole_pool(site: &Site) -> Result<()> {
    match site.is_pooled() && site.place.tenant.is_none() {
        true => Err(Error::new(Kind::Denied("rows of all tenants".into()), "a pool has no rows of its own")),
        false => Ok(()),
    }
}

/// Runs a checked statement in the open transaction.
async fn run(
    conn: &mut Connection,
    (site, joined): (&Site, &[Joined]),
    text: &str,
    params: &Json,
    limits: SqlLimits,
) -> Result<SqlRows> {
    conn.batch(&settings(site, joined, limits)).await?;
    rows::query(conn, text, params, limits).await.map_err(own_words)
}

/// Returns the statement without the semicolon at its end, if a tenant may run it.
fn checked(text: &str) -> Result<&str> {
    refuse_long(text)?;
    rules::check(text)
}

fn refuse_long(text: &str) -> Result<()> {
    match text.len() > TEXT_BYTES {
        true => Err(Error::new(Kind::Statement("the statement is too long".into()), "sql")),
        false => Ok(()),
    }
}

/// Returns the settings of the transaction.
fn settings(site: &Site, joined: &[Joined], limits: SqlLimits) -> String {
    let path: String = joined.iter().map(|joined| format!(", {}", joined.schema())).collect();
    let memory_kb = (limits.memory_bytes >> 10).clamp(64, 1 << 20);
    format!(
        "SET LOCAL search_path = {}{path}; SET LOCAL statement_timeout = {}; \
         SET LOCAL work_mem = '{}kB'; SET LOCAL hash_mem_multiplier = 1; SET LOCAL timezone = 'UTC'; \
         SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL standard_conforming_strings = on; SET LOCAL jit = off",
        site.quoted,
        limits.deadline.as_millis().max(1),
        memory_kb / 4 + 64,
    )
}

/// Converts the database's error to one that a tenant may see.
fn own_words(error: Error) -> Error {
    match error.kind() {
        // An unknown table is an error in the tenant's SQL, not a missing migration. The tenant must not learn whether
        // another place's schema exists.
        Kind::SchemaBehind | Kind::Denied(_) => {
            Error::with_source(Kind::Statement("no such table or column".into()), "sql", error)
        }
        _ => error,
    }
}

//! Statements whose parameter types the server infers, and commits that notify other processes.

use super::{Connection, Param, failure};
use crate::{
    error::{Error, Kind, Result},
    postgres::names::quoted,
};
use futures_util::{TryStreamExt, future::join3};
use std::pin::pin;
use tokio_postgres::{Client, Row, RowStream, Statement, error::SqlState};

/// Additions to a statement in the same round trip.
#[derive(Debug, Clone, Copy)]
pub struct Wrap<'b> {
    /// Statement that begins a transaction, to be sent first.
    pub begin: Option<&'b str>,
    /// If set, a refused statement changes nothing and the transaction continues. Otherwise the transaction is lost.
    pub is_guarded: bool,
}

/// Name of the savepoint.
const GUARD: &str = "_tenantry_statement";

impl Connection {
    /// Runs a statement. Returns its rows, and the number of rows that it changed or returned. The server infers the
    /// types of the parameters. The types in `params` count only if statements may not be prepared by name.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`] if the connection was lost, and otherwise the refusal of the server.
    pub async fn inferred(
        &mut self,
        wrap: Wrap<'_>,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<(Vec<Row>, u64)> {
        self.in_statement = true;
        let statement = self.statement(sql).await;
        let statement = statement.inspect_err(|_| self.in_statement = false)?;
        let wanted = statement.as_ref().map_or(params.len(), |statement| statement.params().len());
        if wanted != params.len() {
            self.in_statement = false;
            let text = format!("{} parameters given, the statement has {wanted}", params.len());
            return Err(Error::new(Kind::Statement(text.clone()), text));
        }
        let guard = wrap.is_guarded.then(|| format!("SAVEPOINT {GUARD}"));
        let first = wrap.begin.or(guard.as_deref());
        let last = wrap.is_guarded.then(|| format!("RELEASE {GUARD}"));
        self.in_transaction |= wrap.begin.is_some();
        let (begun, answer, _) = join3(
            some(&self.client, first),
            rows(&self.client, sql, statement, params),
            some(&self.client, last.as_deref()),
        )
        .await;
        self.in_statement = false;
        begun.map_err(|error| failure::of_statement(&error))?;
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.refused(wrap, sql, &error).await),
        }
    }

    /// Commits the transaction, and notifies the listeners on `channel`.
    ///
    /// # Errors
    /// Returns [`Kind::InDoubt`] if the connection was lost before the answer: the transaction may be committed.
    pub async fn commit_and_notify(&mut self, channel: &str) -> Result<()> {
        self.in_statement = true;
        // PostgreSQL ends a failed transaction without an error, but then it refuses the notification.
        let done = self.client.batch_execute(&format!("NOTIFY {}; COMMIT", quoted(channel))).await;
        self.in_statement = false;
        done.map_err(|error| failure::of_commit(&error))?;
        self.in_transaction = false;
        Ok(())
    }

    /// Returns the prepared statement; `None` if statements are not prepared by name.
    async fn statement(&mut self, sql: &str) -> Result<Option<Statement>> {
        let Some(prepared) = &mut self.prepared else { return Ok(None) };
        if let Some(known) = prepared.get(sql) {
            return Ok(Some(known.clone()));
        }
        let made = self.client.prepare(sql).await.map_err(|error| failure::of_statement(&error))?;
        prepared.insert(sql.to_owned(), made.clone());
        Ok(Some(made))
    }

    /// Rolls back to the point before the statement, and returns the reason for its refusal.
    async fn refused(&mut self, wrap: Wrap<'_>, sql: &str, error: &tokio_postgres::Error) -> Error {
        if error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED)
            && let Some(prepared) = &mut self.prepared
        {
            prepared.remove(sql);
        }
        let refused = failure::of_statement(error);
        if wrap.is_guarded && error.as_db_error().is_some() {
            let back = self.batch(&format!("ROLLBACK TO {GUARD}; RELEASE {GUARD}")).await;
            if let Err(error) = back {
                return error;
            }
        }
        refused
    }
}

/// Runs a statement without parameters, if `sql` contains one.
async fn some(client: &Client, sql: Option<&str>) -> Result<(), tokio_postgres::Error> {
    match sql {
        Some(sql) => client.batch_execute(sql).await,
        None => Ok(()),
    }
}

async fn rows(
    client: &Client,
    sql: &str,
    statement: Option<Statement>,
    params: &[Param<'_>],
) -> Result<(Vec<Row>, u64), tokio_postgres::Error> {
    let stream: RowStream = match statement {
        Some(statement) => client.query_raw(&statement, params.iter().map(|(value, _)| *value)).await?,
        None => {
            let typed = params.iter().map(|(value, kind)| (*value, kind.clone()));
            client.query_typed_raw(sql, typed).await?
        }
    };
    let mut stream = pin!(stream);
    let rows = stream.as_mut().try_collect().await?;
    Ok((rows, stream.rows_affected().unwrap_or(0)))
}

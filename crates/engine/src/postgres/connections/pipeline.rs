//! Runs several statements in one round trip: all are sent before the first answer is read.

use super::{
    Connection,
    connection::{Param, Role},
    failure,
};
use crate::error::{Error, Result};
use futures_util::future::{MaybeDone, join, maybe_done};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
};
use tokio_postgres::{Client, Row, Statement, error::SqlState, types::Type};

/// A statement with its parameters.
#[derive(Debug, Clone, Copy)]
pub struct Call<'p> {
    /// Text of the statement.
    pub sql: &'p str,
    /// Parameters of the statement.
    pub params: &'p [Param<'p>],
    /// Whether the statement will run again soon on the same connection, so that it should stay prepared.
    pub again: bool,
}

impl<'p> Call<'p> {
    /// Returns a statement that will run again soon.
    pub fn again(sql: &'p str, params: &'p [Param<'p>]) -> Self {
        Self { sql, params, again: true }
    }

    /// Returns a statement that will not run again soon.
    pub fn once(sql: &'p str, params: &'p [Param<'p>]) -> Self {
        Self { sql, params, again: false }
    }
}

/// The first statement of a pipeline that failed. Later statements had no effect, if they were in its transaction.
#[derive(Debug)]
pub struct Failed {
    /// Position among the calls; `None` if it is a statement before or after them.
    pub at: Option<usize>,
    /// Error of the driver.
    pub error: tokio_postgres::Error,
    /// The rows of the calls before it.
    pub before: Answers,
    /// Whether the pipeline was sent. It is not sent if a statement could not be prepared.
    sent: bool,
    /// Whether a commit was sent that may have taken effect.
    in_doubt: bool,
}

impl Failed {
    /// Returns true if the statement was prepared before a migration changed its result. It is prepared again when it
    /// runs next.
    pub fn is_stale(&self) -> bool {
        self.error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED)
    }

    /// Returns true if a table, column, schema or role does not exist. Then the statement's place may be gone.
    pub fn is_gone(&self) -> bool {
        let gone = [
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_COLUMN,
            SqlState::INVALID_SCHEMA_NAME,
            SqlState::INVALID_PARAMETER_VALUE,
            SqlState::INSUFFICIENT_PRIVILEGE,
        ];
        self.error.code().is_some_and(|code| gone.contains(code))
    }

    fn closed(&self) -> bool {
        self.error.as_db_error().is_none()
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed.in_doubt {
            true => failure::of_commit(&failed.error),
            false => failure::of_statement(&failed.error),
        }
    }
}

/// The rows of each call.
pub type Answers = Vec<Vec<Row>>;

type Answer<T> = Result<T, tokio_postgres::Error>;
type Boxed<'c, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'c>>;

impl Connection {
    /// Runs the calls in their own transaction, which begins with `begin`, and commits it: one round trip. Only for
    /// transactions that only read, so that a lost commit loses nothing.
    ///
    /// # Errors
    /// Returns the first failure.
    pub async fn in_transaction(&mut self, begin: &str, calls: &[Call<'_>]) -> Result<Answers, Failed> {
        self.in_transaction = true;
        let done = self.pipeline(Some(begin), calls, Some("COMMIT")).await;
        self.in_transaction = done.as_ref().is_err_and(|failed| failed.sent && failed.closed());
        done
    }

    /// Runs reads as `role`, in one round trip. The connection keeps the role, so that the next reads need not set it.
    /// `settings` are statements that change settings for these reads. With settings, the reads share a transaction.
    ///
    /// # Errors
    /// Returns the first failure.
    pub async fn as_role(
        &mut self,
        role: &Arc<str>,
        settings: Option<&str>,
        calls: &[Call<'_>],
    ) -> Result<Answers, Failed> {
        if self.prepared.is_none() {
            // A pooler gives the connection, with its role, to another caller.
            let begin = format!("BEGIN READ ONLY; SET LOCAL ROLE {role}; {}", settings.unwrap_or_default());
            return self.in_transaction(&begin, calls).await;
        }
        let begin = settings.map(|settings| format!("BEGIN READ ONLY; {settings}"));
        let is_set = matches!(&self.role, Role::Set(set) if set == role);
        let set = (!is_set).then(|| format!("SET ROLE {role}"));
        if !is_set {
            Box::pin(self.prepare_as_login(calls)).await?;
        }
        // The role is unknown until all statements have succeeded.
        self.role = Role::Unknown;
        let done = match (begin, set) {
            (Some(begin), Some(set)) => self.in_transaction(&format!("{set}; {begin}"), calls).await,
            (Some(begin), None) => self.in_transaction(&begin, calls).await,
            (None, set) => self.pipeline(set.as_deref(), calls, None).await,
        };
        if done.is_ok() {
            self.role = Role::Set(role.clone());
        }
        done
    }

    /// Begins a transaction with `begin` and runs the calls in it.
    ///
    /// # Errors
    /// Returns the first failure. The transaction may then be open; roll it back.
    pub async fn begin_with(&mut self, begin: &str, calls: &[Call<'_>]) -> Result<Answers, Failed> {
        if self.role == Role::Unknown {
            Box::pin(self.prepare_as_login(calls)).await?;
        }
        self.in_transaction = true;
        self.pipeline(Some(begin), calls, None).await
    }

    /// Prepares the new calls, outside any transaction, with the role that signed in, which reaches every schema. The
    /// role of another place would be refused.
    async fn prepare_as_login(&mut self, calls: &[Call<'_>]) -> Result<(), Failed> {
        let reset = self.role != Role::Login;
        self.role = Role::Unknown;
        self.in_statement = true;
        let done = self.statements(calls, reset).await.map(drop);
        self.in_statement = false;
        done
    }

    /// Runs `settings`, then the calls, in the open transaction.
    ///
    /// # Errors
    /// Returns the first failure.
    pub async fn calls_with(&mut self, settings: &str, calls: &[Call<'_>]) -> Result<Answers, Failed> {
        self.pipeline(Some(settings), calls, None).await
    }

    /// Runs the calls, in the open transaction if there is one.
    ///
    /// # Errors
    /// Returns the first failure.
    pub async fn calls(&mut self, calls: &[Call<'_>]) -> Result<Answers, Failed> {
        self.pipeline(None, calls, None).await
    }

    /// Runs the calls and commits the transaction. If one fails, PostgreSQL rolls the transaction back instead.
    ///
    /// # Errors
    /// Returns the first failure. It is [`crate::Kind::InDoubt`] if the connection was lost after the commit was sent.
    pub async fn commit_with(&mut self, calls: &[Call<'_>]) -> Result<Answers, Failed> {
        let done = self.pipeline(None, calls, Some("COMMIT")).await;
        self.in_transaction = done.as_ref().is_err_and(|failed| !failed.sent || failed.closed());
        done.map_err(in_doubt)
    }

    /// Runs the calls, commits, and then runs a query, all in one round trip. A lost answer to the query is `None`.
    ///
    /// # Errors
    /// Returns the errors of [`Connection::commit_with`].
    pub async fn commit_and_ask(
        &mut self,
        calls: &[Call<'_>],
        question: &str,
    ) -> Result<Option<Vec<Row>>, Failed> {
        let question = Call::again(question, &[]);
        let all: Vec<_> = calls.iter().copied().chain([question]).collect();
        self.in_statement = true;
        let done = match self.statements(&all, false).await {
            Ok(mut statements) => {
                let asks = one(&self.client, question, statements.pop().flatten());
                let commits = send(&self.client, None, calls, statements, Some("COMMIT"));
                // `join` polls the commit first, so it is sent first.
                let (committed, answer) = join(commits, asks).await;
                committed.map(|_| answer.ok())
            }
            Err(failed) => Err(failed),
        };
        self.in_statement = false;
        self.in_transaction = done.as_ref().is_err_and(|failed| !failed.sent || failed.closed());
        done.map_err(in_doubt)
    }

    /// Runs statements without parameters in the open transaction. PostgreSQL stops at the first failure.
    ///
    /// # Errors
    /// Returns the position and the error of the first statement that failed.
    pub async fn batches(&mut self, statements: &[String]) -> Result<(), (usize, Error)> {
        self.in_statement = true;
        let mut pending: Vec<Boxed<'_, Vec<Row>>> = Vec::with_capacity(statements.len());
        for sql in statements {
            pending.push(Box::pin(batch(&self.client, sql)));
        }
        let answers = together(pending).await;
        self.in_statement = false;
        for (at, answer) in answers.into_iter().enumerate() {
            answer.map_err(|error| (at, failure::of_statement(&error)))?;
        }
        Ok(())
    }

    async fn pipeline(
        &mut self,
        before: Option<&str>,
        calls: &[Call<'_>],
        after: Option<&str>,
    ) -> Result<Answers, Failed> {
        self.in_statement = true;
        let done = match self.statements(calls, false).await {
            Ok(statements) => send(&self.client, before, calls, statements, after).await,
            Err(failed) => Err(failed),
        };
        self.in_statement = false;
        if let Err(failed) = &done
            && failed.is_stale()
            && let (Some(at), Some(prepared)) = (failed.at, &mut self.prepared)
        {
            prepared.remove(calls[at].sql);
        }
        done
    }

    /// Returns the prepared statements of the calls, and prepares new ones in one round trip. Returns `None` for each
    /// call that runs only once, and for all calls if statements are not prepared by name. With `reset`, the connection
    /// is reset to the role that signed in before it prepares.
    async fn statements(
        &mut self,
        calls: &[Call<'_>],
        reset: bool,
    ) -> Result<Vec<Option<Statement>>, Failed> {
        let Some(prepared) = &mut self.prepared else { return Ok(vec![None; calls.len()]) };
        // After a migration, a parameter may have another type.
        let fits = |statement: &Statement, call: &Call<'_>| {
            statement.params().iter().eq(call.params.iter().map(|(_, kind)| kind))
        };
        let mut found: Vec<_> = Vec::with_capacity(calls.len());
        let mut new: Vec<usize> = vec![];
        for (at, call) in calls.iter().enumerate() {
            if !call.again {
                found.push(None);
                continue;
            }
            let known = prepared.get(call.sql).filter(|statement| fits(statement, call)).cloned();
            if known.is_none() && !new.iter().any(|other| calls[*other].sql == call.sql) {
                new.push(at);
            }
            found.push(known);
        }
        if !new.is_empty() {
            Box::pin(self.prepare_new(calls, reset, &new, &mut found)).await?;
        }
        Ok(found)
    }

    /// Prepares the `new` calls and those with the same text, and adds them to `found`.
    async fn prepare_new(
        &mut self,
        calls: &[Call<'_>],
        reset: bool,
        new: &[usize],
        found: &mut [Option<Statement>],
    ) -> Result<(), Failed> {
        let not_sent = |at, error| Failed { at, error, before: vec![], sent: false, in_doubt: false };
        let reset = reset.then(|| as_login(&self.client));
        let prepared_now = new.iter().map(|at| prepare(&self.client, calls[*at]));
        let resets = reset.is_some();
        let mut made = together(reset.into_iter().chain(prepared_now).collect()).await.into_iter();
        if resets {
            made.next().transpose().map_err(|error| not_sent(None, error))?;
        }
        for (at, made) in new.iter().copied().zip(made) {
            let Some(made) = made.map_err(|error| not_sent(Some(at), error))? else { continue };
            let sql = calls[at].sql;
            let same = calls.iter().enumerate().filter(|(_, call)| call.again && call.sql == sql);
            same.for_each(|(other, _)| found[other] = Some(made.clone()));
            if let Some(prepared) = &mut self.prepared {
                prepared.insert(sql.to_owned(), made);
            }
        }
        Ok(())
    }
}

/// Marks a failure after which the commit may have taken effect.
fn in_doubt(failed: Failed) -> Failed {
    let in_doubt = failed.sent && (failed.at.is_none() || failed.closed());
    Failed { in_doubt, ..failed }
}

fn prepare<'c>(client: &'c Client, call: Call<'c>) -> Boxed<'c, Option<Statement>> {
    let types: Vec<Type> = call.params.iter().map(|(_, kind)| kind.clone()).collect();
    Box::pin(async move { client.prepare_typed(call.sql, &types).await.map(Some) })
}

fn as_login(client: &Client) -> Boxed<'_, Option<Statement>> {
    Box::pin(async move { client.batch_execute("RESET ROLE").await.map(|()| None) })
}

async fn one(client: &Client, call: Call<'_>, statement: Option<Statement>) -> Answer<Vec<Row>> {
    let Some(statement) = statement else { return client.query_typed(call.sql, call.params).await };
    let values: Vec<_> = call.params.iter().map(|(value, _)| *value).collect();
    client.query(&statement, &values).await
}

async fn batch(client: &Client, sql: &str) -> Answer<Vec<Row>> {
    client.batch_execute(sql).await.map(|()| vec![])
}

async fn send(
    client: &Client,
    before: Option<&str>,
    calls: &[Call<'_>],
    mut statements: Vec<Option<Statement>>,
    after: Option<&str>,
) -> Result<Answers, Failed> {
    let failed = |at, error, before| Failed { at, error, before, sent: true, in_doubt: false };
    if let (None, [call], None) = (before, calls, after) {
        let rows = one(client, *call, statements.pop().flatten()).await;
        return rows.map(|rows| vec![rows]).map_err(|error| failed(Some(0), error, vec![]));
    }
    let mut pending: Vec<Boxed<'_, Vec<Row>>> = Vec::with_capacity(calls.len() + 2);
    if let Some(sql) = before {
        pending.push(Box::pin(batch(client, sql)));
    }
    for (call, statement) in calls.iter().zip(statements) {
        pending.push(Box::pin(one(client, *call, statement)));
    }
    if let Some(sql) = after {
        pending.push(Box::pin(batch(client, sql)));
    }
    let mut answers = together(pending).await.into_iter();
    let first = before.and_then(|_| answers.next());
    let last = after.and_then(|_| answers.next_back());
    first.transpose().map_err(|error| failed(None, error, vec![]))?;
    let mut rows = Vec::with_capacity(calls.len());
    for (at, answer) in answers.enumerate() {
        match answer {
            Ok(answer) => rows.push(answer),
            Err(error) => return Err(failed(Some(at), error, rows)),
        }
    }
    match last {
        Some(Err(error)) => Err(failed(None, error, rows)),
        _ => Ok(rows),
    }
}

/// Sends all calls in this order before it waits for the first answer: the driver sends a call when it is first polled.
async fn together<T>(pending: Vec<Boxed<'_, T>>) -> Vec<Answer<T>> {
    let mut pending: Vec<MaybeDone<Boxed<'_, T>>> = pending.into_iter().map(maybe_done).collect();
    poll_fn(|cx| {
        for one in &mut pending {
            let _ = Pin::new(one).poll(cx);
        }
        Poll::Ready(())
    })
    .await;
    let mut answers = Vec::with_capacity(pending.len());
    for mut one in pending {
        let mut one = Pin::new(&mut one);
        one.as_mut().await;
        answers.extend(one.take_output());
    }
    answers
}

//! One connection. It tracks whether a statement or transaction is in progress, so that its lease can prove it clean.

use super::{Access, Call, encrypted::Encryption, failure};
use crate::error::Result;
use quick_cache::unsync::Cache;
use std::{sync::Arc, time::Duration};
use tokio::{
    task::{AbortHandle, JoinHandle},
    time::timeout,
};
use tokio_postgres::{
    Client, Row, Statement,
    types::{ToSql, Type},
};

/// Maximum number of statements that stay prepared. PostgreSQL retains each one, with its plan, until it is
/// deallocated.
const PREPARED: usize = 128;
/// Longest duration of cancelling and closing, after which the socket is dropped.
const FAREWELL: Duration = Duration::from_secs(2);

/// The role that statements of a connection run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// The role that signed in.
    Login,
    /// This role. The role that signed in is a member of it.
    Set(Arc<str>),
    /// Unknown, because a statement failed.
    Unknown,
}

/// A value of a parameter, and its type.
pub type Param<'p> = (&'p (dyn ToSql + Sync), Type);

/// An open connection to a database.
#[derive(Debug)]
pub struct Connection {
    database: Arc<str>,
    pub(super) client: Client,
    /// The task that reads and writes the socket. It ends when the connection does.
    stream: JoinHandle<()>,
    /// Encryption of the second connection that cancels a statement.
    encryption: Encryption,
    /// Prepared statements by text; `None` if statements must not be prepared by name.
    pub(super) prepared: Option<Cache<String, Statement>>,
    /// True from sending a statement until its end was received.
    pub(super) in_statement: bool,
    pub(super) in_transaction: bool,
    pub(super) role: Role,
}

impl Connection {
    pub(super) fn new(database: Arc<str>, client: Client, stream: JoinHandle<()>, access: &Access) -> Self {
        let encryption = access.encryption().clone();
        let prepared = access.prepares().then(|| Cache::new(PREPARED));
        let (in_statement, in_transaction, role) = (false, false, Role::Login);
        Self { database, client, stream, encryption, prepared, in_statement, in_transaction, role }
    }

    /// Returns the task that reads and writes the socket.
    pub(super) fn socket(&self) -> AbortHandle {
        self.stream.abort_handle()
    }

    /// Returns the name of the database that the connection belongs to.
    pub(super) fn database(&self) -> &Arc<str> {
        &self.database
    }

    /// Returns true if no statement and no transaction is in progress and the server has not ended the connection.
    /// Beyond their transaction, statements change no setting but the role, so nothing else can be left over.
    pub(super) fn is_clean(&self) -> bool {
        !self.in_statement && !self.in_transaction && !self.client.is_closed()
    }

    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// Returns [`crate::Kind::Unreachable`] if the connection was lost, and otherwise the refusal of the server.
    pub async fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let rows = self.calls(&[Call::again(sql, params)]).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// Runs one statement that will not be run again soon, so it does not stay prepared. The server refuses a text with
    /// several statements.
    ///
    /// # Errors
    /// Returns the errors of [`Connection::query`].
    pub async fn once(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        self.in_statement = true;
        let rows = self.client.query_typed(sql, params).await;
        self.in_statement = false;
        rows.map_err(|error| failure::of_statement(&error))
    }

    /// Runs statements without parameters, separated by semicolons. Outside a transaction, they run in one transaction.
    ///
    /// # Errors
    /// Returns the errors of [`Connection::query`].
    pub async fn batch(&mut self, sql: &str) -> Result<()> {
        self.in_statement = true;
        let done = self.client.batch_execute(sql).await;
        self.in_statement = false;
        done.map_err(|error| failure::of_statement(&error))
    }

    /// Returns the types of a statement's parameters, and its columns, without running it.
    ///
    /// # Errors
    /// Returns the errors of [`Connection::query`].
    pub async fn describe(&mut self, sql: &str) -> Result<(Vec<Type>, Vec<(String, Type)>)> {
        self.in_statement = true;
        let prepared = self.client.prepare(sql).await;
        self.in_statement = false;
        let statement = prepared.map_err(|error| failure::of_statement(&error))?;
        let columns = statement.columns().iter().map(|c| (c.name().to_owned(), c.type_().clone()));
        Ok((statement.params().to_vec(), columns.collect()))
    }

    /// Begins a transaction. `how` is the text after BEGIN.
    ///
    /// # Errors
    /// Returns the errors of [`Connection::query`].
    pub async fn begin(&mut self, how: &str) -> Result<()> {
        self.in_transaction = true;
        self.batch(&format!("BEGIN {how}")).await
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// Returns [`crate::Kind::InDoubt`] if the connection was lost before the answer: the transaction may be committed.
    pub async fn commit(&mut self) -> Result<()> {
        self.in_statement = true;
        let done = self.client.batch_execute("COMMIT").await;
        self.in_statement = false;
        done.map_err(|error| failure::of_commit(&error))?;
        self.in_transaction = false;
        Ok(())
    }

    /// Runs statements without parameters and commits, in one round trip. The first statement may begin the transaction.
    /// After a refusal the transaction may be open; roll it back.
    ///
    /// # Errors
    /// Returns the refusal of the first statement that failed, and [`crate::Kind::InDoubt`] if the connection was lost:
    /// the transaction may be committed.
    pub async fn commit_batch(&mut self, statements: &[&str]) -> Result<()> {
        (self.in_statement, self.in_transaction) = (true, true);
        let text = format!("{};\nCOMMIT", statements.join(";\n"));
        let done = self.client.batch_execute(&text).await;
        self.in_statement = false;
        done.map_err(|error| failure::of_commit(&error))?;
        self.in_transaction = false;
        Ok(())
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// Returns the errors of [`Connection::query`].
    pub async fn roll_back(&mut self) -> Result<()> {
        self.batch("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Rolls the transaction back, if there is one.
    ///
    /// # Errors
    /// Returns the errors of [`Connection::query`].
    pub async fn roll_back_if_open(&mut self) -> Result<()> {
        if self.in_transaction { self.roll_back().await } else { Ok(()) }
    }

    /// Cancels a running statement, and closes the connection. Returns once it is closed.
    pub(super) async fn close(self) {
        if self.in_statement && !self.client.is_closed() {
            let cancelled = timeout(FAREWELL, self.client.cancel_token().cancel_query(self.encryption)).await;
            tracing::debug!(database = %self.database, ?cancelled, "cancelled a statement whose caller is gone");
        }
        drop(self.client);
        let mut stream = self.stream;
        if timeout(FAREWELL, &mut stream).await.is_err() {
            stream.abort();
        }
    }
}

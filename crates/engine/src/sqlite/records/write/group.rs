//! Runs the writes of several callers in one transaction, in which each succeeds or fails on its own.
//!
//! The queue of a database calls it. The commit is most of the cost of a small write, so writes that wait at the same
//! time share one. Callers do not notice: a refused write is rolled back to its savepoint, and if the transaction
//! itself is lost, each write runs again in its own transaction.

use super::{apply, within};
use crate::{
    error::{Error, Result},
    write::{Request, Written, prepare},
};
use rusqlite::{Connection, Transaction, TransactionBehavior};

impl Request {
    /// Runs the write in its own transaction.
    pub(crate) fn run(&self, conn: &Connection) -> Result<Vec<Written>> {
        apply(conn, &self.schema, &self.who, &self.changes, &self.options, self.condition.as_ref())
    }
}

/// The outcomes of the requests of a group, in their order.
pub(crate) type Outcomes = Vec<Result<Vec<Written>>>;

/// Runs all requests.
///
/// # Errors
/// Returns `Busy` if another process is writing; nothing was changed, and the error holds for the whole group. If that
/// process begins only after the group's shared transaction was lost, single outcomes are `Busy`.
pub(crate) fn run(conn: &Connection, requests: &[&Request]) -> Result<Outcomes> {
    match together(conn, requests)? {
        Some(outcomes) => Ok(outcomes),
        None => Ok(requests.iter().map(|request| request.run(conn)).collect()),
    }
}

/// Runs all requests in one transaction. Returns `None` if there is only one, or if the transaction was lost to a full
/// disk or a failed commit.
fn together(conn: &Connection, requests: &[&Request]) -> Result<Option<Outcomes>> {
    if requests.len() < 2 {
        return Ok(None);
    }
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
        let done = one(&transaction, request);
        if transaction.is_autocommit() {
            // SQLite rolled back the whole transaction, including the other writes.
            return Ok(None);
        }
        outcomes.push(done);
    }
    match transaction.commit() {
        Ok(()) => Ok(Some(outcomes)),
        Err(error) => {
            tracing::debug!(%error, "a shared commit failed: each write gets its own");
            Ok(None)
        }
    }
}

/// Runs one request between two savepoints of the transaction.
fn one(conn: &Connection, request: &Request) -> Result<Vec<Written>> {
    let Request { schema, who, changes, options, condition } = request;
    let ready = prepare::all(schema, changes)?;
    run_sql(conn, "SAVEPOINT one")?;
    let done = within(conn, (schema, who), &ready, options, condition.as_ref());
    if conn.is_autocommit() {
        return done;
    }
    if done.is_err() || options.dry_run {
        run_sql(conn, "ROLLBACK TO one")?;
    }
    run_sql(conn, "RELEASE one")?;
    done
}

fn run_sql(conn: &Connection, sql: &str) -> Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop).map_err(Error::from)
}

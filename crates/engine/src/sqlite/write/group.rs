//! Several callers' writes in one transaction, each of which fails or holds by itself.
//!
//! Called by the queue of a database. One commit is most of what a small write costs, so those that wait at the
//! same time share it. Nobody learns of it: a write that is refused is undone to where it began, and when
//! the transaction itself is lost, each is done again in one of its own.

use super::{Confinement, Schema, WriteOptions, Written, apply, prepare, within};
use crate::{
    error::{Error, Result},
    query::Change,
};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::sync::Arc;

/// What must not end before a write has: dropped once it is committed or refused, whether or not its caller is still
/// there.
pub type Held = Box<dyn std::any::Any + Send + Sync>;

/// One caller's write.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) schema: Arc<Schema>,
    pub(crate) who: Confinement,
    pub(crate) changes: Vec<Change>,
    pub(crate) options: WriteOptions,
    #[allow(dead_code, reason = "held until the write is over")]
    pub(crate) held: Option<Held>,
}

impl Request {
    /// Runs it in a transaction of its own.
    pub(crate) fn run(&self, conn: &Connection) -> Result<Vec<Written>> {
        apply(conn, &self.schema, &self.who, &self.changes, &self.options)
    }
}

/// What each request of a group came to, in their order.
pub(crate) type Outcomes = Vec<Result<Vec<Written>>>;

/// Runs all of them. The error is for the whole group, and then nothing was done: `Busy` while another
/// process writes. When that begins in the middle of a group whose transaction was lost, single ones are busy.
pub(crate) fn run(conn: &Connection, requests: &[&Request]) -> Result<Outcomes> {
    match together(conn, requests)? {
        Some(outcomes) => Ok(outcomes),
        None => Ok(requests.iter().map(|request| request.run(conn)).collect()),
    }
}

/// None when that is not to be had: only one, or the transaction was lost to a full disk or a failed commit.
fn together(conn: &Connection, requests: &[&Request]) -> Result<Option<Outcomes>> {
    if requests.len() < 2 {
        return Ok(None);
    }
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
        let done = one(&transaction, request);
        if transaction.is_autocommit() {
            // SQLite ended the transaction by itself and with it what the others did.
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

/// One request between two marks of the transaction.
fn one(conn: &Connection, request: &Request) -> Result<Vec<Written>> {
    let Request { schema, who, changes, options, .. } = request;
    let ready = prepare::all(schema, changes)?;
    run_sql(conn, "SAVEPOINT one")?;
    let done = within(conn, schema, who, &ready, options);
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

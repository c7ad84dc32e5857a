//! Changes to records: validates them, then applies all changes of one call in one transaction, together with the
//! fence, the quota and the activity log. The session of a placement calls it. It never writes a part of a batch, and
//! never a row of another tenant.

mod activity;
mod group;
mod recording;
mod refusal;
mod run;

pub(crate) use group::{Outcomes, run as run_group};

use super::usage;
use crate::{
    error::Result,
    query::Change,
    schema::{Confinement, Schema},
    write::{WriteCondition, WriteOptions, Written, prepare},
};
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Applies all changes or none. Errors that concern one change carry its index.
///
/// The fence takes precedence: on a fenced or stale place the error is `Kind::Fenced`, even if the change has other
/// faults, so that the caller looks for the new place instead of trusting the old one.
///
/// # Errors
/// Returns the errors of [`crate::engine::Session::write_if`].
pub fn apply(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    changes: &[Change],
    options: &WriteOptions,
    condition: Option<&WriteCondition>,
) -> Result<Vec<Written>> {
    if changes.is_empty() {
        return Ok(vec![]);
    }
    let ready = prepare::all(schema, changes)?;
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    let written = within(&transaction, (schema, who), &ready, options, condition)?;
    if options.dry_run {
        transaction.rollback()?;
        return Ok(written);
    }
    transaction.commit()?;
    Ok(written)
}

/// Applies all changes inside the caller's transaction. The caller rolls it back on failure.
fn within(
    conn: &Connection,
    (schema, who): (&Schema, &Confinement),
    ready: &[prepare::Ready<'_>],
    options: &WriteOptions,
    condition: Option<&WriteCondition>,
) -> Result<Vec<Written>> {
    let mut run = run::Run::new(conn, schema, who, options);
    match run.all(ready) {
        Ok(written) => {
            // Check the fence last, but before the transaction's changes are recorded.
            if usage::reserve(conn, schema, who, run.rows, run.bytes, options)? {
                recording::note(conn, schema, who, &written, &run.nulled)?;
            }
            WriteCondition::check(condition)?;
            Ok(written)
        }
        Err(error) => {
            usage::usage(conn, schema, who)?;
            Err(error)
        }
    }
}

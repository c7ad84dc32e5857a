//! Applies a migration in one round trip, as one text with its locks, its ledger row, the seal and the commit.
//!
//! Nothing reads an answer on the way, so every check is a statement that the database refuses: that no other process
//! has migrated the place since it was read, that its row is the verified one, and that the place is open. After a refusal the
//! migration is tried step by step, which finds the reason and mends what can be mended.

use super::attempt::{HOLD_WRITERS, settings};
use crate::{
    error::{Error, Kind, Result},
    postgres::{
        connections::{Connection, refusal},
        places::{How, begin_as_owner},
        schema::{compiled::Compiled, ledger},
        seal,
        site::Site,
    },
};
use tokio_postgres::error::{DbError, SqlState};

/// Applies the migration if the ledger is at the position `ledger` and the query of `_tenantry_place` with the clause
/// `condition` has a row.
///
/// # Errors
/// Returns the refusal of the first statement that failed (see [`is_refused`]), and [`Kind::InDoubt`] if the connection was
/// lost.
pub(super) async fn apply(
    conn: &mut Connection,
    site: &Site,
    (ledger, condition): (i64, &str),
    migration: &Compiled,
    steps: &[&str],
) -> Result<()> {
    let begin = format!("{}; {}", begin_as_owner(site, How::Write), settings());
    let raise = ledger::raise_from(site, ledger);
    let enter = ledger::enter_if(site, &migration.loaded, condition);
    let renew = seal::raised_from(site, ledger);
    let mut statements = vec![&*begin, &raise, HOLD_WRITERS, &enter];
    statements.extend(steps);
    statements.push(&renew);
    let done = conn.commit_batch(&statements).await;
    if done.is_err() {
        // The rollback fails if the connection was lost.
        drop(conn.roll_back_if_open().await);
    }
    done
}

/// Returns whether the database refused a statement for a reason that the steps tell: not because tables are in use.
pub(super) fn is_refused(error: &Error) -> bool {
    refusal(error).is_some() && *error.kind() != Kind::Busy
}

/// Returns whether the place is not in the state that the migration expected: the refused statement is one of those that
/// compare it, or renames the seal.
pub(super) fn is_unexpected(error: &Error) -> bool {
    let compares = |refused: &DbError| match *refused.code() {
        SqlState::NOT_NULL_VIOLATION => refused.table().is_some_and(|table| table.starts_with("_tenantry_")),
        _ => false,
    };
    refusal(error).is_some_and(compares) || *error.kind() == Kind::SchemaBehind
}

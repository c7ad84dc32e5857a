//! Applies a migration in one round trip, as one text with its locks, its ledger row, the seal and the commit.
//!
//! Nothing reads an answer on the way, so every check is a statement that the database refuses: locking the mark of an open
//! place, and renaming the seal, whose name says whose place it is and which ledger it has. Neither opens a table that
//! the migration does not need, nor makes a plan, which takes most of the time of a migration over many schemas. After a
//! refusal the migration is tried step by step, which finds the reason and mends what can be mended.

use super::attempt::{hold_writers, settings};
use crate::{
    error::{Error, Kind, Result},
    postgres::{
        connections::{Connection, refusal},
        places::{How, begin_as_owner},
        schema::{compiled::Compiled, ledger},
        seal::Seal,
        site::Site,
    },
};

/// Applies the migration if the place has the seal `from` and, unless it is a pool, is open. Then it has the seal `to`.
///
/// # Errors
/// Returns the refusal of the first statement that failed (see [`is_refused`]), and [`Kind::InDoubt`] if the connection was
/// lost.
pub(super) async fn apply(
    conn: &mut Connection,
    site: &Site,
    (from, to): (&Seal, &Seal),
    migration: &Compiled,
    steps: &[&str],
) -> Result<()> {
    let begin = format!("{}; {}", begin_as_owner(site, How::Write), settings());
    let enter = ledger::entry(site, &migration.loaded, to.position);
    let rename = from.rename(to, site);
    let mut statements = vec![&*begin, hold_writers(site), &enter];
    statements.extend(steps);
    // Last, because reads wait from here on.
    statements.push(&rename);
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

/// Returns whether the place is not in the state that the migration expected: the mark or the seal is not there.
pub(super) fn is_unexpected(error: &Error) -> bool {
    *error.kind() == Kind::SchemaBehind
}

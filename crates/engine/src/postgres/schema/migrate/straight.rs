//! Applies a migration in one round trip, as one text with its locks, its ledger row, the seal and the commit.
//!
//! Nothing reads an answer on the way, so every check is a statement that the database refuses: that no other process
//! has migrated the place since it was read, that its row is the verified one, and that the place is open. After a refusal the
//! migration is tried step by step, which finds the reason and mends what can be mended.

use super::{
    attempt::{HOLD_WRITERS, settings},
    survey::Found,
};
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

/// Applies the migration.
///
/// # Errors
/// Returns the refusal of the first statement that failed (see [`is_refused`]), and [`Kind::InDoubt`] if the connection was
/// lost.
pub(super) async fn apply(
    conn: &mut Connection,
    site: &Site,
    found: &Found,
    migration: &Compiled,
    steps: &[&str],
) -> Result<()> {
    let begin = format!("{}; {}", begin_as_owner(site, How::Write), settings());
    let raise = ledger::raise_from(site, found.ledger);
    // A database or schema that was moved away accepts no more changes. A pool does, whatever its tenants do.
    let open = if site.is_pooled() { "" } else { " AND state = 'open'" };
    let enter = ledger::enter_if(site, &migration.loaded, &format!("{}{open}", found.same_row));
    let renew = seal::raised_from(site, found.ledger);
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

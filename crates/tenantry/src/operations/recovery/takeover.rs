//! Finds operations that dead workers left, and takes their leases. Called by recovery.

use crate::{
    Error, Result,
    control::{Control, Write, clock, params},
    operations::journal::{
        State,
        attempts::pause_us,
        lease::{self, LEASE_US},
    },
};
use tenantry_engine::{SqlRow, Tx};

/// Number of failed workers after which start-up leaves a resting operation alone.
const TRIED_AT_START: i64 = 3;

/// A row of the journal, as recovery reads it.
pub(in crate::operations) struct Taken {
    pub(in crate::operations) id: i64,
    pub(in crate::operations) kind: String,
    pub(in crate::operations) state: State,
    pub(in crate::operations) cursor: usize,
    pub(in crate::operations) data: String,
    pub(in crate::operations) attempts: i64,
    lease_owner: Option<String>,
    lease_until: Option<i64>,
}

impl Taken {
    fn read(r: &SqlRow) -> Result<Self> {
        Ok(Self {
            id: r.integer(0)?,
            kind: r.text(1)?.to_owned(),
            state: State::parse(r.text(2)?)?,
            cursor: usize::try_from(r.integer(3)?).map_err(|e| Error::Internal(e.to_string()))?,
            data: r.text(4)?.to_owned(),
            attempts: r.integer(5)?,
            lease_owner: r.opt_text(6)?.map(Into::into),
            lease_until: r.opt_integer(7)?,
        })
    }

    /// Returns true if no live worker can have the operation. At start-up, resting operations are free too, unless they
    /// failed repeatedly: those are left to a server and to operators, because every command would fail on them again.
    fn is_free(&self, now_us: i64, at_start: bool) -> bool {
        let reach_us = if self.lease_owner.is_some() { LEASE_US } else { pause_us(i64::MAX) };
        let lapsed = self
            .lease_until
            .is_none_or(|until| until <= now_us || clock::is_out_of_reach(until, now_us, 2 * reach_us));
        match &self.lease_owner {
            Some(owner) => lapsed || !lease::may_be_alive(owner),
            None if at_start => self.attempts < TRIED_AT_START,
            None => lapsed,
        }
    }
}

/// Returns the ids of all operations that are not over, in order.
pub(in crate::operations) async fn open_ids(tx: &mut Tx) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM operations WHERE state IN ('running', 'unwinding') ORDER BY id";
    tx.query(sql, &[]).await?.iter().map(|r| Ok(r.integer(0)?)).collect()
}

/// Takes over an operation if no live worker can have its lease.
pub(in crate::operations) async fn take(
    control: &Control,
    id: i64,
    owner: &str,
    at_start: bool,
) -> Result<Option<Taken>> {
    let mut write = control.begin().await?;
    let taken = take_in(&mut write, id, owner, at_start).await?;
    if taken.is_some() {
        write.commit_unaudited().await?;
    }
    Ok(taken)
}

/// Takes over an operation like [`take`], in a transaction that the caller commits.
pub(in crate::operations) async fn take_in(
    write: &mut Write,
    id: i64,
    owner: &str,
    at_start: bool,
) -> Result<Option<Taken>> {
    let sql = "SELECT id, kind, state, cursor, data, attempts, lease_owner, lease_until FROM operations WHERE id = ?";
    let Some(taken) = write.query(sql, params![id]).await?.first().map(Taken::read).transpose()? else {
        return Ok(None);
    };
    let now = write.at_us();
    if taken.state.is_over() || !taken.is_free(now, at_start) {
        return Ok(None);
    }
    let sql = "UPDATE operations SET lease_owner = ?, lease_until = ?, attempts = attempts + 1, updated_at = ? \
        WHERE id = ?";
    write.execute(sql, params![owner, now + LEASE_US, now, id]).await?;
    Ok(Some(taken))
}

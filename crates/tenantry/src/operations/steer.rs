//! Cancels and retries an operation on request, and prunes old ones.
//!
//! The command line and the staff API call it. Each request leaves an audit row in the same commit (`audited-commit`).

use super::{
    Operations,
    journal::{self, State, lease},
    recovery::{recover, takeover},
};
use crate::{Error, Result, access::Actor, control::params};

impl Operations {
    /// Requests that an operation stops. Its worker notices the request at the next heartbeat, and undoes the
    /// operation.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if the operation is over or past its point of no return; [`Error::NotFound`] if the
    /// actor is not staff.
    pub async fn cancel(&self, actor: &Actor, id: i64) -> Result<()> {
        actor.require_staff()?;
        let (inner, by) = (&self.inner, &actor.by());
        let mut write = inner.context.control.begin().await?;
        let found = journal::find(&mut write, id).await?;
        let (kind, no) =
            (&found.kind, |reason: &str| Err(Error::Conflict(format!("operation {id} {reason}"))));
        match found.state {
            State::Done => return no("is done already: what it did is not undone by cancelling"),
            State::Undone => return no("is undone already"),
            // The operation already goes back, as requested.
            State::Unwinding => return Ok(()),
            State::Running => {}
        }
        if inner.kind(kind).is_some_and(|kind| kind.past_return(found.cursor)) {
            return no("is past the point of no return: it will be finished");
        }
        let sql = "UPDATE operations SET cancel_requested = 1, lease_until = CASE WHEN lease_owner IS NULL THEN ? ELSE lease_until END \
            WHERE id = ?";
        let now = write.at_us();
        write.execute(sql, params![now, id]).await?;
        let detail = serde_json::json!({ "operation": id, "kind": kind });
        write.audit(by, found.tenant, "operation.cancel", detail).await?;
        write.commit().await?;
        if let Some(live) = inner.live(id) {
            live.cancel.request();
        }
        Ok(())
    }

    /// Retries an operation that rests after failures, at once and in this process.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if the operation is over, or a worker has its lease; [`Error::NotFound`] if the
    /// actor is not staff.
    pub async fn retry(&self, actor: &Actor, id: i64) -> Result<()> {
        actor.require_staff()?;
        let (inner, by) = (&self.inner, &actor.by());
        let mut write = inner.context.control.begin().await?;
        let found = journal::find(&mut write, id).await?;
        let no = |reason: &str| Err(Error::Conflict(format!("operation {id} {reason}")));
        match found.state {
            State::Done => return no("is done: there is nothing to try again"),
            State::Undone => return no("was undone and nothing is left of it: start it anew"),
            State::Running | State::Unwinding => {}
        }
        // Start the count again: an operation that was given up goes forward again, and pauses are short.
        let sql = "UPDATE operations SET attempts = 0, lease_until = ? WHERE id = ? AND lease_owner IS NULL";
        let now = write.at_us();
        write.execute(sql, params![now, id]).await?;
        let detail = serde_json::json!({ "operation": id, "kind": found.kind });
        write.audit(by, found.tenant, "operation.retry", detail).await?;
        let owner = lease::new_owner();
        let Some(taken) = takeover::take_in(&mut write, id, &owner, false).await? else {
            return no("is being worked on right now");
        };
        write.commit().await?;
        let inner = inner.clone();
        tokio::spawn(async move {
            if let Err(error) = recover::go_on(&inner, taken, owner).await {
                tracing::error!(operation = id, %error, "tried again in vain");
            }
        });
        Ok(())
    }

    /// Removes rows of operations that ended before `before_us`. Examines at most the oldest `most` rows.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn prune(&self, before_us: i64, most: u32) -> Result<u64> {
        let old = "SELECT id FROM (SELECT id, state, updated_at FROM operations ORDER BY id LIMIT ?) AS oldest \
            WHERE state IN ('done', 'undone') AND updated_at < ?";
        let values = params![i64::from(most), before_us];
        let mut write = self.inner.context.control.begin().await?;
        if write.query(old, values).await?.is_empty() {
            return Ok(0);
        }
        let gone = write.execute(&format!("DELETE FROM operations WHERE id IN ({old})"), values).await?;
        write.commit_unaudited().await?;
        Ok(gone)
    }
}

//! Takes over what dead workers left: forward if it was going forward, back if it was going back.
//!
//! Called at start-up and by the lease reconciler. One failing operation does not stop the others (X5).

use super::{
    Inner, Operation,
    journal::{self, Job, State},
    lease,
    provision::Provision,
    run,
    takeover::{self, Taken},
    unwind,
};
use crate::{Error, Result};

/// After so many workers it goes back instead of forward.
const MOST_ATTEMPTS: i64 = 5;

/// What a pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Recovered {
    /// Operations finished.
    pub finished: usize,
    /// Operations undone.
    pub undone: usize,
    /// Operations that could do neither; the next pass tries again.
    pub failed: usize,
}

pub(super) async fn pass(inner: &Inner, at_start: bool) -> Result<Recovered> {
    let mut tx = inner.control.snapshot().await?;
    let ids = takeover::open_ids(&mut tx).await?;
    drop(tx);
    let mut recovered = Recovered::default();
    for id in ids {
        match one(inner, id, at_start).await {
            Ok(None) => {}
            Ok(Some(State::Done)) => recovered.finished += 1,
            Ok(Some(State::Undone)) => recovered.undone += 1,
            Ok(Some(_)) => recovered.failed += 1,
            Err(error) => {
                tracing::error!(operation = id, %error, "not recovered; will be tried again");
                recovered.failed += 1;
            }
        }
    }
    Ok(recovered)
}

/// None: somebody is at work on it, or it is over.
async fn one(inner: &Inner, id: i64, at_start: bool) -> Result<Option<State>> {
    let owner = lease::new_owner();
    let Some(taken) = takeover::take(&inner.control, id, &owner, at_start).await? else { return Ok(None) };
    tracing::info!(operation = id, kind = taken.kind, attempts = taken.attempts, "taken over");
    match taken.kind.as_str() {
        Provision::KIND => resume::<Provision>(inner, taken, owner).await,
        kind => return Err(Error::Internal(format!("operation {id}: this program knows no {kind:?}"))),
    }?;
    Ok(Some(journal::state(&inner.control, id).await?))
}

async fn resume<O: Operation>(inner: &Inner, taken: Taken, owner: String) -> Result<()> {
    let operation: O = serde_json::from_str(&taken.data)
        .map_err(|e| Error::Internal(format!("operation {}: {e}", taken.id)))?;
    let mut job = Job { id: taken.id, owner, cursor: taken.cursor, operation };
    if taken.state == State::Unwinding {
        return unwind::to_nothing(inner, &mut job, taken.cursor, taken.attempts).await;
    }
    let outcome = if taken.attempts < MOST_ATTEMPTS {
        run::finish(inner, &mut job).await
    } else {
        let error = Error::Unavailable(format!("given up after {} attempts", taken.attempts));
        unwind::after(inner, &mut job, error).await
    };
    if let Err(error) = outcome {
        tracing::warn!(operation = taken.id, %error, "did not finish");
    }
    Ok(())
}

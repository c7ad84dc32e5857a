//! Results of the latest pass of each kind of background work.
//!
//! `background` writes them; the server reads them for `/readyz` and `/metrics`. No request would show that background
//! work fails or has stopped.

use crate::{Result, error::caught::caught};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// The recent passes of one kind of background work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Name of the work, for example `letters`.
    pub work: &'static str,
    /// Number of passes that failed since the last one that succeeded.
    pub failed: u64,
    /// Seconds since the latest pass ended.
    pub age_s: u64,
}

/// The passes of all background work of one platform: consecutive failures, and when the latest pass ended.
#[derive(Debug, Default)]
pub(crate) struct Passes(Mutex<BTreeMap<&'static str, (u64, Instant)>>);

impl Passes {
    /// Runs one pass. Logs an error, and treats a panic as an error, so that other work continues. The next pass tries
    /// again.
    pub(super) async fn run(&self, work: &'static str, pass: impl Future<Output = Result<()>>) {
        let outcome = caught(pass).await;
        if let Err(error) = &outcome {
            tracing::error!(%error, "background pass over {work} failed");
        }
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (failed, ended) = passes.entry(work).or_insert((0, Instant::now()));
        *failed = if outcome.is_ok() { 0 } else { *failed + 1 };
        *ended = Instant::now();
    }

    /// Lists the kinds of work that have run at least one pass, by name.
    pub(crate) fn list(&self) -> Vec<Pass> {
        let passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pass = |(work, (failed, ended)): (&&'static str, &(u64, Instant))| Pass {
            work,
            failed: *failed,
            age_s: ended.elapsed().as_secs(),
        };
        passes.iter().map(pass).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[tokio::test]
    async fn a_pass_that_panics_counts_as_failed_until_one_succeeds() {
        let passes = Passes::default();
        let counted = || passes.list().iter().map(|pass| (pass.work, pass.failed)).collect::<Vec<_>>();
        passes.run("letters", async { panic!("broken") }).await;
        passes.run("letters", async { Err(Error::NotFound("letter")) }).await;
        passes.run("sessions", async { Ok(()) }).await;
        assert_eq!(counted(), [("letters", 2), ("sessions", 0)]);
        passes.run("letters", async { Ok(()) }).await;
        assert_eq!(counted(), [("letters", 0), ("sessions", 0)]);
    }
}

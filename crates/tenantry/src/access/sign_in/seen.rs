//! Last use of sessions and keys. Uses are written late and in batches, so no request waits for a write.
//!
//! `sessions` and `api_keys` call it for every use. A use within [`COARSE_US`] of the last one costs one atomic read.
//! Uses that are not yet written when the process dies are lost, which is acceptable.

use crate::control::{Control, params};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// Time in microseconds within which several uses count as one.
const COARSE_US: i64 = 300 * crate::control::clock::SECOND_US;
/// Time for which uses are collected before they are written.
const COLLECT: Duration = Duration::from_secs(5);
/// Largest number of collected uses. Further ones are dropped; they recur within five minutes.
const MOST: usize = 10_000;

/// Table in which a use is recorded.
#[derive(Debug, Clone, Copy)]
pub(in crate::access) enum Kind {
    Session,
    Key,
}

/// The last use of one session or key.
#[derive(Debug)]
pub(in crate::access) struct LastSeen(AtomicI64);

impl LastSeen {
    pub(in crate::access) fn at(us: i64) -> Self {
        Self(AtomicI64::new(us))
    }

    /// Returns true, once, if this use is to be written.
    fn due(&self, now_us: i64) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        (now_us - last).abs() > COARSE_US
            && self.0.compare_exchange(last, now_us, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Uses that wait to be written.
#[derive(Clone)]
pub(in crate::access) struct Seen {
    control: Control,
    waiting: Arc<Mutex<Vec<(Kind, i64, i64)>>>,
}

impl Seen {
    pub(in crate::access) fn new(control: Control) -> Self {
        Self { control, waiting: Arc::default() }
    }

    /// Records a use of the session or key `id` at `now_us`.
    pub(in crate::access) fn note(&self, kind: Kind, id: i64, last: &LastSeen, now_us: i64) {
        if !last.due(now_us) {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push((kind, id, now_us));
        }
        // The first use of a batch starts the timer for the whole batch.
        if waiting.len() == 1 {
            let seen = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(COLLECT).await;
                if let Err(error) = seen.flush().await {
                    tracing::debug!(%error, "last uses were not written");
                }
            });
        }
    }

    /// Writes the pending uses. Also called at shutdown.
    pub(in crate::access) async fn flush(&self) -> crate::Result<()> {
        let batch = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if batch.is_empty() {
            return Ok(());
        }
        let mut write = self.control.begin().await?;
        for (kind, id, at_us) in batch {
            let sql = match kind {
                Kind::Session => "UPDATE sessions SET seen_at = ? WHERE id = ?",
                Kind::Key => "UPDATE api_keys SET seen_at = ? WHERE id = ?",
            };
            write.execute(sql, params![at_us, id]).await?;
        }
        write.commit_unaudited().await
    }
}

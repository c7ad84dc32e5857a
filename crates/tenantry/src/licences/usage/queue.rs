//! The queue of uses that wait for a commit. Those that arrive during one commit share the next one.
//!
//! A task runs while the queue has asks, and no longer. A caller that goes away leaves its ask in the queue, so that a
//! use is counted completely or not at all.

use super::count::{Ask, Counted, count};
use crate::{Error, Result, control::Control};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Largest number of asks in one transaction, so that no batch holds the control store for long.
const AT_ONCE: usize = 256;
/// Largest number of waiting asks.
const MOST: usize = 16_384;

/// The waiting uses of one process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct UsageQueue(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    asks: Vec<(Ask, oneshot::Sender<Result<Counted>>)>,
    is_running: bool,
}

impl UsageQueue {
    /// Counts a use, and returns once it is stored.
    ///
    /// # Errors
    /// Returns the refusal; [`Error::Unavailable`] if too many uses wait, or the control store did not answer.
    pub(super) async fn count(&self, control: &Control, ask: Ask) -> Result<Counted> {
        let (tell, told) = oneshot::channel();
        let starts = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.asks.len() >= MOST {
                return Err(Error::Unavailable("too many uses wait to be counted".into()));
            }
            waiting.asks.push((ask, tell));
            !std::mem::replace(&mut waiting.is_running, true)
        };
        if starts {
            tokio::spawn(run(Turn(self.clone()), control.clone()));
        }
        told.await.unwrap_or_else(|_| Err(Error::Unavailable("counting of uses ended badly".into())))
    }

    /// Takes the next batch. Marks the queue as idle if there is none.
    fn take(&self) -> Vec<(Ask, oneshot::Sender<Result<Counted>>)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let most = waiting.asks.len().min(AT_ONCE);
        waiting.is_running = most > 0;
        waiting.asks.drain(..most).collect()
    }
}

/// The right to count. If the task panics, the drop refuses the asks that wait and lets the next ask start another task.
struct Turn(UsageQueue);

impl Drop for Turn {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut waiting = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.is_running = false;
            waiting.asks.clear();
        }
    }
}

async fn run(turn: Turn, control: Control) {
    loop {
        let batch = turn.0.take();
        if batch.is_empty() {
            return;
        }
        let (asks, callers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        match count(&control, &asks).await {
            Ok(answers) => {
                for (caller, answer) in callers.into_iter().zip(answers) {
                    // Sending fails if the caller is gone.
                    caller.send(answer).ok();
                }
            }
            Err(error) => {
                for caller in callers {
                    caller.send(Err(Error::Unavailable(format!("uses were not counted: {error}")))).ok();
                }
            }
        }
    }
}

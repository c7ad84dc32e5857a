//! Watches an operation until it ends or rests, for progress bars and streams.
//!
//! The command line and the API call it. Each watch regularly reads one row by id, whichever process runs the
//! operation.

use crate::{
    Result,
    operations::{Listed, Operations},
};
use futures_util::{Stream, stream};
use std::time::{Duration, Instant};

/// Shortest and longest time between two reads.
const FIRST: Duration = Duration::from_millis(2);
const EVERY: Duration = Duration::from_millis(200);

/// Returns the time until the next read: proportional to the time waited so far. A long operation is thus read less
/// often, and a caller waits hardly longer than the operation takes.
fn pause(started: Instant) -> Duration {
    (started.elapsed() / 16).clamp(FIRST, EVERY)
}

enum Next {
    First,
    After(Box<Listed>),
    End,
}

impl Operations {
    /// Streams the operation's current state, and its state after every change. The last item is over, or rests after a
    /// failure. An error ends the stream.
    pub fn watch(&self, id: i64) -> impl Stream<Item = Result<Listed>> + Send + 'static {
        let operations = self.clone();
        stream::unfold(Next::First, move |next| {
            let operations = operations.clone();
            async move {
                let before = match next {
                    Next::First => None,
                    Next::After(before) => Some(before),
                    Next::End => return None,
                };
                match operations.change(id, before.as_deref()).await {
                    Ok(now) if now.state.is_over() || now.rests() => Some((Ok(now), Next::End)),
                    Ok(now) => Some((Ok(now.clone()), Next::After(Box::new(now)))),
                    Err(error) => Some((Err(error), Next::End)),
                }
            }
        })
    }

    /// Waits until the operation is over, or rests after a failure.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such operation.
    pub async fn wait(&self, id: i64) -> Result<Listed> {
        let started = Instant::now();
        loop {
            let now = self.show(id).await?;
            if now.state.is_over() || now.rests() {
                return Ok(now);
            }
            tokio::time::sleep(pause(started)).await;
        }
    }

    async fn change(&self, id: i64, before: Option<&Listed>) -> Result<Listed> {
        let started = Instant::now();
        loop {
            let now = self.show(id).await?;
            if before != Some(&now) {
                return Ok(now);
            }
            tokio::time::sleep(pause(started)).await;
        }
    }
}

impl Listed {
    /// Returns true if the operation failed and waits for its next attempt. A watcher need not wait for that.
    fn rests(&self) -> bool {
        self.resting && self.error.is_some()
    }
}

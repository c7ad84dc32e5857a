//! Notices a server that holds its connections but answers nothing: its machine stands still, or the network drops what is
//! sent to it. Without this, each statement there would wait for the operating system to give up, which takes many minutes.
//!
//! One task for each server looks once a second while connections are open. If some are in use and none has come back since
//! the last look, it asks the server on a new connection. A server that does not answer that is away: all its connections
//! are closed, so that what waits on them fails at once, and new callers are refused until it answers again.

use super::pool::Pool;
use crate::error::Kind;
use std::{
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::{task::AbortHandle, time::sleep};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// The tasks that read and write the sockets of open connections.
#[derive(Debug, Default)]
pub(super) struct Sockets(Mutex<Vec<AbortHandle>>);

impl Sockets {
    /// Adds the socket of a new connection.
    pub(super) fn add(&self, socket: AbortHandle) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|socket| !socket.is_finished());
        all.push(socket);
    }

    /// Closes all. What waits for an answer on one of them fails as if the server had closed it.
    fn close_all(&self) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.drain(..).for_each(|socket| socket.abort());
    }
}

/// Watches the server until no connection is open.
pub(super) async fn watch(pool: Weak<Pool>) {
    let mut before = None;
    loop {
        sleep(EVERY).await;
        let Some(pool) = pool.upgrade() else { return };
        let Some((in_use, returned)) = pool.activity() else { return };
        let is_silent = in_use && before == Some(returned);
        before = Some(returned);
        if !is_silent {
            continue;
        }
        if let Err(error) = pool.access.probe().await
            && *error.kind() == Kind::Unreachable
        {
            tracing::warn!(%error, "a PostgreSQL server does not answer: its connections are closed");
            pool.sockets.close_all();
        }
    }
}

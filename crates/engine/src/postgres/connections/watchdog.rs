//! Detects a server that holds its connections open but answers nothing, because its machine is frozen or the network
//! drops packets. Without this, each statement there would wait until the operating system gives up, which takes many
//! minutes.
//!
//! While connections are open, one task for each server checks once a second. If connections are in use and none was
//! given back since the last check, it queries the server on a new connection. A server that does not answer this query
//! is away: all its connections are closed, so that everything that waits for them fails at once, and new callers are
//! refused until it answers again.

use super::pool::Pool;
use crate::error::Kind;
use std::{
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::{task::AbortHandle, time::sleep};

/// Time between two checks.
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

    /// Closes all sockets. A statement that waits for an answer on one of them fails as if the server had closed it.
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

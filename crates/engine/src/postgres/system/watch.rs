//! Detects commits of all processes: one connection listens for the notification of each commit.
//!
//! The connection proves once a second that it is alive. While it does not, [`Watch::changed`] returns true and every
//! mark is new, so that callers query the database instead of trusting their caches.

use crate::postgres::{Server, Site, connections::Heard};
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::Notify, task::AbortHandle};

/// Time between two proofs of life.
const PROVE: Duration = Duration::from_secs(1);
/// Time without a proof of life after which no mark is trusted.
const SILENT: Duration = Duration::from_secs(3);
/// Pauses between attempts to connect.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

/// Counts commits. Dropping it ends the listening connection.
#[derive(Debug)]
pub(super) struct Watch {
    seen: Arc<Seen>,
    /// `None` outside a runtime, and behind a pooler, which loses notifications. Then no mark is ever trusted.
    task: Option<AbortHandle>,
}

/// The commits that were heard.
#[derive(Debug)]
struct Seen {
    /// Raised by every commit, and by every mark that must not be trusted.
    count: AtomicU64,
    start: Instant,
    /// Wakes the task that waits for commits.
    news: Notify,
    /// Microseconds after `start` before which every commit was counted; 0 if unknown.
    confirmed: AtomicU64,
}

impl Watch {
    /// Starts to listen to the commits in a database.
    pub(super) fn new(server: &Server, site: &Site) -> Self {
        let seen = Arc::new(Seen {
            count: AtomicU64::new(1),
            start: Instant::now(),
            news: Notify::new(),
            confirmed: AtomicU64::new(0),
        });
        let runtime = Handle::try_current().ok().filter(|_| !server.connections.are_pooled());
        let task = runtime.map(|runtime| {
            runtime.spawn(listen(server.clone(), site.clone(), Arc::downgrade(&seen))).abort_handle()
        });
        Self { seen, task }
    }

    /// See [`crate::SystemDb::mark`].
    pub(super) fn mark(&self) -> u64 {
        match self.seen.is_trusted() {
            true => self.seen.count.load(SeqCst),
            false => self.count(),
        }
    }

    /// See [`crate::SystemDb::changed`].
    pub(super) fn changed(&self, mark: u64) -> bool {
        !self.seen.is_trusted() || self.seen.count.load(SeqCst) != mark
    }

    /// Makes every earlier mark outdated, and returns a new one.
    pub(super) fn count(&self) -> u64 {
        self.seen.count.fetch_add(1, SeqCst) + 1
    }

    /// See [`crate::SystemDb::heard`].
    pub(super) async fn heard(&self) {
        self.seen.news.notified().await;
    }

    /// See [`crate::SystemDb::confirmed`].
    pub(super) fn confirmed(&self) -> Option<Instant> {
        self.seen.confirmed()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Seen {
    fn is_trusted(&self) -> bool {
        self.confirmed().is_some_and(|at| at.elapsed() < SILENT)
    }

    fn confirmed(&self) -> Option<Instant> {
        match self.confirmed.load(SeqCst) {
            0 => None,
            us => self.start.checked_add(Duration::from_micros(us)),
        }
    }

    fn hear(&self, heard: Heard) {
        match heard {
            // Commits before the connection listened were not heard, so every earlier mark is outdated.
            Heard::Listening | Heard::Notice => {
                self.count.fetch_add(1, SeqCst);
                self.news.notify_one();
            }
            Heard::Alive(since) => {
                let us = since.saturating_duration_since(self.start).as_micros();
                self.confirmed.store(u64::try_from(us).unwrap_or(u64::MAX).max(1), SeqCst);
            }
        }
    }
}

/// Listens, and reconnects when the connection is lost, until its watch is dropped.
async fn listen(server: Server, site: Site, seen: Weak<Seen>) {
    let mut pause = PAUSES[0];
    loop {
        let hear = |heard| {
            if let Some(seen) = seen.upgrade() {
                seen.hear(heard);
            }
        };
        let began = Instant::now();
        let lost = server.connections.listen(&site.database, &site.name, PROVE, hear).await;
        let Some(seen) = seen.upgrade() else { return };
        seen.confirmed.store(0, SeqCst);
        tracing::debug!(error = %lost, store = %site.place.store, "the connection that listens to commits was lost");
        drop(seen);
        pause = if began.elapsed() > SILENT { PAUSES[0] } else { (pause * 2).min(PAUSES[1]) };
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        let (start, zero) = (Instant::now(), || AtomicU64::new(0));
        Watch {
            seen: Arc::new(Seen { count: zero(), start, news: Notify::new(), confirmed: zero() }),
            task: None,
        }
    }

    #[test]
    fn a_mark_is_trusted_only_while_the_listener_proves_that_it_lives() {
        let watch = watch();
        let mark = watch.mark();
        assert!(watch.changed(mark) && watch.mark() != mark && watch.confirmed().is_none(), "not listening");
        watch.seen.hear(Heard::Listening);
        watch.seen.hear(Heard::Alive(Instant::now()));
        let mark = watch.mark();
        assert!(!watch.changed(mark) && watch.mark() == mark);
        watch.seen.hear(Heard::Notice);
        assert!(watch.changed(mark));
        let mark = watch.mark();
        watch.count();
        assert!(watch.changed(mark), "a commit of this process");
        let mark = watch.mark();
        watch.seen.confirmed.store(0, SeqCst);
        assert!(watch.changed(mark) && watch.mark() != watch.mark(), "lost");
    }
}

//! The small writes that wait for one database or place, in order of arrival.

use super::{Request, Written};
use crate::error::Result;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Instant,
};
use tokio::sync::oneshot;

/// Maximum number of changes in one group, which take some hundred microseconds in the database.
const GROUP_CHANGES: usize = 64;

/// A waiting write and the channel to its caller.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) request: Request,
    pub(crate) answer: oneshot::Sender<Result<Vec<Written>>>,
    /// Instant at which the write stops waiting for a writer in another process.
    pub(crate) until: Instant,
}

/// Queue of small writes of one database or place.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Waiting>,
    /// True while a task serves the queue.
    served: bool,
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a write. Returns true if no task serves the queue yet; the caller must then start one.
    pub(crate) fn push(&self, waiting: Waiting) -> bool {
        let mut inner = self.lock();
        inner.waiting.push_back(waiting);
        !std::mem::replace(&mut inner.served, true)
    }

    /// Takes the next group of writes; empty if no write waits.
    pub(crate) fn next(&self) -> Vec<Waiting> {
        let mut inner = self.lock();
        let (mut group, mut changes) = (Vec::with_capacity(inner.waiting.len().min(GROUP_CHANGES)), 0);
        while let Some(first) = inner.waiting.front() {
            changes += first.request.changes.len();
            if changes > GROUP_CHANGES && !group.is_empty() {
                break;
            }
            group.extend(inner.waiting.pop_front());
        }
        group
    }

    /// Returns true if no write waits. In that case, the next push needs a new serving task.
    pub(crate) fn is_over(&self) -> bool {
        let mut inner = self.lock();
        inner.served = !inner.waiting.is_empty();
        !inner.served
    }

    /// Puts writes that could not run yet back at the front.
    pub(crate) fn put_back(&self, again: impl DoubleEndedIterator<Item = Waiting>) {
        let mut inner = self.lock();
        again.rev().for_each(|waiting| inner.waiting.push_front(waiting));
    }

    /// Drops all waiting writes, because the serving task ended early. Their callers notice it because the senders are
    /// dropped.
    pub(crate) fn abandon(&self) {
        let mut inner = self.lock();
        inner.served = false;
        inner.waiting.clear();
    }
}

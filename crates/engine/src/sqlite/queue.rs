//! Small writes of one database, in the order they came, those that wait at the same time in one transaction.
//!
//! Pushed to by sessions; a task that lives as long as something waits takes them out. It gives everybody who is
//! ready a turn before it begins, so that a busy server fills its groups and an idle one waits for nothing.
//! A caller who goes away takes nobody's write along: the task is not his.

use super::{
    database::Database,
    deadline::LongWork,
    open::Durability,
    pool::Lease,
    system::BUSY_WAIT,
    write::{self, Outcomes, Request, Written},
};
use crate::error::{Error, Kind, Result};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Changes in one group at most: some hundred microseconds of an async thread.
const GROUP_CHANGES: usize = 64;
/// Between two looks whether a writer in another process is done.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A write that waits, and who waits for it.
#[derive(Debug)]
struct Waiting {
    request: Request,
    answer: oneshot::Sender<Result<Vec<Written>>>,
    /// When it gives up on a writer in another process.
    until: Instant,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Waiting>,
    /// A task is at work on them.
    served: bool,
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when nobody serves the queue yet.
    fn push(&self, waiting: Waiting) -> bool {
        let mut inner = self.lock();
        inner.waiting.push_back(waiting);
        !std::mem::replace(&mut inner.served, true)
    }

    /// The next group; empty when nobody waits.
    fn next(&self) -> Vec<Waiting> {
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

    /// True when nobody waits; then the next to come needs a new service.
    fn is_over(&self) -> bool {
        let mut inner = self.lock();
        inner.served = !inner.waiting.is_empty();
        !inner.served
    }

    /// Puts back what could not be done yet, in front.
    fn put_back(&self, again: impl DoubleEndedIterator<Item = Waiting>) {
        let mut inner = self.lock();
        again.rev().for_each(|waiting| inner.waiting.push_front(waiting));
    }
}

/// The one that serves a queue. Keeps its database open while somebody waits, and no longer.
struct Service {
    database: Arc<Database>,
    over: bool,
}

impl Drop for Service {
    fn drop(&mut self) {
        if !self.over {
            // Ended before its time. Whoever waits learns it by losing the sender.
            let mut inner = self.database.queue().lock();
            inner.served = false;
            inner.waiting.clear();
        }
    }
}

/// Does the write in its turn, together with others of this database.
pub(crate) async fn write(
    database: &Arc<Database>,
    long: &LongWork,
    request: Request,
) -> Result<Vec<Written>> {
    let (answer, told) = oneshot::channel();
    let until = Instant::now() + BUSY_WAIT;
    if database.queue().push(Waiting { request, answer, until }) {
        tokio::spawn(serve(Service { database: database.clone(), over: false }, long.clone()));
    }
    told.await.map_err(|error| Error::with_source(Kind::Internal, "the writer ended", error))?
}

async fn serve(mut service: Service, long: LongWork) {
    loop {
        // Everybody who is ready comes first and may join the group.
        tokio::task::yield_now().await;
        let done = next_group(&service.database, &long).await;
        let now = Instant::now();
        let (again, done): (Vec<_>, Vec<_>) =
            done.into_iter().partition(|(waiting, done)| is_busy(done) && waiting.until > now);
        let busy = !again.is_empty();
        service.database.queue().put_back(again.into_iter().map(|(waiting, _)| waiting));
        service.over = service.database.queue().is_over();
        if service.over {
            // Before anybody is told: he may be the one who closes the database next.
            drop(service);
            return answer(done);
        }
        answer(done);
        if busy {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// A write with what came of it.
type Done = (Waiting, Result<Vec<Written>>);

/// Another process was writing; nothing was done.
fn is_busy(done: &Result<Vec<Written>>) -> bool {
    matches!(done, Err(error) if *error.kind() == Kind::Busy)
}

/// Takes the next group and does it, alone in the database.
async fn next_group(database: &Arc<Database>, long: &LongWork) -> Vec<Done> {
    let _writer = database.writer.clone().lock_owned().await;
    let group = database.queue().next();
    let (group, done) = match database.durability() {
        Durability::Normal => inline(database, group).await,
        Durability::Full => synced(database, long, group).await,
    };
    match done {
        Ok(outcomes) => group.into_iter().zip(outcomes).collect(),
        Err(error) => group.into_iter().map(|waiting| (waiting, Err(again(&error)))).collect(),
    }
}

/// The same error once more: it concerns everybody in the group.
fn again(error: &Error) -> Error {
    Error::new(error.kind().clone(), error.to_string())
}

/// Where the caller is: over in less time than it takes to change threads.
async fn inline(database: &Database, group: Vec<Waiting>) -> (Vec<Waiting>, Result<Outcomes>) {
    let done = Lease::take_as_writer(database).await.and_then(|lease| {
        let done = write::run_group(&lease, &requests(&group));
        lease.give_back();
        done
    });
    (group, done)
}

/// A synced commit takes milliseconds, off the async threads.
async fn synced(
    database: &Arc<Database>,
    long: &LongWork,
    group: Vec<Waiting>,
) -> (Vec<Waiting>, Result<Outcomes>) {
    let group = Arc::new(group);
    let theirs = group.clone();
    let limit = long.write_deadline();
    let work = move |conn: &rusqlite::Connection| write::run_group(conn, &requests(&theirs));
    let done = long.run_as_writer(database, limit, work).await;
    // The work is over and has let go of it.
    (Arc::into_inner(group).unwrap_or_default(), done)
}

fn requests(group: &[Waiting]) -> Vec<&Request> {
    group.iter().map(|waiting| &waiting.request).collect()
}

/// Tells each what came of its write, which is over by then with all that it held. Who went away is not told.
fn answer(done: Vec<Done>) {
    for (Waiting { request, answer, .. }, done) in done {
        drop(request);
        drop(answer.send(done));
    }
}

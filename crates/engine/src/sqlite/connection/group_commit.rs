//! Group commit: small writes to one database that wait at the same time run in one transaction, in order of arrival.
//!
//! Sessions queue their writes. A task that lives as long as any write waits takes them from the queue in groups.
//! Before each group it yields once to every task that is ready, so a busy server fills its groups and an idle one does
//! not wait. The task does not belong to a caller, so dropping a caller's future cancels no write.

use super::{BUSY_WAIT, database::Database, lease::Lease, long_work::LongWork, open::Durability};
use crate::{
    error::{Error, Kind, Result},
    sqlite::records::write::{self, Outcomes},
    write::{Request, Waiting, Written},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Time between two attempts while a writer in another process is active.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The task that serves a queue. It keeps its database open while a write waits, and not longer.
struct Service {
    database: Arc<Database>,
    over: bool,
}

impl Drop for Service {
    fn drop(&mut self) {
        if !self.over {
            self.database.queue().abandon();
        }
    }
}

/// Queues a write and waits for its outcome. It may share a transaction with other writes of this database.
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
        // Yield first: every task that is ready runs and may join the group.
        tokio::task::yield_now().await;
        let done = next_group(&service.database, &long).await;
        let now = Instant::now();
        let (again, done): (Vec<_>, Vec<_>) =
            done.into_iter().partition(|(waiting, done)| is_busy(done) && waiting.until > now);
        let busy = !again.is_empty();
        service.database.queue().put_back(again.into_iter().map(|(waiting, _)| waiting));
        service.over = service.database.queue().is_over();
        if service.over {
            // Drop the service before any caller gets its answer, because that caller may close the database next.
            drop(service);
            return answer(done);
        }
        answer(done);
        if busy {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// A write and its outcome.
type Done = (Waiting, Result<Vec<Written>>);

/// Returns true if another process was writing and this write changed nothing.
fn is_busy(done: &Result<Vec<Written>>) -> bool {
    matches!(done, Err(error) if *error.kind() == Kind::Busy)
}

/// Takes the next group and runs it while holding the database's write lock.
async fn next_group(database: &Arc<Database>, long: &LongWork) -> Vec<Done> {
    let _writer = database.writer.clone().lock_owned().await;
    let group = database.queue().next();
    let (group, done) = match database.durability() {
        Durability::Normal => inline(database, group).await,
        Durability::Full => synced(database, long, group).await,
    };
    match done.and_then(|outcomes| database.after_commit().map(|()| outcomes)) {
        Ok(outcomes) => group.into_iter().zip(outcomes).collect(),
        Err(error) => group.into_iter().map(|waiting| (waiting, Err(again(&error)))).collect(),
    }
}

/// Copies an error that affects every write of the group.
fn again(error: &Error) -> Error {
    Error::new(error.kind().clone(), error.to_string())
}

/// Runs the group on this async thread: it takes less time than a switch of threads.
async fn inline(database: &Database, group: Vec<Waiting>) -> (Vec<Waiting>, Result<Outcomes>) {
    let done = Lease::take_as_writer(database).await.and_then(|lease| {
        let done = write::run_group(&lease, &requests(&group));
        lease.give_back();
        done
    });
    (group, done)
}

/// Runs the group on a blocking thread, because a synced commit takes milliseconds.
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
    // The work has ended and has dropped its reference to the group.
    (Arc::into_inner(group).unwrap_or_default(), done)
}

fn requests(group: &[Waiting]) -> Vec<&Request> {
    group.iter().map(|waiting| &waiting.request).collect()
}

/// Sends each caller the outcome of its write and skips callers that went away. Drops the values of each write first.
fn answer(done: Vec<Done>) {
    for (Waiting { request, answer, .. }, done) in done {
        drop(request);
        drop(answer.send(done));
    }
}

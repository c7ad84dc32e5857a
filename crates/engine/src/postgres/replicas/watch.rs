//! The task that asks the primary and the replicas for their positions while reads happen. It ends some time after the
//! last read, so an idle process sends no queries.

use super::{Moment, Replica, Replicas, samples::History};
use crate::error::{Error, Kind, Result};
use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// Minimum time between two queries to a server.
const PAUSE: Duration = Duration::from_millis(100);
/// Time for which the task continues after the last read.
const UNUSED: Duration = Duration::from_secs(2);
/// Longest time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Query for the log of the primary and the position that it has reached. A standby refuses the query.
const ASK: &str = "SELECT (l.at - '0/0')::bigint, (SELECT system_identifier FROM pg_control_system()), \
    ('x' || left(pg_walfile_name(l.at), 8))::bit(32)::integer FROM pg_current_wal_insert_lsn() AS l(at)";

/// Starts the task unless it already runs.
pub(super) fn start(replicas: &Arc<Replicas>) {
    if replicas.is_watched.load(Ordering::Relaxed) || replicas.is_watched.swap(true, Ordering::AcqRel) {
        return;
    }
    let watch = Watch(replicas.clone());
    tokio::spawn(async move { watch.run().await });
}

/// Lets another task be started when it is dropped.
struct Watch(Arc<Replicas>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.is_watched.store(false, Ordering::Release);
    }
}

impl Watch {
    /// Asks each server in its own task, because a server that does not answer must not delay the others.
    async fn run(&self) {
        let mut tasks = JoinSet::new();
        let replicas = self.0.clone();
        tasks.spawn(async move {
            while replicas.is_wanted() {
                if let Err(error) = within_patience(replicas.ask_primary()).await {
                    tracing::debug!(%error, server = %replicas.server, "the primary does not tell its position");
                }
                sleep(replicas.pause()).await;
            }
        });
        for index in 0..self.0.all.len() {
            let replicas = self.0.clone();
            tasks.spawn(async move {
                while replicas.is_wanted() {
                    replicas.look_at(&replicas.all[index]).await;
                    sleep(replicas.pause()).await;
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    }
}

impl Replicas {
    fn is_wanted(&self) -> bool {
        Moment::now().since(self.wanted.get()) < UNUSED
    }

    fn pause(&self) -> Duration {
        PAUSE.min(self.lag / 4)
    }

    async fn look_at(&self, replica: &Replica) {
        if let Err(error) = within_patience(replica.ask(&self.home, &self.samples)).await {
            replica.is_away(&error);
        }
    }

    /// Asks the primary for its position.
    async fn ask_primary(&self) -> Result<()> {
        let mut lease = self.primary.lease(&self.home).await?;
        // Everything that was committed before this moment is before the position.
        let at = Moment::now();
        let rows = lease.connection()?.query(ASK, &[]).await?;
        let row = rows.first().ok_or_else(|| Error::new(Kind::Internal, "no position"))?;
        let history = History { cluster: row.get(1), timeline: row.get(2) };
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.add(history, at, row.get(0), self.lag);
        Ok(())
    }
}

async fn within_patience(ask: impl Future<Output = Result<()>>) -> Result<()> {
    timeout(PATIENCE, ask).await.unwrap_or_else(|_| {
        Err(Error::new(Kind::Unreachable, format!("no answer in {} s", PATIENCE.as_secs())))
    })
}

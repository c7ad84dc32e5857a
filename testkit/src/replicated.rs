//! A PostgreSQL server with a streaming replica, for one test.

use std::time::{Duration, Instant};
use tenantry_testservers::{Cluster, postgres};
use tokio_postgres::{Client, NoTls};

/// Longest time that a test waits for a replica.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with its replica.
#[derive(Debug)]
pub struct Replicated {
    /// The replica. It is dropped before the server that it follows.
    pub replica: Cluster,
    /// The server that the replica follows.
    pub primary: Cluster,
}

impl Replicated {
    /// Starts a server of this major version and its replica.
    ///
    /// # Panics
    /// Panics if they do not start.
    pub fn start(version: u32) -> Self {
        let programs = postgres(version).expect("the programs of the server");
        let primary = Cluster::start(version, &programs).expect("a server");
        let replica = primary.replica().expect("a replica");
        Self { replica, primary }
    }

    /// Returns the URL at the replica that corresponds to a URL at the server.
    pub fn at_replica(&self, url: &str) -> String {
        let address = |of: &Cluster| of.socket().display().to_string().replace('/', "%2F");
        url.replace(&address(&self.primary), &address(&self.replica))
    }

    /// Runs statements at the replica as the superuser.
    ///
    /// # Panics
    /// Panics if the replica refuses.
    pub async fn on_replica(&self, sql: &str) {
        connect(&self.replica.url(), "postgres").await.batch_execute(sql).await.expect(sql);
    }

    /// Pauses the replay of the replica, once it has replayed everything.
    ///
    /// # Panics
    /// Panics if the replay does not pause in time.
    pub async fn pause(&self) {
        self.caught_up().await;
        self.on_replica("SELECT pg_wal_replay_pause()").await;
        let replica = connect(&self.replica.url(), "postgres").await;
        until("replay is paused", async || {
            let sql = "SELECT pg_get_wal_replay_pause_state() = 'paused'";
            replica.query_one(sql, &[]).await.expect(sql).get(0)
        })
        .await;
    }

    /// Resumes the replay of the replica.
    ///
    /// # Panics
    /// Panics if the replica refuses.
    pub async fn resume(&self) {
        self.on_replica("SELECT pg_wal_replay_resume()").await;
    }

    /// Waits until the replica has replayed everything that the server has written so far.
    ///
    /// # Panics
    /// Panics if the replica does not do so in time.
    pub async fn caught_up(&self) {
        let primary = connect(&self.primary.url(), "postgres").await;
        let replica = connect(&self.replica.url(), "postgres").await;
        let sql = "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint";
        let position: i64 = primary.query_one(sql, &[]).await.expect(sql).get(0);
        until("the replica has caught up", async || {
            let sql = "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint";
            replica.query_one(sql, &[]).await.expect(sql).get::<_, i64>(0) >= position
        })
        .await;
    }
}

/// Waits until a condition holds.
///
/// # Panics
/// Panics if that takes too long.
pub async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is().await {
        assert!(began.elapsed() < PATIENCE, "not within {} s: {what}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Connects to a database of a server.
///
/// # Panics
/// Panics if the server refuses.
pub async fn connect(url: &str, database: &str) -> Client {
    let mut config: tokio_postgres::Config = url.parse().expect("a URL");
    let (client, stream) = config.dbname(database).connect(NoTls).await.expect("a connection");
    tokio::spawn(stream);
    client
}

//! The connections to one PostgreSQL server: never more than the limit, clean when they are returned, and shared
//! fairly.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tenantry_engine::{
    Kind,
    internals::connections::{Access, Call, ConnectionLimits, Connections, Param},
};
use tenantry_testkit::{dose, postgres::servers, tried};
use tokio::{
    io::copy_bidirectional,
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_postgres::{Config, config::Host, types::Type};

const LIMITS: ConnectionLimits = ConnectionLimits {
    most: 6,
    per_database: 4,
    idle: Duration::from_millis(300),
    wait: Duration::from_secs(20),
};

fn connections(url: &str, limits: ConnectionLimits) -> Connections {
    Connections::new(Access::new(url, true).unwrap(), limits)
}

async fn number(connections: &Connections, database: &Arc<str>, sql: &str, params: &[Param<'_>]) -> i64 {
    let mut lease = connections.lease(database).await.unwrap();
    lease.connection().unwrap().query(sql, params).await.unwrap()[0].get(0)
}

/// Databases that exist for one test.
struct Databases {
    admin: Connections,
    names: Vec<Arc<str>>,
}

impl Databases {
    async fn make(url: &str, test: &str, count: usize) -> Self {
        let admin = connections(url, LIMITS);
        let names: Vec<Arc<str>> =
            (0..count).map(|n| format!("{test}_{}_{n}", std::process::id()).into()).collect();
        let made = Self { admin, names };
        for name in &made.names {
            made.run(&format!("CREATE DATABASE {name} STRATEGY file_copy")).await;
        }
        made
    }

    async fn run(&self, sql: &str) {
        let mut lease = self.admin.lease(&"postgres".into()).await.unwrap();
        lease.connection().unwrap().batch(sql).await.unwrap();
    }

    /// Returns how many connections the server has to these databases, and how many of them run a statement.
    async fn open(&self) -> (i64, i64) {
        let names: Vec<&str> = self.names.iter().map(|name| &**name).collect();
        let sql = "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity \
            WHERE datname = ANY($1) AND backend_type = 'client backend'";
        let mut lease = self.admin.lease(&"postgres".into()).await.unwrap();
        let rows = lease.connection().unwrap().query(sql, &[(&names, Type::TEXT_ARRAY)]).await.unwrap();
        (rows[0].get(0), rows[0].get(1))
    }

    async fn remove(self) {
        for name in &self.names {
            self.run(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_databases_share_few_connections_and_no_caller_is_refused() {
    for url in servers() {
        let databases = Databases::make(&url, "share", 20).await;
        let shared = connections(&url, LIMITS);
        let (over, highest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let each = dose(30, 500);
        let callers = (0..32u64).map(|caller| {
            let (shared, names) = (shared.clone(), databases.names.clone());
            tokio::spawn(async move {
                for turn in 0..each {
                    let name = &names[usize::try_from((caller * 7 + turn * 11) % 20).unwrap()];
                    let sql = "SELECT $1::bigint + 1";
                    assert_eq!(number(&shared, name, sql, &[(&41i64, Type::INT8)]).await, 42);
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        let watch = async {
            while !over.load(Ordering::Relaxed) {
                let (open, _) = databases.open().await;
                highest.fetch_max(u64::try_from(open).unwrap(), Ordering::Relaxed);
            }
        };
        let work = async {
            for caller in callers {
                caller.await.unwrap();
            }
            over.store(true, Ordering::Relaxed);
        };
        tokio::join!(watch, work);
        let highest = highest.load(Ordering::Relaxed);
        assert!((1..=6).contains(&highest), "{highest} connections");
        assert!(shared.counts().open <= 6);
        until("idle connections are closed", async || shared.counts().open == 0).await;
        until("the server has none", async || databases.open().await.0 == 0).await;
        databases.remove().await;
        tried("connections of PostgreSQL", each * 32, "statements");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_nothing_behind() {
    for url in servers() {
        let databases = Databases::make(&url, "gone", 1).await;
        let name = &databases.names[0];
        let one = connections(&url, ConnectionLimits { most: 1, per_database: 1, ..LIMITS });
        let sleeping = number(&one, name, "SELECT 1::bigint FROM pg_sleep(600)", &[]);
        assert!(tokio::time::timeout(Duration::from_millis(500), sleeping).await.is_err());
        // The only connection is free again, and its former statement no longer runs.
        assert_eq!(number(&one, name, "SELECT 2::bigint", &[]).await, 2);
        until("it is cancelled", async || databases.open().await.1 == 0).await;
        let mut lease = one.lease(name).await.unwrap();
        let connection = lease.connection().unwrap();
        connection.begin("").await.unwrap();
        connection.batch("CREATE TABLE half (id bigint)").await.unwrap();
        let mut waits = Box::pin(one.lease(name));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut waits).await.is_err());
        assert_eq!((one.counts().open, one.counts().idle, one.counts().waiting), (1, 0, 1));
        drop(waits);
        assert_eq!(one.counts().waiting, 0);
        drop(lease);
        assert_eq!(number(&one, name, "SELECT count(*) FROM pg_class WHERE relname = 'half'", &[]).await, 0);
        databases.remove().await;
    }
}

#[tokio::test]
async fn a_refused_statement_costs_no_connection_and_says_why() {
    for url in servers() {
        let one = connections(&url, ConnectionLimits { most: 1, ..LIMITS });
        let database: Arc<str> = "postgres".into();
        let pid = number(&one, &database, "SELECT pg_backend_pid()::bigint", &[]).await;
        let mut lease = one.lease(&database).await.unwrap();
        let refused = lease.connection().unwrap().query("SELECT 1/0", &[]).await.unwrap_err();
        assert!(matches!(refused.kind(), Kind::Statement(why) if why.contains("zero")), "{refused}");
        // The time zone data of a server may lack a zone that this program knows.
        let sql = "SELECT now() AT TIME ZONE 'Europe/Nowhere'";
        let refused = lease.connection().unwrap().query(sql, &[]).await.unwrap_err();
        let is_told = |rule: &str| rule.contains("time zone data");
        assert!(
            matches!(refused.kind(), Kind::Invalid(field, rule) if field == "time_zone" && is_told(rule)),
            "{refused}"
        );
        drop(lease);
        assert_eq!(number(&one, &database, "SELECT pg_backend_pid()::bigint", &[]).await, pid);
        let missing = one.lease(&"no_such_database".into()).await.unwrap_err();
        assert_eq!(*missing.kind(), Kind::Missing, "{missing}");
    }
}

/// A tenant's queue of long statements does not delay another tenant's short statement until the queue is empty.
#[tokio::test]
async fn databases_take_turns() {
    for url in servers() {
        let databases = Databases::make(&url, "turns", 2).await;
        let two = connections(&url, ConnectionLimits { most: 2, per_database: 2, ..LIMITS });
        let (long, short) = (databases.names[0].clone(), databases.names[1].clone());
        let done = Arc::new(AtomicU64::new(0));
        let long: Vec<_> = (0..40)
            .map(|_| {
                let (two, long, done) = (two.clone(), long.clone(), done.clone());
                tokio::spawn(async move {
                    number(&two, &long, "SELECT 1::bigint FROM pg_sleep(0.05)", &[]).await;
                    done.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        sleep(Duration::from_millis(120)).await;
        let before = done.load(Ordering::Relaxed);
        assert_eq!(number(&two, &short, "SELECT 3::bigint", &[]).await, 3);
        let between = done.load(Ordering::Relaxed) - before;
        assert!(between <= 20, "{between} statements of the other database went first");
        for task in long {
            task.await.unwrap();
        }
        databases.remove().await;
    }
}

#[tokio::test]
async fn a_database_never_has_more_than_its_share() {
    for url in servers() {
        let databases = Databases::make(&url, "portion", 2).await;
        let three = connections(&url, ConnectionLimits { most: 3, per_database: 2, ..LIMITS });
        let long: Vec<_> = (0..3)
            .map(|_| {
                let (three, name) = (three.clone(), databases.names[0].clone());
                tokio::spawn(
                    async move { number(&three, &name, "SELECT 1::bigint FROM pg_sleep(3)", &[]).await },
                )
            })
            .collect();
        sleep(Duration::from_millis(300)).await;
        assert_eq!(number(&three, &databases.names[1], "SELECT 3::bigint", &[]).await, 3);
        assert!(
            long.iter().all(|task| !task.is_finished()),
            "the other database waited for a long statement"
        );
        for task in long {
            task.await.unwrap();
        }
        databases.remove().await;
    }
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced() {
    for url in servers() {
        let databases = Databases::make(&url, "ended", 1).await;
        let name = &databases.names[0];
        let one = connections(&url, ConnectionLimits { most: 1, per_database: 1, ..LIMITS });
        let pid = number(&one, name, "SELECT pg_backend_pid()::bigint", &[]).await;
        databases.run(&format!("SELECT pg_terminate_backend({pid})")).await;
        until("it is gone", async || databases.open().await.0 == 0).await;
        assert_ne!(number(&one, name, "SELECT pg_backend_pid()::bigint", &[]).await, pid);
        let mut lease = one.lease(name).await.unwrap();
        let connection = lease.connection().unwrap();
        connection.begin("").await.unwrap();
        let pid: i64 = connection.query("SELECT pg_backend_pid()::bigint", &[]).await.unwrap()[0].get(0);
        databases.run(&format!("SELECT pg_terminate_backend({pid})")).await;
        // The caller cannot know whether the transaction was committed.
        let lost = connection.commit().await.unwrap_err();
        assert_eq!(*lost.kind(), Kind::InDoubt, "{lost}");
        drop(lease);
        assert_eq!(number(&one, name, "SELECT 5::bigint", &[]).await, 5);
        databases.remove().await;
    }
}

#[tokio::test]
async fn large_answers_arrive_whole_and_in_order() {
    for url in servers() {
        let databases = Databases::make(&url, "large", 1).await;
        let all = connections(&url, LIMITS);
        let mut lease = all.lease(&databases.names[0]).await.unwrap();
        let connection = lease.connection().unwrap();
        let texts = "SELECT number, repeat('x', 100) FROM generate_series(1, 50000) AS number";
        let calls = [Call::once(texts, &[]), Call::once("SELECT 7", &[]), Call::once(texts, &[])];
        let answers = timeout(Duration::from_secs(20), connection.calls(&calls)).await;
        let answers = answers.expect("the answers arrive").unwrap();
        assert_eq!(answers.iter().map(Vec::len).collect::<Vec<_>>(), [50_000, 1, 50_000]);
        let numbers = answers[2].iter().map(|row| row.get::<_, i32>(0));
        assert!(numbers.eq(1..=50_000), "the rows are in order");
        drop(lease);
        databases.remove().await;
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_unreachable_at_once_and_found_again() {
    for url in servers() {
        let dir = tempfile::tempdir().unwrap();
        let (user, rest) = url.split_once('@').unwrap();
        let socket = dir.path().display().to_string().replace('/', "%2F");
        let away = connections(&format!("{user}@{socket}:5432/{}", rest.rsplit('/').next().unwrap()), LIMITS);
        let database: Arc<str> = "postgres".into();
        for _ in 0..100 {
            let refused = away.lease(&database).await.unwrap_err();
            assert_eq!(*refused.kind(), Kind::Unreachable, "{refused}");
        }
        assert_eq!((away.counts().open, away.counts().waiting), (0, 0));
        let relay = relay(dir.path().join(".s.PGSQL.5432"), url.parse().unwrap());
        until("it is found again", async || away.lease(&database).await.is_ok()).await;
        relay.abort();
    }
}

/// Listens on a Unix socket and forwards everything to the server of `config`.
fn relay(socket: PathBuf, config: Config) -> JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let port = config.get_ports()[0];
            let host = config.get_hosts()[0].clone();
            tokio::spawn(async move {
                match host {
                    Host::Unix(dir) => {
                        let path = dir.join(format!(".s.PGSQL.{port}"));
                        let mut far = UnixStream::connect(path).await.unwrap();
                        copy_bidirectional(&mut near, &mut far).await
                    }
                    Host::Tcp(name) => {
                        let mut far = TcpStream::connect((name, port)).await.unwrap();
                        copy_bidirectional(&mut near, &mut far).await
                    }
                }
            });
        }
    })
}

#[tokio::test]
async fn few_statements_stay_prepared_and_none_without_names() {
    for url in servers() {
        let one = connections(&url, ConnectionLimits { most: 1, ..LIMITS });
        let database: Arc<str> = "postgres".into();
        for n in 0..300 {
            assert_eq!(number(&one, &database, &format!("SELECT {n}::bigint"), &[]).await, n);
        }
        let prepared = "SELECT count(*) FROM pg_prepared_statements";
        let count = number(&one, &database, prepared, &[]).await;
        assert!((100..=130).contains(&count), "{count}");
        let nameless = Connections::new(Access::new(&url, false).unwrap(), LIMITS);
        assert_eq!(number(&nameless, &database, "SELECT $1::bigint", &[(&7i64, Type::INT8)]).await, 7);
        assert_eq!(number(&nameless, &database, prepared, &[]).await, 0);
    }
}

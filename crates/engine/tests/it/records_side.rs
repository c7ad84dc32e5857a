//! Where the record tests make their places, and statements of the tests themselves there, past the engine.

use crate::records_kit::{Case, runtime};
use tempfile::TempDir;
use tenantry_engine::{
    ConnectionLimits, PostgresOptions, ServerSpec,
    name::ServerName,
    place::{Isolation, Place},
};
use tenantry_testkit::postgres;
use tokio_postgres::{Client, Config, NoTls};

/// A server for one test, with all that was made there; dropping it removes that.
pub(crate) enum Home {
    Sqlite(TempDir),
    Postgres { home: postgres::Home, config: Box<Config> },
}

impl Home {
    pub(crate) fn new(case: Case) -> Self {
        match case.server {
            None => Self::Sqlite(tempfile::tempdir_in("/dev/shm").unwrap()),
            Some(server) => {
                let admin = &postgres::servers()[server];
                let home = runtime().block_on(postgres::Home::new(admin));
                Self::Postgres { home, config: Box::new(admin.parse().unwrap()) }
            }
        }
    }

    /// Returns the server for an engine.
    pub(crate) fn spec(&self) -> ServerSpec {
        let name = ServerName::parse("local").unwrap();
        match self {
            Self::Sqlite(dir) => ServerSpec::sqlite(name, dir.path()),
            Self::Postgres { home, .. } => {
                let connections = ConnectionLimits {
                    most: 8,
                    per_database: 6,
                    idle: std::time::Duration::from_secs(60),
                    wait: std::time::Duration::from_secs(20),
                };
                let (url, prefix) = (home.url().to_owned(), home.prefix());
                ServerSpec::postgres(
                    name,
                    PostgresOptions { url, prefix, connections, prepares: true, join_url: None },
                )
            }
        }
    }

    /// Connects to where the place is, as a role that may do anything.
    pub(crate) fn side(&self, place: &Place) -> Side {
        match self {
            Self::Sqlite(dir) => {
                let path = dir.path().join(format!("{}.db", place.physical));
                let conn = rusqlite::Connection::open(path).unwrap();
                conn.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
                Side::Sqlite(conn)
            }
            Self::Postgres { home, config } => {
                let mut config = (**config).clone();
                let name = format!("{}{}", home.prefix(), place.physical);
                let (database, schema) = match place.isolation {
                    Isolation::Database => (name, "public".into()),
                    _ => (home.name(), name),
                };
                let client = runtime().block_on(connect(config.dbname(&database)));
                let path = format!("SET search_path = \"{schema}\"");
                runtime().block_on(client.batch_execute(&path)).unwrap();
                Side::Postgres(client)
            }
        }
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A connection beside the engine.
pub(crate) enum Side {
    Sqlite(rusqlite::Connection),
    Postgres(Client),
}

impl Side {
    pub(crate) fn run(&self, sql: &str) {
        match self {
            Self::Sqlite(conn) => conn.execute_batch(sql).unwrap(),
            Self::Postgres(client) => runtime().block_on(client.batch_execute(sql)).unwrap(),
        }
    }

    pub(crate) fn integer(&self, sql: &str) -> i64 {
        match self {
            Self::Sqlite(conn) => conn.query_row(sql, [], |row| row.get(0)).unwrap(),
            Self::Postgres(client) => runtime().block_on(client.query_one(sql, &[])).unwrap().get(0),
        }
    }

    /// Returns the texts in the first column.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        match self {
            Self::Sqlite(conn) => {
                let mut statement = conn.prepare(sql).unwrap();
                statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(client) => {
                let rows = runtime().block_on(client.query(sql, &[])).unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }
}

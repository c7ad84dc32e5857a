//! Where the record tests make their places, and statements of the tests themselves there, past the engine.

use crate::records_kit::{Case, runtime};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use tenantry_engine::{
    ConnectionLimits, PostgresOptions, ServerSpec,
    name::ServerName,
    place::{Isolation, Place},
};
use tokio_postgres::{Client, Config, NoTls};

/// A server for one test, with all that was made there; dropping it removes that.
pub(crate) enum Home {
    Sqlite(TempDir),
    Postgres { admin: Client, config: Box<Config>, prefix: String },
}

impl Home {
    pub(crate) fn new(case: Case) -> Self {
        match case.server {
            None => Self::Sqlite(tempfile::tempdir_in("/dev/shm").unwrap()),
            Some(server) => runtime().block_on(Self::on_postgres(server)),
        }
    }

    /// Makes a role that may make databases and roles, and its home database.
    async fn on_postgres(server: usize) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("r{:x}n{number:x}_", std::process::id());
        let config: Config = tenantry_testkit::postgres::servers()[server].parse().unwrap();
        let admin = connect(&config).await;
        let password = String::from_utf8(config.get_password().unwrap_or(b"x").to_vec()).unwrap();
        admin
            .batch_execute(&format!(
                "CREATE ROLE {prefix}owner LOGIN CREATEDB CREATEROLE PASSWORD '{password}'"
            ))
            .await
            .unwrap();
        let home = format!("CREATE DATABASE {prefix}home OWNER {prefix}owner STRATEGY file_copy");
        admin.batch_execute(&home).await.unwrap();
        Self::Postgres { admin, config: Box::new(config), prefix }
    }

    /// Returns the server for an engine.
    pub(crate) fn spec(&self, server: usize) -> ServerSpec {
        let name = ServerName::parse("local").unwrap();
        match self {
            Self::Sqlite(dir) => ServerSpec::sqlite(name, dir.path()),
            Self::Postgres { prefix, .. } => {
                let url = &tenantry_testkit::postgres::servers()[server];
                let (_, rest) = url.split_once("postgres:").unwrap();
                let (rest, _) = rest.rsplit_once('/').unwrap();
                let url = format!("postgresql://{prefix}owner:{rest}/{prefix}home");
                let connections = ConnectionLimits {
                    most: 8,
                    per_database: 6,
                    idle: std::time::Duration::from_secs(60),
                    wait: std::time::Duration::from_secs(20),
                };
                let prefix = prefix.clone();
                ServerSpec::postgres(name, PostgresOptions { url, prefix, connections, prepares: true })
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
            Self::Postgres { config, prefix, .. } => {
                let mut config = (**config).clone();
                let name = format!("{prefix}{}", place.physical);
                let (database, schema) = match place.isolation {
                    Isolation::Database => (name, "public".into()),
                    _ => (format!("{prefix}home"), name),
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

impl Drop for Home {
    fn drop(&mut self) {
        let Self::Postgres { admin, prefix, .. } = self else { return };
        let remove = async {
            let names = |catalog: &str, column: &str| {
                format!("SELECT {column} FROM {catalog} WHERE starts_with({column}, '{prefix}')")
            };
            for row in admin.query(&names("pg_database", "datname"), &[]).await.unwrap() {
                let name: String = row.get(0);
                let plain = format!("ALTER DATABASE \"{name}\" IS_TEMPLATE false");
                admin.batch_execute(&plain).await.unwrap();
                admin.batch_execute(&format!("DROP DATABASE \"{name}\" WITH (FORCE)")).await.unwrap();
            }
            let owner = format!("DROP OWNED BY {prefix}owner CASCADE");
            admin.batch_execute(&owner).await.unwrap();
            for row in admin.query(&names("pg_roles", "rolname"), &[]).await.unwrap() {
                admin.batch_execute(&format!("DROP ROLE \"{}\"", row.get::<_, &str>(0))).await.unwrap();
            }
        };
        runtime().block_on(remove);
    }
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

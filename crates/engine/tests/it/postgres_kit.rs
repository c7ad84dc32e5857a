//! Kit for the tests on PostgreSQL. Each test has its own home database on each server, with its own prefix, owned by a
//! role without superuser rights. Everything is removed when the test ends, also if it fails.

use std::{ops::Deref, panic::resume_unwind, sync::Arc, time::Duration};
use tenantry_engine::{
    CacheLimits, Engine, ServerSpec,
    engine::{ConnectionLimits, PostgresOptions},
    name::{PhysicalName, ServerName, StoreName, TenantId},
    place::{Isolation, Place},
};
use tenantry_testkit::postgres::{self, PASSWORD, servers};
use tokio::task::{JoinHandle, LocalSet};
use tokio_postgres::{Client, Config, NoTls, Row};

/// Id of the installation.
pub const PLATFORM: &str = "platform-of-the-tests";

/// A home database on one server.
#[derive(Debug)]
pub struct Home {
    /// Options with which the superuser connects.
    admin: Config,
    /// Prefix of the installation's names. The home database and the owner have this name.
    pub prefix: String,
    /// Removes everything on drop.
    made: postgres::Home,
}

/// Runs a test on each server, and cleans up after it.
pub async fn on_each_server<F: Future<Output = ()> + 'static>(test: impl Fn(Arc<Home>) -> F) {
    for url in servers() {
        let home = Arc::new(Home::make(&url).await);
        let run = test(home.clone());
        let ended = LocalSet::new().run_until(async { tokio::task::spawn_local(run).await }).await;
        if let Err(error) = ended {
            eprintln!("on {:?}", home.admin.get_hosts());
            resume_unwind(error.into_panic());
        }
    }
}

impl Home {
    /// Makes a home database on the server of this URL.
    pub async fn make(url: &str) -> Self {
        let made = postgres::Home::new(url).await;
        Self { admin: url.parse().unwrap(), prefix: made.prefix(), made }
    }

    /// Returns the name of the role that owns everything, which is also the name of the home database.
    pub fn owner(&self) -> String {
        self.made.name()
    }

    /// Returns the name on the server of an object of this installation.
    pub fn name(&self, physical: &str) -> String {
        format!("{}{physical}", self.prefix)
    }

    /// Returns the options with which the engine reaches the server.
    pub fn options(&self) -> PostgresOptions {
        let connections = ConnectionLimits {
            most: 12,
            per_database: 6,
            idle: Duration::from_millis(500),
            wait: Duration::from_secs(30),
        };
        PostgresOptions {
            url: self.made.url().to_owned(),
            prefix: self.prefix.clone(),
            connections,
            prepares: true,
            join_url: None,
            sole: None,
        }
    }

    /// Returns the host or the directory of the socket, and the port.
    pub fn address(&self) -> (String, u16) {
        use tokio_postgres::config::Host;
        let host = match &self.admin.get_hosts()[0] {
            Host::Unix(path) => path.display().to_string(),
            Host::Tcp(name) => name.clone(),
        };
        (host, self.admin.get_ports().first().copied().unwrap_or(5432))
    }

    /// Returns the name and the password of the superuser.
    pub fn superuser(&self) -> (String, String) {
        let password = self.admin.get_password().unwrap_or_default();
        let name = self.admin.get_user().unwrap_or("postgres");
        (name.to_owned(), String::from_utf8(password.to_vec()).unwrap())
    }

    /// Returns an engine with one connection to the server.
    pub fn engine_with_one_connection(&self) -> Engine {
        let options = self.options();
        let connections = ConnectionLimits { most: 1, ..options.connections };
        let spec = ServerSpec::postgres(
            ServerName::parse("pg").unwrap(),
            PostgresOptions { connections, ..options },
        );
        let engine = Engine::open(vec![spec], CacheLimits::default()).unwrap();
        engine.set_platform(PLATFORM).unwrap();
        engine
    }

    /// Returns an engine that reaches the server through the pooler at this address of a URL.
    pub fn engine_behind(&self, pooler: &str) -> Engine {
        let url = format!("postgresql://{0}:{PASSWORD}@{pooler}/{0}", self.owner());
        let options = PostgresOptions { url, prepares: false, ..self.options() };
        let spec = ServerSpec::postgres(ServerName::parse("pg").unwrap(), options);
        let engine = Engine::open(vec![spec], CacheLimits::default()).unwrap();
        engine.set_platform(PLATFORM).unwrap();
        engine
    }

    /// Returns an engine on this server only. To the server, each engine is another process.
    pub fn engine(&self) -> Engine {
        self.engine_with(vec![])
    }

    /// Returns an engine on this server, with the name `pg`, and on others.
    pub fn engine_with(&self, mut others: Vec<ServerSpec>) -> Engine {
        others.push(ServerSpec::postgres(ServerName::parse("pg").unwrap(), self.options()));
        let engine = Engine::open(others, CacheLimits::default()).unwrap();
        engine.set_platform(PLATFORM).unwrap();
        engine
    }

    /// Connects as the superuser.
    pub async fn admin(&self, database: &str) -> Guarded {
        let mut config = self.admin.clone();
        Guarded::open(config.dbname(database)).await.unwrap()
    }

    /// Connects as another role.
    pub async fn sign_in(&self, role: &str, database: &str) -> Result<Guarded, tokio_postgres::Error> {
        let mut config = self.admin.clone();
        Guarded::open(config.user(role).password(PASSWORD).dbname(database)).await
    }

    /// Sets a role's password, so that a test can sign in as the role.
    pub async fn let_in(&self, role: &str) {
        let sql = format!("ALTER ROLE \"{role}\" PASSWORD '{PASSWORD}'");
        self.admin("postgres").await.batch_execute(&sql).await.unwrap();
    }

    /// Returns the rows that the superuser sees in a database.
    pub async fn rows(&self, database: &str, sql: &str) -> Vec<Row> {
        self.admin(database).await.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// Returns the first column of the rows that the superuser sees in a database.
    pub async fn texts(&self, database: &str, sql: &str) -> Vec<String> {
        self.rows(database, sql).await.iter().map(|row| row.get(0)).collect()
    }

    /// Returns the names of the installation's databases, schemas and roles, except the home database and its owner.
    pub async fn leftovers(&self) -> Vec<String> {
        let (prefix, home) = (&self.prefix, self.owner());
        let sql = format!(
            "SELECT 'database ' || datname FROM pg_database WHERE starts_with(datname, '{prefix}') AND datname <> '{home}' \
             UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE starts_with(nspname, '{prefix}') \
             UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE starts_with(rolname, '{prefix}') AND rolname <> '{home}' \
             ORDER BY 1"
        );
        self.texts(&home, &sql).await
    }
}

/// A connection of a test.
pub struct Guarded {
    client: Client,
    stream: JoinHandle<()>,
}

impl Guarded {
    async fn open(config: &Config) -> Result<Self, tokio_postgres::Error> {
        let (client, stream) = config.connect(NoTls).await?;
        let stream = tokio::spawn(async move { drop(stream.await) });
        Ok(Self { client, stream })
    }
}

impl Deref for Guarded {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stream.abort();
    }
}

/// A place on the server `pg`.
pub fn place(
    store: &str,
    isolation: Isolation,
    physical: &str,
    tenant: Option<i64>,
    generation: u64,
) -> Place {
    Place {
        server: ServerName::parse("pg").unwrap(),
        store: StoreName::parse(store).unwrap(),
        isolation,
        physical: PhysicalName::parse(physical).unwrap(),
        tenant: tenant.map(TenantId::from_raw),
        generation,
    }
}

/// A tenant with a database of its own.
pub fn own(number: i64) -> Place {
    place("tenant", Isolation::Database, &format!("tenant_{number}_1"), Some(number), 1)
}

/// A tenant with a schema of its own.
pub fn schema(number: i64) -> Place {
    place("tenant", Isolation::Schema, &format!("tenant_{number}_1"), Some(number), 1)
}

/// The pool of the store `tenant`.
pub fn pool() -> Place {
    place("tenant", Isolation::Pooled, "pool", None, 1)
}

/// A tenant in the pool.
pub fn pooled(number: i64) -> Place {
    place("tenant", Isolation::Pooled, "pool", Some(number), 1)
}

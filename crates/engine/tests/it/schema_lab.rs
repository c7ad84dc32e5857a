//! Kit for the schema tests that every database must pass: places on each kind of server and in each isolation.

use crate::{schema_kit::store, schema_people::step};
use rusqlite::types::Value as Held;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tempfile::TempDir;
use tenantry_engine::{
    CacheLimits, Engine, Error, Inspection, MigrateReport, ServerSpec, Template,
    engine::{ConnectionLimits, PostgresOptions},
    migration::{Answers, Migration},
    model::Model,
    name::{PhysicalName, ServerName, TenantId},
    place::{Isolation, Place},
};
use tenantry_testkit::postgres::{Home, servers};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// The tenant whose rows tests write.
pub(crate) const TENANT: i64 = 7;

/// Servers for one test: a directory of SQLite files, and a home database on each PostgreSQL server.
pub(crate) struct Lab {
    pub(crate) engine: Engine,
    dir: TempDir,
    homes: Vec<Home>,
    #[cfg(feature = "mongodb")]
    mongo: tenantry_testkit::mongodb::Home,
    places: AtomicU64,
}

/// A place, and a connection that sees all of its tables.
pub(crate) struct Subject<'l> {
    pub(crate) lab: &'l Lab,
    /// Place on which migrations run; in a pool it has no tenant.
    pub(crate) whole: Place,
    pub(crate) raw: Raw,
}

pub(crate) enum Raw {
    Sqlite(rusqlite::Connection),
    Postgres(Client),
    #[cfg(feature = "mongodb")]
    Mongo(crate::mongo_lab::Documents),
}

pub(crate) async fn connect(url: &str, database: Option<&str>) -> Client {
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    if let Some(database) = database {
        config.dbname(database);
    }
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Returns the spec of a home's server.
fn spec(home: &Home, number: usize) -> ServerSpec {
    let options = PostgresOptions {
        url: home.url().to_owned(),
        prefix: home.prefix(),
        connections: ConnectionLimits {
            most: 12,
            per_database: 8,
            idle: Duration::from_secs(5),
            wait: Duration::from_secs(20),
        },
        prepares: true,
        join_url: None,
        sole: None,
    };
    ServerSpec::postgres(ServerName::parse(&format!("pg{number}")).unwrap(), options)
}

impl Lab {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let mut specs = vec![ServerSpec::sqlite(ServerName::parse("files").unwrap(), dir.path())];
        let mut homes = vec![];
        for (number, url) in servers().iter().enumerate() {
            let home = Home::new(url).await;
            specs.push(spec(&home, number));
            homes.push(home);
        }
        #[cfg(feature = "mongodb")]
        let mongo = tenantry_testkit::mongodb::Home::new().await;
        #[cfg(feature = "mongodb")]
        specs.push(crate::mongo_lab::spec(&mongo));
        let engine = Engine::open(specs, CacheLimits::default()).unwrap();
        engine.set_platform("lab").unwrap();
        Self {
            engine,
            dir,
            homes,
            #[cfg(feature = "mongodb")]
            mongo,
            places: AtomicU64::new(1),
        }
    }

    /// Returns a new place for every server and isolation. Without `databases`, omits own databases on PostgreSQL,
    /// which have the tables of a schema and take longer to create.
    pub(crate) async fn subjects(&self, databases: bool) -> Vec<Subject<'_>> {
        let mut out = vec![
            self.subject("files", Isolation::Database).await,
            self.subject("files", Isolation::Pooled).await,
        ];
        out.extend(self.on_postgres(databases).await);
        out
    }

    /// Returns new places on the PostgreSQL servers.
    pub(crate) async fn on_postgres(&self, databases: bool) -> Vec<Subject<'_>> {
        let mut out = vec![];
        for number in 0..self.homes.len() {
            let server = format!("pg{number}");
            out.push(self.subject(&server, Isolation::Schema).await);
            out.push(self.subject(&server, Isolation::Pooled).await);
            if databases {
                out.push(self.subject(&server, Isolation::Database).await);
            }
        }
        out
    }

    /// Returns new places on MongoDB, which accepts no SQL.
    pub(crate) async fn on_mongo(&self) -> Vec<Subject<'_>> {
        #[cfg(feature = "mongodb")]
        return vec![
            self.subject("mongo", Isolation::Database).await,
            self.subject("mongo", Isolation::Pooled).await,
        ];
        #[cfg(not(feature = "mongodb"))]
        vec![]
    }

    pub(crate) async fn subject(&self, server: &str, isolation: Isolation) -> Subject<'_> {
        self.subject_of(server, isolation, &Template::bare(store("tenant"))).await
    }

    /// Returns a new place that was created from a template. A pool has only the platform's own tables.
    pub(crate) async fn subject_of(
        &self,
        server: &str,
        isolation: Isolation,
        template: &Template,
    ) -> Subject<'_> {
        let number = self.places.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            server: ServerName::parse(server).unwrap(),
            store: store("tenant"),
            isolation,
            physical: PhysicalName::parse(&format!("place_{number}")).unwrap(),
            tenant: Some(TenantId::from_raw(TENANT)),
            generation: 1,
        };
        let mut whole = place.clone();
        if isolation.is_pooled() {
            whole.tenant = None;
            self.engine.create_system(&whole).await.unwrap();
            for tenant in [TENANT, TENANT + 1] {
                let of = Place { tenant: Some(TenantId::from_raw(tenant)), ..place.clone() };
                self.engine.enrol(&of).await.unwrap();
            }
        } else {
            self.engine.provision(&place, template).await.unwrap();
        }
        let raw = self.raw(&whole).await;
        Subject { lab: self, whole, raw }
    }

    /// Returns a place of the test's tenant that does not exist, on the server and with the isolation of `like`.
    pub(crate) fn unused(&self, like: &Place) -> Place {
        let number = self.places.fetch_add(1, Ordering::Relaxed);
        let physical = PhysicalName::parse(&format!("place_{number}")).unwrap();
        Place { physical, tenant: Some(TenantId::from_raw(TENANT)), ..like.clone() }
    }

    /// Returns an existing place of the test's tenant with a connection to its tables.
    pub(crate) async fn at(&self, place: &Place) -> Subject<'_> {
        let whole = match place.isolation {
            Isolation::Pooled => Place { tenant: None, generation: 1, ..place.clone() },
            Isolation::Schema | Isolation::Database => place.clone(),
        };
        let raw = self.raw(&whole).await;
        Subject { lab: self, whole, raw }
    }

    async fn raw(&self, place: &Place) -> Raw {
        #[cfg(feature = "mongodb")]
        if place.server.as_str() == "mongo" {
            return Raw::Mongo(crate::mongo_lab::Documents::open(&self.mongo, place).await);
        }
        let Some(number) = place.server.as_str().strip_prefix("pg") else {
            let conn =
                rusqlite::Connection::open(self.dir.path().join(format!("{}.db", place.physical))).unwrap();
            conn.pragma_update(None, "foreign_keys", true).unwrap();
            return Raw::Sqlite(conn);
        };
        let home = &self.homes[number.parse::<usize>().unwrap()];
        let (name, shared) = (format!("{}{}", home.prefix(), place.physical), home.name());
        let (database, schema) = match place.isolation {
            Isolation::Database => (&name, "public"),
            Isolation::Schema | Isolation::Pooled => (&shared, name.as_str()),
        };
        let client = connect(home.admin(), Some(database)).await;
        client.batch_execute(&format!("SET search_path = \"{schema}\"; SET TimeZone = 'UTC'")).await.unwrap();
        Raw::Postgres(client)
    }

    /// Removes everything that the test created.
    pub(crate) async fn remove(self) {
        self.engine.shutdown().await;
    }
}

impl Subject<'_> {
    pub(crate) fn is_pooled(&self) -> bool {
        self.whole.isolation.is_pooled()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.raw, Raw::Postgres(_))
    }

    /// Returns the place of the tenant.
    pub(crate) fn place(&self) -> Place {
        Place { tenant: Some(TenantId::from_raw(TENANT)), ..self.whole.clone() }
    }

    /// Returns another connection to a PostgreSQL place.
    pub(crate) async fn client(&self) -> Client {
        match self.lab.raw(&self.whole).await {
            Raw::Postgres(client) => client,
            _ => panic!("not on PostgreSQL"),
        }
    }

    pub(crate) async fn migrate(&self, all: &[Migration]) -> Result<MigrateReport, Error> {
        self.lab.engine.migrate(&self.whole, all).await
    }

    pub(crate) async fn inspect(&self, all: &[Migration]) -> Inspection {
        self.lab.engine.inspect(&self.whole, all).await.unwrap()
    }

    /// Migrates the place from nothing to these models.
    pub(crate) async fn start(&self, models: &[Model]) -> Migration {
        let first = step(&[], models, &Answers::default(), "0001_initial");
        self.migrate(std::slice::from_ref(&first)).await.unwrap();
        first
    }

    /// Runs SQL that both kinds of server accept, or that is meant for this one.
    pub(crate) async fn execute(&self, sql: &str) {
        match &self.raw {
            Raw::Sqlite(conn) => conn.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}")),
            Raw::Postgres(client) => {
                client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            }
            #[cfg(feature = "mongodb")]
            Raw::Mongo(_) => panic!("no SQL: {sql}"),
        }
    }

    /// Returns the rows of a query as texts; null is empty.
    pub(crate) async fn query(&self, sql: &str) -> Vec<Vec<String>> {
        match &self.raw {
            Raw::Sqlite(conn) => {
                let mut query = conn.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
                let columns = query.column_count();
                let text = |held: Held| match held {
                    Held::Null => String::new(),
                    Held::Integer(number) => number.to_string(),
                    Held::Text(text) => text,
                    other => format!("{other:?}"),
                };
                let row = |row: &rusqlite::Row<'_>| {
                    (0..columns).map(|index| row.get(index).map(text)).collect::<Result<Vec<_>, _>>()
                };
                query.query_map([], row).unwrap().map(Result::unwrap).collect()
            }
            Raw::Postgres(client) => {
                let found = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                let row = |message: SimpleQueryMessage| match message {
                    SimpleQueryMessage::Row(row) => Some(
                        (0..row.len()).map(|index| row.get(index).unwrap_or_default().to_owned()).collect(),
                    ),
                    _ => None,
                };
                found.into_iter().filter_map(row).collect()
            }
            #[cfg(feature = "mongodb")]
            Raw::Mongo(_) => panic!("no SQL: {sql}"),
        }
    }

    /// Returns all definitions in the catalog of the place, to verify that a refused migration leaves nothing.
    pub(crate) async fn catalog(&self) -> Vec<Vec<String>> {
        let sql = match &self.raw {
            #[cfg(feature = "mongodb")]
            Raw::Mongo(documents) => return documents.catalog().await,
            Raw::Sqlite(_) => "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY 1",
            Raw::Postgres(_) => {
                "SELECT concat_ws(' ', c.relname, a.attname, format_type(atttypid, atttypmod), attnotnull, \
                   pg_get_expr(adbin, adrelid)) FROM pg_class AS c LEFT JOIN pg_attribute AS a ON attrelid = c.oid AND \
                   NOT attisdropped LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum \
                 WHERE relnamespace = current_schema()::regnamespace \
                 UNION ALL SELECT concat_ws(' ', conname, pg_get_constraintdef(oid)) FROM pg_constraint \
                 WHERE connamespace = current_schema()::regnamespace \
                 UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indexrelid \
                 WHERE relnamespace = current_schema()::regnamespace ORDER BY 1"
            }
        };
        self.query(sql).await
    }

    /// Returns the number of migrations in the ledger.
    pub(crate) async fn applied(&self) -> usize {
        #[cfg(feature = "mongodb")]
        if let Raw::Mongo(documents) = &self.raw {
            return documents.applied().await;
        }
        self.query("SELECT migration FROM _tenantry_ledger").await.len()
    }

    /// Returns the position of the ledger of a place on PostgreSQL.
    pub(crate) async fn position(&self) -> i64 {
        self.query(POSITION).await[0][0].parse().unwrap()
    }
}

/// Query for the position of the ledger, which is in the name of the seal of the current schema.
pub(crate) const POSITION: &str = "SELECT split_part(relname, '_', 4)::bigint FROM pg_class \
    WHERE relnamespace = current_schema()::regnamespace AND starts_with(relname, '_tenantry_at_')";

impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.whole.server, self.whole.isolation.as_str())
    }
}

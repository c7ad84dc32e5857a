//! The places of the record tests, and the tests' own statements there, which bypass the engine.

use crate::records_kit::{Case, On, runtime};
#[cfg(feature = "mongodb")]
use ::mongodb::{Database, bson::doc};
use tempfile::TempDir;
use tenantry_engine::{
    ConnectionLimits, PostgresOptions, ServerSpec, Usage,
    name::ServerName,
    place::{Isolation, Place},
};
#[cfg(feature = "mongodb")]
use tenantry_testkit::mongodb;
use tenantry_testkit::postgres;
use tokio_postgres::{Client, Config, NoTls};

/// A server for one test. Its drop removes everything that the test created.
pub(crate) enum Home {
    Sqlite(TempDir),
    Postgres {
        home: postgres::Home,
        config: Box<Config>,
    },
    #[cfg(feature = "mongodb")]
    Mongo(mongodb::Home),
}

impl Home {
    pub(crate) fn new(case: Case) -> Self {
        match case.on {
            On::Sqlite => Self::Sqlite(tempfile::tempdir_in("/dev/shm").unwrap()),
            On::Postgres(server) => {
                let admin = &postgres::servers()[server];
                let home = runtime().block_on(postgres::Home::new(admin));
                Self::Postgres { home, config: Box::new(admin.parse().unwrap()) }
            }
            #[cfg(feature = "mongodb")]
            On::Mongo => Self::Mongo(runtime().block_on(mongodb::Home::new())),
        }
    }

    /// Returns the spec of the server.
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
                    PostgresOptions { url, prefix, connections, prepares: true, join_url: None, sole: None },
                )
            }
            #[cfg(feature = "mongodb")]
            Self::Mongo(home) => {
                let (url, prefix) = (mongodb::url(), home.prefix().to_owned());
                let options = tenantry_engine::MongoOptions { url, prefix, most_connections: 8 };
                ServerSpec::mongo(name, options)
            }
        }
    }

    /// Connects to the database of the place as a role with all rights.
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
            #[cfg(feature = "mongodb")]
            Self::Mongo(home) => {
                let client = runtime().block_on(mongodb::client());
                Side::Mongo(client.database(&format!("{}{}", home.prefix(), place.physical)))
            }
        }
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A connection that bypasses the engine.
pub(crate) enum Side {
    Sqlite(rusqlite::Connection),
    Postgres(Client),
    #[cfg(feature = "mongodb")]
    Mongo(Database),
}

/// A line of the activity log as it is stored.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) tenant: i64,
    pub(crate) actor: String,
    pub(crate) impersonator: String,
    pub(crate) action: String,
    pub(crate) detail: String,
}

impl Side {
    pub(crate) fn run(&self, sql: &str) {
        match self {
            Self::Sqlite(conn) => conn.execute_batch(sql).unwrap(),
            Self::Postgres(client) => runtime().block_on(client.batch_execute(sql)).unwrap(),
            #[cfg(feature = "mongodb")]
            Self::Mongo(_) => panic!("no SQL: {sql}"),
        }
    }

    pub(crate) fn integer(&self, sql: &str) -> i64 {
        match self {
            Self::Sqlite(conn) => conn.query_row(sql, [], |row| row.get(0)).unwrap(),
            Self::Postgres(client) => runtime().block_on(client.query_one(sql, &[])).unwrap().get(0),
            #[cfg(feature = "mongodb")]
            Self::Mongo(_) => panic!("no SQL: {sql}"),
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
            #[cfg(feature = "mongodb")]
            Self::Mongo(_) => panic!("no SQL: {sql}"),
        }
    }

    /// Removes all rows, as if the places were new.
    pub(crate) fn reset(&self, case: Case) {
        #[cfg(feature = "mongodb")]
        if let Self::Mongo(database) = self {
            for collection in ["order", "doctors", "hospitals", "_tenantry_activity"] {
                mongo::remove(database, collection);
            }
            let state = doc! { "state": "open", "rows": 0_i64, "bytes": 0_i64 };
            return mongo::places(database, None, doc! { "$set": state, "$unset": { "last": "" } });
        }
        let numbers = match (case.on, case.isolation) {
            (On::Sqlite, Isolation::Database) => "DELETE FROM sqlite_sequence;",
            _ => "DELETE FROM _tenantry_seq;",
        };
        let rows = "DELETE FROM \"order\"; UPDATE doctors SET mentor = NULL; DELETE FROM doctors; DELETE FROM hospitals";
        let state = "UPDATE _tenantry_place SET state = 'open', rows = 0, bytes = 0";
        self.run(&format!("{rows}; {numbers} DELETE FROM _tenantry_activity; {state}"));
    }

    /// Returns the number of stored rows of a model; in a pool, of all tenants.
    pub(crate) fn stored(&self, model: &str) -> i64 {
        match self {
            #[cfg(feature = "mongodb")]
            Self::Mongo(database) => mongo::all(database, model).len() as i64,
            _ => self.integer(&format!("SELECT count(*) FROM \"{model}\"")),
        }
    }

    pub(crate) fn remove(&self, model: &str) {
        match self {
            #[cfg(feature = "mongodb")]
            Self::Mongo(database) => mongo::remove(database, model),
            _ => self.run(&format!("DELETE FROM \"{model}\"")),
        }
    }

    /// Returns the counters of a tenant.
    pub(crate) fn counters(&self, tenant: i64) -> Usage {
        #[cfg(feature = "mongodb")]
        if let Self::Mongo(database) = self {
            let place = mongo::all(database, "_tenantry");
            let place =
                place.into_iter().find(|place| place.get_i64("tenant").is_ok_and(|of| of == tenant)).unwrap();
            let count = |name: &str| place.get_i64(name).unwrap().unsigned_abs();
            return Usage { rows: count("rows"), bytes: count("bytes") };
        }
        let count = |column: &str| {
            let sql =
                format!("SELECT {column} FROM _tenantry_place WHERE tenant = {tenant} AND store = 'tenant'");
            self.integer(&sql).unsigned_abs()
        };
        Usage { rows: count("rows"), bytes: count("bytes") }
    }

    /// Sets the state of a tenant's place, or of all places for `None`.
    pub(crate) fn set_state(&self, tenant: Option<i64>, state: &str) {
        match (self, tenant) {
            #[cfg(feature = "mongodb")]
            (Self::Mongo(database), _) => {
                mongo::places(database, tenant, doc! { "$set": { "state": state } });
            }
            (_, None) => self.run(&format!("UPDATE _tenantry_place SET state = '{state}'")),
            (_, Some(tenant)) => {
                self.run(&format!("UPDATE _tenantry_place SET state = '{state}' WHERE tenant = {tenant}"));
            }
        }
    }

    /// Returns the doctors of all tenants but 7 as texts. Only in a pool.
    pub(crate) fn other_doctors(&self) -> Vec<String> {
        #[cfg(feature = "mongodb")]
        if let Self::Mongo(database) = self {
            let all = mongo::all(database, "doctors").into_iter();
            let mut others: Vec<String> = all
                .filter(|row| row.get_i64("company_id").is_ok_and(|of| of != 7))
                .map(|row| row.to_string())
                .collect();
            others.sort();
            return others;
        }
        let mentor = "coalesce(CAST(mentor AS text), '-')";
        let row = format!("company_id || ' ' || id || name || coalesce(email, '-') || version || {mentor}");
        self.texts(&format!("SELECT {row} FROM doctors WHERE company_id <> 7 ORDER BY company_id, id"))
    }

    /// Returns the lines of all activity logs, in order.
    pub(crate) fn log(&self) -> Vec<Line> {
        #[cfg(feature = "mongodb")]
        if let Self::Mongo(database) = self {
            return mongo::log(database);
        }
        let columns = ["CAST(tenant AS text)", "actor", "impersonator", "action", "detail"];
        let of = |column: &str| {
            self.texts(&format!("SELECT coalesce({column}, '') FROM _tenantry_activity ORDER BY id"))
        };
        let [tenants, actors, impersonators, actions, details] = columns.map(of);
        let line = |at: usize| Line {
            tenant: tenants[at].parse().unwrap(),
            actor: actors[at].clone(),
            impersonator: impersonators[at].clone(),
            action: actions[at].clone(),
            detail: details[at].clone(),
        };
        (0..tenants.len()).map(line).collect()
    }

    /// Returns the recorded records of tenant 7, each once.
    pub(crate) fn noted(&self) -> Vec<String> {
        #[cfg(feature = "mongodb")]
        if let Self::Mongo(database) = self {
            return mongo::noted(database);
        }
        self.texts("SELECT DISTINCT model || ' ' || CAST(id AS text) FROM _tenantry_changes WHERE tenant = 7 ORDER BY 1")
    }
}

/// Queries of the tests on MongoDB.
#[cfg(feature = "mongodb")]
mod mongo {
    use super::{Line, runtime};
    use futures_util::TryStreamExt;
    use mongodb::{
        Database,
        bson::{Document, doc},
    };

    pub(super) fn all(database: &Database, collection: &str) -> Vec<Document> {
        let collection = database.collection::<Document>(collection);
        let read = async {
            let find = collection.find(doc! {}).sort(doc! { "_id": 1 });
            find.await.unwrap().try_collect().await.unwrap()
        };
        runtime().block_on(read)
    }

    pub(super) fn remove(database: &Database, collection: &str) {
        let collection = database.collection::<Document>(collection);
        runtime().block_on(async { collection.delete_many(doc! {}).await.unwrap() });
    }

    /// Changes the places of one tenant, or of all.
    pub(super) fn places(database: &Database, tenant: Option<i64>, change: Document) {
        let of = match tenant {
            Some(tenant) => doc! { "tenant": tenant },
            None => doc! { "tenant": { "$exists": true } },
        };
        let places = database.collection::<Document>("_tenantry");
        runtime().block_on(async { places.update_many(of, change).await.unwrap() });
    }

    fn tenant(row: &Document) -> i64 {
        let key = row.get_document("_id").unwrap().get_str("p").unwrap();
        key.split_once('/').unwrap().0.parse().unwrap()
    }

    pub(super) fn log(database: &Database) -> Vec<Line> {
        let text = |row: &Document, name: &str| row.get_str(name).unwrap_or_default().to_owned();
        let line = |row: &Document| Line {
            tenant: tenant(row),
            actor: text(row, "actor"),
            impersonator: text(row, "impersonator"),
            action: text(row, "action"),
            detail: text(row, "detail"),
        };
        all(database, "_tenantry_activity").iter().map(line).collect()
    }

    pub(super) fn noted(database: &Database) -> Vec<String> {
        let rows = all(database, "_tenantry_changes").into_iter().filter(|row| tenant(row) == 7);
        let mut noted: Vec<String> = rows
            .map(|row| format!("{} {}", row.get_str("model").unwrap(), row.get_str("id").unwrap()))
            .collect();
        noted.sort();
        noted.dedup();
        noted
    }
}

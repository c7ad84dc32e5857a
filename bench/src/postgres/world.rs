//! The databases that both sides work on: a home database, and a place with notes, either in it or next to it.

use super::{
    hand::Hand,
    ours::{Ours, note},
};
use anyhow::{Context, Result};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
pub(crate) use tenantry_engine::place::Isolation;
use tenantry_engine::{
    CacheLimits, ConnectionLimits, Engine, PostgresOptions, ServerSpec,
    migration::{Migration, Op},
    model::{Model, Scope, Source, load},
    name::{AppName, PhysicalName, ServerName, StoreName, TenantId},
    place::Place,
    schema::{Schema, Template},
    write::WriteOptions,
};
use tokio_postgres::{Client, Config, NoTls};

const MODEL: &str = "store = \"tenant\"\n[fields.title]\ntype = \"text\"\nrequired = true\nindex = true\n\
    [fields.body]\ntype = \"text\"\n[fields.done]\ntype = \"boolean\"\nrequired = true\ndefault = false\n\
    [fields.amount]\ntype = \"decimal\"\nscale = 2\n[fields.due]\ntype = \"date\"\n";
pub(crate) const BODY: &str = "What was said, in a sentence or two, as people write into such a field.";
/// Largest number of connections of each side: in all, and to one database.
pub(crate) const CONNECTIONS: (usize, usize) = (32, 32);
const TENANT: usize = 7;

/// Returns the id of a row to read.
pub(crate) fn id(number: u64) -> i64 {
    1 + i64::try_from(number.wrapping_mul(7919) % super::ROWS.unsigned_abs()).unwrap_or(0)
}

/// Returns a title that is followed by a whole page of titles.
pub(crate) fn first_title(number: u64) -> String {
    format!("title {:05}", number.wrapping_mul(104_729) % 60_000)
}

/// Returns a title.
pub(crate) fn title(number: u64) -> String {
    format!("title {:05}", number.wrapping_mul(104_729) % 90_000)
}

/// An owner with a home database, an engine there, and connections for the hand-written side.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) prefix: String,
    /// Connects as the owner to the home database.
    pub(crate) config: Config,
    pub(crate) owner: Client,
    /// Other connections to the home database.
    pub(crate) free: Mutex<Vec<Client>>,
    admin: Client,
}

impl Server {
    /// Creates the owner and a home database. `connections` are the engine's limits: in all, and to one database.
    pub(crate) async fn make(url: &str, connections: (usize, usize)) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let mut config: Config = url.parse()?;
        let admin = connect(&config).await?;
        let prefix = format!("b{:x}_{}_", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let password = String::from_utf8(config.get_password().unwrap_or(b"x").to_vec())?;
        let role = format!("CREATE ROLE {prefix}owner LOGIN CREATEDB CREATEROLE PASSWORD '{password}'");
        admin.batch_execute(&role).await?;
        admin.batch_execute(&format!("CREATE DATABASE {prefix}home OWNER {prefix}owner")).await?;
        config.user(format!("{prefix}owner")).dbname(format!("{prefix}home"));
        let (engine, owner) =
            (engine(&own_url(url, &prefix)?, &prefix, connections)?, connect(&config).await?);
        Ok(Self { engine, prefix, config, owner, free: Mutex::default(), admin })
    }

    /// Creates a tenant with its notes.
    pub(crate) async fn tenant(&self, isolation: Isolation, number: usize) -> Result<Ours> {
        let own = place_of(isolation, number)?;
        let migrations = [migration(1)?];
        match isolation {
            Isolation::Pooled => {
                let pool = Place { tenant: None, ..own.clone() };
                self.engine.create_system(&pool).await?;
                self.engine.migrate(&pool, &migrations).await?;
                self.engine.enrol(&own).await?;
            }
            _ => self.engine.provision(&own, &Template::new(&own.store, &migrations)?).await?,
        }
        let schema = Arc::new(Schema::new(own.store.clone(), vec![model(1)?], &migrations)?);
        Ok(Ours { engine: self.engine.clone(), place: own, schema })
    }

    /// Removes everything that was created.
    pub(crate) async fn remove(self) -> Result<()> {
        let Self { engine, admin, prefix, owner, free, .. } = self;
        engine.shutdown().await;
        drop((engine, owner, free));
        let named = |catalog: &str, column: &str| {
            format!("SELECT {column} FROM {catalog} WHERE starts_with({column}, '{prefix}')")
        };
        for row in admin.query(&named("pg_database", "datname"), &[]).await? {
            let name: String = row.get(0);
            admin.batch_execute(&format!("ALTER DATABASE \"{name}\" IS_TEMPLATE false")).await?;
            admin.batch_execute(&format!("DROP DATABASE \"{name}\" WITH (FORCE)")).await?;
        }
        admin.batch_execute(&format!("DROP OWNED BY {prefix}owner CASCADE")).await?;
        for row in admin.query(&named("pg_roles", "rolname"), &[]).await? {
            admin.batch_execute(&format!("DROP ROLE \"{}\"", row.get::<_, &str>(0))).await?;
        }
        Ok(())
    }
}

/// Both sides of the comparison of records.
pub(crate) struct World {
    pub(crate) ours: Ours,
    pub(crate) hand: Hand,
    server: Server,
}

impl World {
    pub(crate) async fn make(url: &str, isolation: Isolation, rows: i64) -> Result<Self> {
        let server = Server::make(url, CONNECTIONS).await?;
        let ours = server.tenant(isolation, TENANT).await?;
        for batch in 0..rows / 500 {
            let numbers = (0..500).map(|n| note(u64::try_from(batch * 500 + n).unwrap_or(0)));
            let changes = numbers.collect::<Result<Vec<_>>>()?;
            let session = ours.engine.session(&ours.place, &ours.schema).await?;
            session.write(changes, &WriteOptions::default()).await?;
        }
        let (mut config, name) = (server.config.clone(), format!("{}{}", server.prefix, ours.place.physical));
        let schema = match isolation {
            Isolation::Database => {
                config.dbname(&name);
                "public".to_owned()
            }
            Isolation::Schema | Isolation::Pooled => name,
        };
        let owner = connect(&config).await?;
        // Begins far above the numbers that the engine assigns.
        let sequence = format!("CREATE SEQUENCE \"{schema}\".hand_ids START 1000000000; ANALYZE");
        owner.batch_execute(&sequence).await?;
        let hand = Hand::new(config, &schema, isolation, i64::try_from(TENANT)?, CONNECTIONS.0);
        Ok(Self { ours, hand, server })
    }

    pub(crate) async fn remove(self) -> Result<()> {
        let Self { ours, hand, server } = self;
        drop((ours, hand));
        server.remove().await
    }
}

pub(crate) async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Returns the URL of the owner and its home database on the same server.
fn own_url(url: &str, prefix: &str) -> Result<String> {
    let (_, rest) = url.split_once("://").context("no URL")?;
    let (user, rest) = rest.split_once('@').context("no user in the URL")?;
    let password = user.split_once(':').map_or("x", |(_, password)| password);
    let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(format!("postgresql://{prefix}owner:{password}@{host}/{prefix}home"))
}

fn engine(url: &str, prefix: &str, (most, per_database): (usize, usize)) -> Result<Engine> {
    let wait = Duration::from_secs(20);
    let connections = ConnectionLimits { most, per_database, idle: wait, wait };
    let options = PostgresOptions {
        url: url.into(),
        prefix: prefix.into(),
        connections,
        prepares: true,
        join_url: None,
        sole: None,
    };
    let engine = Engine::open(vec![ServerSpec::postgres(server_name()?, options)], CacheLimits::default())?;
    engine.set_platform("bench")?;
    Ok(engine)
}

fn wrong(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

fn server_name() -> Result<ServerName> {
    ServerName::parse("local").map_err(wrong)
}

/// Returns the model of notes, with the texts `c2`, `c3` and so on in addition.
pub(crate) fn model(more: usize) -> Result<Arc<Model>> {
    let fields = (2..=more).map(|number| format!("[fields.c{number}]\ntype = \"text\"\n"));
    let text = fields.fold(MODEL.to_owned(), |text, field| text + &field);
    let source = Source { app: app()?, name: "notes", file: "notes.toml", text: &text };
    let models =
        load(&[source], &|_| Some(Scope::Tenant)).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    Ok(Arc::new(models.into_iter().next().context("no model")?))
}

fn app() -> Result<AppName> {
    AppName::parse("bench").map_err(wrong)
}

/// Returns a migration. The first one creates the table, and each later one adds a column.
pub(crate) fn migration(number: usize) -> Result<Migration> {
    let model = model(number)?;
    let op = match number {
        1 => Op::CreateModel { model: Box::new(model.schema()) },
        _ => Op::AddField {
            store: model.store.clone(),
            model: model.name.clone(),
            field: model.schema().fields.last().context("no field")?.clone(),
            fill: None,
        },
    };
    Ok(Migration { app: app()?, name: format!("{number:04}"), depends: vec![], ops: vec![op] })
}

/// Returns the place of a tenant with its own database or schema.
pub(crate) fn place_of(isolation: Isolation, number: usize) -> Result<Place> {
    Ok(Place {
        server: server_name()?,
        store: StoreName::parse("tenant").map_err(wrong)?,
        isolation,
        physical: PhysicalName::parse(&format!("notes_{number}")).map_err(wrong)?,
        tenant: Some(TenantId::from_raw(i64::try_from(number)?)),
        generation: 1,
    })
}

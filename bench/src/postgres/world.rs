//! What both sides work on: a home database, and in it or beside it one place with notes.

use super::{
    hand::Hand,
    ours::{Ours, note},
};
use anyhow::{Context, Result};
use std::{sync::Arc, time::Duration};
pub(crate) use tenantry_engine::place::Isolation;
use tenantry_engine::{
    CacheLimits, ConnectionLimits, Engine, PostgresOptions, ServerSpec,
    migration::{Migration, Op},
    model::{Scope, Source, load},
    name::{AppName, PhysicalName, ServerName, StoreName, TenantId},
    place::Place,
    schema::Schema,
    write::WriteOptions,
};
use tokio_postgres::{Client, Config, NoTls};

const MODEL: &str = "store = \"tenant\"\n[fields.title]\ntype = \"text\"\nrequired = true\nindex = true\n\
    [fields.body]\ntype = \"text\"\n[fields.done]\ntype = \"boolean\"\nrequired = true\ndefault = false\n\
    [fields.amount]\ntype = \"decimal\"\nscale = 2\n[fields.due]\ntype = \"date\"\n";
pub(crate) const BODY: &str = "What was said, in a sentence or two, as people write into such a field.";
/// Connections of each side.
const CONNECTIONS: usize = 32;
const TENANT: i64 = 7;

/// Returns the id of a row that is read.
pub(crate) fn id(number: u64) -> i64 {
    1 + i64::try_from(number.wrapping_mul(7919) % super::ROWS.unsigned_abs()).unwrap_or(0)
}

/// Returns a title from which there is a whole page of titles.
pub(crate) fn first_title(number: u64) -> String {
    format!("title {:05}", number.wrapping_mul(104_729) % 60_000)
}

/// Returns a title.
pub(crate) fn title(number: u64) -> String {
    format!("title {:05}", number.wrapping_mul(104_729) % 90_000)
}

/// Both sides, and what is removed at the end.
pub(crate) struct World {
    pub(crate) ours: Ours,
    pub(crate) hand: Hand,
    admin: Client,
    prefix: String,
}

impl World {
    pub(crate) async fn make(url: &str, isolation: Isolation, rows: i64) -> Result<Self> {
        let config: Config = url.parse()?;
        let admin = connect(&config).await?;
        let prefix = format!("b{:x}_", std::process::id());
        let password = String::from_utf8(config.get_password().unwrap_or(b"x").to_vec())?;
        let role = format!("CREATE ROLE {prefix}owner LOGIN CREATEDB CREATEROLE PASSWORD '{password}'");
        admin.batch_execute(&role).await?;
        admin.batch_execute(&format!("CREATE DATABASE {prefix}home OWNER {prefix}owner")).await?;
        let ours = place(&own_url(url, &prefix)?, &prefix, isolation).await?;
        for batch in 0..rows / 500 {
            let numbers = (0..500).map(|n| note(u64::try_from(batch * 500 + n).unwrap_or(0)));
            let changes = numbers.collect::<Result<Vec<_>>>()?;
            let session = ours.engine.session(&ours.place, &ours.schema, None).await?;
            session.write(changes, &WriteOptions::default()).await?;
        }
        let mut theirs = config.clone();
        let name = format!("{prefix}{}", ours.place.physical);
        let (database, schema) = match isolation {
            Isolation::Database => (name, "public".to_owned()),
            Isolation::Schema | Isolation::Pooled => (format!("{prefix}home"), name),
        };
        theirs.user(format!("{prefix}owner")).dbname(&database);
        let owner = connect(&theirs).await?;
        // Far from the numbers that the engine gives.
        let sequence = format!("CREATE SEQUENCE \"{schema}\".hand_ids START 1000000000; ANALYZE");
        owner.batch_execute(&sequence).await?;
        let hand = Hand::new(theirs, &schema, isolation, TENANT, CONNECTIONS);
        Ok(Self { ours, hand, admin, prefix })
    }

    pub(crate) async fn remove(self) -> Result<()> {
        let Self { ours, hand, admin, prefix } = self;
        ours.engine.shutdown().await;
        drop((ours, hand));
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

async fn connect(config: &Config) -> Result<Client> {
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

async fn place(url: &str, prefix: &str, isolation: Isolation) -> Result<Ours> {
    let wrong = |error| anyhow::anyhow!("{error}");
    let (name, app) = (ServerName::parse("local").map_err(wrong)?, AppName::parse("bench").map_err(wrong)?);
    let wait = Duration::from_secs(20);
    let connections = ConnectionLimits { most: CONNECTIONS, per_database: CONNECTIONS, idle: wait, wait };
    let options = PostgresOptions { url: url.into(), prefix: prefix.into(), connections, prepares: true };
    let engine = Engine::open(vec![ServerSpec::postgres(name.clone(), options)], CacheLimits::default())?;
    engine.set_platform("bench")?;
    let source = Source { app: app.clone(), name: "notes", file: "notes.toml", text: MODEL };
    let models =
        load(&[source], &|_| Some(Scope::Tenant)).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let models: Vec<_> = models.into_iter().map(Arc::new).collect();
    let ops = models.iter().map(|model| Op::CreateModel { model: Box::new(model.schema()) }).collect();
    let migrations = [Migration { app, name: "0001".into(), depends: vec![], ops }];
    let store = StoreName::parse("tenant").map_err(wrong)?;
    let of = |tenant: Option<i64>| -> Result<Place> {
        Ok(Place {
            server: name.clone(),
            store: store.clone(),
            isolation,
            physical: PhysicalName::parse("notes").map_err(wrong)?,
            tenant: tenant.map(TenantId::from_raw),
            generation: 1,
        })
    };
    let own = of(Some(TENANT))?;
    let made = if isolation == Isolation::Pooled { of(None)? } else { own.clone() };
    engine.create_system(&made).await?;
    engine.migrate(&made, &migrations).await?;
    if isolation == Isolation::Pooled {
        engine.enrol(&own).await?;
    }
    let schema = Arc::new(Schema::new(store, models, &migrations)?);
    Ok(Ours { engine, place: own, schema })
}

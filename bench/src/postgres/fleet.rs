//! Compares the creation of tenants and the migration of all tenants with a hand-written script on the same server:
//! `CREATE DATABASE` from a template with a role, and a loop of `ALTER TABLE` with a row in a ledger, with the same
//! number of connections.

use super::world::{CONNECTIONS, Isolation, Server, connect, migration, place_of};
use crate::rounds::{Compared, alternate};
use anyhow::{Context, Result};
use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tenantry_engine::{
    Engine,
    migration::Migration,
    place::Place,
    schema::{Script, Template},
};
use tokio::{runtime::Runtime, task::JoinSet};
use tokio_postgres::Config;

/// Number of places that are migrated at the same time.
const AT_ONCE: usize = 8;
/// Number of databases that are created in each round.
const MADE: usize = 10;
/// The script's table, next to the one that Tenantry migrates.
const BY_HAND: &str = "CREATE TABLE by_hand (LIKE notes INCLUDING ALL); \
    CREATE TABLE by_hand_ledger (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())";

/// Prints the ratios for this number of databases and of schemas.
///
/// # Errors
/// Returns the errors of the server.
pub(crate) fn run(
    runtime: &Runtime,
    url: &str,
    rounds: usize,
    (databases, schemas): (usize, usize),
) -> Result<()> {
    let server = runtime.block_on(Server::make(url, CONNECTIONS))?;
    let fleet = Arc::new(Fleet { server, made: Mutex::new(0) });
    let compared = alternate(
        rounds,
        || rate(runtime, MADE, 1, |_| fleet.clone().create_by_hand()),
        || rate(runtime, MADE, 1, |_| fleet.clone().create()),
    )?;
    print("create a database", &compared);
    let (mut by_us, mut by_hand) = (0.0, 0.0);
    for (name, isolation, count) in [
        ("migrate databases", Isolation::Database, databases),
        ("migrate schemas", Isolation::Schema, schemas),
    ] {
        let places = runtime.block_on(fleet.clone().fill(isolation, count))?;
        let (ours, theirs) = (Mutex::new(1), Mutex::new(1));
        let compared = alternate(
            rounds,
            || {
                let number = next(&theirs);
                rate(runtime, count, AT_ONCE, |at| fleet.clone().migrate_by_hand(places[at].clone(), number))
            },
            || {
                let script = Arc::new(script(next(&ours))?);
                rate(runtime, count, AT_ONCE, |at| fleet.clone().migrate(places[at].clone(), script.clone()))
            },
        )?;
        print(name, &compared);
        by_us += count as f64 / compared.ours;
        by_hand += count as f64 / compared.baseline;
    }
    let all = (databases + schemas) as f64;
    let (ours, baseline) = (all / by_us, all / by_hand);
    print("migrate all of them", &Compared { ours, baseline, ratio: ours / baseline });
    runtime.block_on(Arc::into_inner(fleet).context("in use")?.server.remove())
}

fn print(name: &str, compared: &Compared) {
    let Compared { ours, baseline, ratio } = compared;
    println!("{name:31} ours {ours:8.1}/s  by hand {baseline:8.1}/s  ratio {ratio:.2}");
}

fn next(number: &Mutex<usize>) -> usize {
    let mut number = number.lock().unwrap_or_else(PoisonError::into_inner);
    *number += 1;
    *number
}

/// Returns the migrations up to this one, each of which adds a column.
fn script(number: usize) -> Result<Script> {
    let all: Vec<Migration> = (1..=number).map(migration).collect::<Result<_>>()?;
    Ok(Script::new(&place_of(Isolation::Database, 1)?.store, &all)?)
}

struct Fleet {
    server: Server,
    made: Mutex<usize>,
}

impl Fleet {
    fn engine(&self) -> &Engine {
        &self.server.engine
    }

    async fn create(self: Arc<Self>) -> Result<()> {
        let place = place_of(Isolation::Database, next(&self.made))?;
        Ok(self.engine().provision(&place, &template()?).await?)
    }

    async fn create_by_hand(self: Arc<Self>) -> Result<()> {
        let (number, prefix) = (next(&self.made), &self.server.prefix);
        let name = format!("{prefix}hand_{number}");
        let template = self.template().await?;
        let admin = &self.server.owner;
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE \"{template}\"")).await?;
        admin
            .batch_execute(&format!(
                "CREATE ROLE {name} LOGIN; REVOKE ALL ON DATABASE {name} FROM PUBLIC; \
                 GRANT CONNECT ON DATABASE {name} TO {name}"
            ))
            .await?;
        Ok(())
    }

    /// Returns the name of Tenantry's template, which has the same tables.
    async fn template(&self) -> Result<String> {
        let sql = format!(
            "SELECT datname FROM pg_database WHERE datistemplate AND starts_with(datname, '{}')",
            self.server.prefix
        );
        if let Some(row) = self.server.owner.query(&sql, &[]).await?.first() {
            return Ok(row.get(0));
        }
        let first = place_of(Isolation::Database, next(&self.made))?;
        self.engine().provision(&first, &template()?).await?;
        Ok(self.server.owner.query_one(&sql, &[]).await?.get(0))
    }

    /// Creates places with a table for each side.
    async fn fill(self: Arc<Self>, isolation: Isolation, count: usize) -> Result<Vec<Place>> {
        let mut places = vec![];
        for _ in 0..count {
            let place = place_of(isolation, next(&self.made))?;
            self.engine().provision(&place, &template()?).await?;
            let (config, schema) = self.reach(&place);
            let client = connect(&config).await?;
            client.batch_execute(&format!("SET search_path = {schema}; {BY_HAND}")).await?;
            places.push(place);
        }
        Ok(places)
    }

    fn reach(&self, place: &Place) -> (Config, String) {
        let name = format!("{}{}", self.server.prefix, place.physical);
        let mut config = self.server.config.clone();
        match place.isolation {
            Isolation::Database => (config.dbname(&name).clone(), "public".into()),
            _ => (config, name),
        }
    }

    async fn migrate(self: Arc<Self>, place: Place, script: Arc<Script>) -> Result<()> {
        Ok(self.engine().migrate_with(&place, &script).await.map(drop)?)
    }

    async fn migrate_by_hand(self: Arc<Self>, place: Place, number: usize) -> Result<()> {
        let (config, schema) = self.reach(&place);
        let free = match place.isolation {
            Isolation::Database => None,
            _ => self.server.free.lock().unwrap_or_else(PoisonError::into_inner).pop(),
        };
        let client = match free {
            Some(client) => client,
            None => connect(&config).await?,
        };
        client
            .batch_execute(&format!(
                "BEGIN; ALTER TABLE {schema}.by_hand ADD COLUMN c{number} text; \
                 INSERT INTO {schema}.by_hand_ledger VALUES ('{number}'); COMMIT"
            ))
            .await?;
        if place.isolation != Isolation::Database {
            self.server.free.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        }
        Ok(())
    }
}

fn template() -> Result<Template> {
    Ok(Template::new(&place_of(Isolation::Database, 1)?.store, &[migration(1)?])?)
}

/// Returns the number of pieces of work per second.
fn rate<F: Future<Output = Result<()>> + Send + 'static>(
    runtime: &Runtime,
    count: usize,
    at_once: usize,
    work: impl Fn(usize) -> F,
) -> Result<f64> {
    let began = Instant::now();
    runtime.block_on(async {
        let mut running = JoinSet::new();
        for at in 0..count {
            if running.len() == at_once {
                running.join_next().await.context("nothing runs")???;
            }
            running.spawn(work(at));
        }
        while let Some(done) = running.join_next().await {
            done??;
        }
        anyhow::Ok(())
    })?;
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

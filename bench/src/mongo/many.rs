//! Requests of many callers for many tenants with a database each on one MongoDB deployment, in random order, while few
//! places are open.

use crate::postgres::{
    ours::{Ours, note},
    world::{Isolation, migration, model, place_of},
};
use anyhow::{Context, Result};
use clap::Args;
use mongodb::{Client, bson::doc};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tenantry_engine::{
    CacheLimits, Engine, MongoOptions, ServerSpec,
    query::RecordId,
    row::json::JsonRows,
    schema::{Schema, Template},
    write::WriteOptions,
};
use tokio::task::JoinSet;

/// How many, and how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// URL of the replica set.
    #[arg(long)]
    url: String,
    /// Tenants with a database each.
    #[arg(long, default_value_t = 500)]
    tenants: usize,
    /// Places that may be open at a time.
    #[arg(long, default_value_t = 50)]
    open: usize,
    /// Concurrent callers.
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Seconds.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
}

const CONNECTIONS: u32 = 32;

/// Prints the rate, the open places and the memory. Every tenth request is an insert.
///
/// # Errors
/// Returns the first error of a request.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(many(options))
}

async fn many(options: &Options) -> Result<()> {
    let prefix = format!("m{:x}_", std::process::id());
    let place = place_of(Isolation::Database, 1)?;
    let url = options.url.clone();
    let limits = MongoOptions { url: url.clone(), prefix: prefix.clone(), most_connections: CONNECTIONS };
    let spec = ServerSpec::mongo(place.server.clone(), limits);
    let cache = CacheLimits { open_databases: Some(options.open), ..CacheLimits::default() };
    let engine = Engine::open(vec![spec], cache)?;
    engine.set_platform("bench")?;
    let migrations = [migration(1)?];
    let schema = Arc::new(Schema::new(place.store.clone(), vec![model(1)?], &migrations)?);
    let began = Instant::now();
    let mut tenants = vec![];
    for number in 1..=options.tenants {
        let place = place_of(Isolation::Database, number)?;
        engine.provision(&place, &Template::new(&place.store, &migrations)?).await?;
        let tenant = Ours { engine: engine.clone(), place, schema: schema.clone() };
        insert(&tenant, 1).await?;
        tenants.push(tenant);
    }
    println!("{} databases made in {:.0} s", tenants.len(), began.elapsed().as_secs_f64());
    let tenants = Arc::new(tenants);
    let before = resident()?;
    for round in 1..=2 {
        let (opens, began) = (engine.opens(), Instant::now());
        let (requests, most) = requests(options, &tenants, round).await?;
        let rate = requests as f64 / began.elapsed().as_secs_f64();
        let connections = connections(&url).await?;
        println!(
            "round {round}: {requests} requests, {rate:.0}/s, no error; at most {most} places open, {} opened; \
             {connections} connections at the server; {:.1} MiB resident, {before:.1} before",
            engine.opens() - opens,
            resident()?,
        );
    }
    engine.shutdown().await;
    let client = Client::with_uri_str(&url).await?;
    for name in client.list_database_names().await?.iter().filter(|name| name.starts_with(&prefix)) {
        client.database(name).drop().await?;
    }
    Ok(())
}

/// Returns the number of requests, and the largest number of open places.
async fn requests(options: &Options, tenants: &Arc<Vec<Ours>>, round: u64) -> Result<(u64, usize)> {
    let (began, length) = (Instant::now(), Duration::from_secs_f64(options.seconds));
    let mut callers = JoinSet::new();
    for caller in 0..options.callers {
        let tenants = tenants.clone();
        let mut random = (caller as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ round;
        callers.spawn(async move {
            let (mut count, mut most) = (0, 0);
            while began.elapsed() < length {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let tenant = &tenants[usize::try_from(random >> 33)? % tenants.len()];
                match random >> 20 & 0xff {
                    0..26 => insert(tenant, random).await?,
                    _ => read(tenant).await?,
                }
                most = most.max(tenant.engine.open_databases());
                count += 1;
            }
            anyhow::Ok((count, most))
        });
    }
    let (mut sum, mut most) = (0, 0);
    while let Some(done) = callers.join_next().await {
        let (count, open) = done??;
        (sum, most) = (sum + count, most.max(open));
    }
    Ok((sum, most))
}

async fn insert(tenant: &Ours, number: u64) -> Result<()> {
    let session = tenant.engine.session(&tenant.place, &tenant.schema).await?;
    session.write(vec![note(number)?], &WriteOptions::default()).await?;
    Ok(())
}

async fn read(tenant: &Ours) -> Result<()> {
    let session = tenant.engine.session(&tenant.place, &tenant.schema).await?;
    let keys = tenant.schema.model("notes").context("no model")?.keys(&[])?;
    let rows = JsonRows::new(keys, vec![]);
    session.get("notes", &RecordId::Integer(1), &[], rows).await?.context("no row")?;
    Ok(())
}

/// Returns the resident memory of this process in MiB. Linux only.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? / 1024.0)
}

/// Returns the number of connections of all clients to the server.
async fn connections(url: &str) -> Result<i64> {
    let client = Client::with_uri_str(url).await?;
    let status = client.database("admin").run_command(doc! { "serverStatus": 1 }).await?;
    Ok(i64::from(status.get_document("connections")?.get_i32("current")?))
}

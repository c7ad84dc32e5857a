//! Many tenants with their own databases on one server: random reads by many clients within a limit of connections,
//! compared with the same reads on a separate connection for each database.

use super::{
    ours::{Ours, note},
    world::{Isolation, Server, connect},
};
use anyhow::{Result, ensure};
use clap::Args;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tenantry_engine::{query::RecordId, row::Collect, write::WriteOptions};
use tokio::{sync::Mutex, task::JoinSet};
use tokio_postgres::Client;

/// What is measured, and how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// URL of a superuser of the server.
    #[arg(long)]
    url: String,
    /// Tenants with a database each.
    #[arg(long, default_value_t = 300)]
    databases: usize,
    /// Connections that the engine may have.
    #[arg(long, default_value_t = 50)]
    budget: usize,
    /// Concurrent callers.
    #[arg(long, default_value_t = 64)]
    clients: u64,
    /// Seconds for each side.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

/// Prints the durations of the reads.
///
/// # Errors
/// Returns the errors of the server, and that of a refused read.
pub(crate) fn run(options: &Options) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(options))
}

async fn measure(options: &Options) -> Result<()> {
    let server = Server::make(&options.url, (options.budget, options.budget * 3 / 4)).await?;
    let measured = both(options, &server).await;
    server.remove().await?;
    measured
}

async fn both(options: &Options, server: &Server) -> Result<()> {
    let tenants = tenants(options, server).await?;
    let ours = {
        let tenants = tenants.clone();
        timed(options, move |number| {
            let of = tenants[number % tenants.len()].clone();
            async move {
                let session = of.engine.session(&of.place, &of.schema).await?;
                let found = session.get("notes", &RecordId::Integer(1), &[], Collect::default()).await?;
                ensure!(found.is_some(), "no row");
                Ok(())
            }
        })
        .await?
    };
    tenants[0].engine.shutdown().await;
    let mut direct = vec![];
    for of in tenants.iter() {
        let mut config = server.config.clone();
        config.dbname(format!("{}{}", server.prefix, of.place.physical));
        direct.push(Arc::new(Mutex::new(connect(&config).await?)));
    }
    let direct: Arc<Vec<Arc<Mutex<Client>>>> = Arc::new(direct);
    let by_hand = timed(options, move |number| {
        let of = direct[number % direct.len()].clone();
        async move {
            let client = of.lock().await;
            client.query_typed("SELECT * FROM public.notes WHERE id = 1", &[]).await?;
            Ok(())
        }
    })
    .await?;
    for (name, times) in [("ours", ours), ("direct", by_hand)] {
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
        println!(
            "{name:7} {:8.0}/s  p50 {:.2} ms  p99 {:.2} ms  longest {:.2} ms  refused 0",
            times.len() as f64 / options.seconds,
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
    Ok(())
}

/// Runs the work of all clients. Returns the durations of all pieces, shortest first.
async fn timed<F: Future<Output = Result<()>> + Send + 'static>(
    options: &Options,
    work: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Result<Vec<Duration>> {
    let (began, length) = (Instant::now(), Duration::from_secs_f64(options.seconds));
    let mut clients = JoinSet::new();
    for client in 0..options.clients {
        let work = work.clone();
        clients.spawn(async move {
            let (mut times, mut state) = (vec![], client.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            while began.elapsed() < length {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let began = Instant::now();
                work(usize::try_from(state >> 33)?).await?;
                times.push(began.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut all = vec![];
    while let Some(times) = clients.join_next().await {
        all.extend(times??);
    }
    all.sort();
    ensure!(!all.is_empty(), "nothing was done");
    Ok(all)
}

/// Creates the tenants, each with one row.
async fn tenants(options: &Options, server: &Server) -> Result<Arc<Vec<Ours>>> {
    let mut all = vec![];
    for tenant in 1..=options.databases {
        let ours = server.tenant(Isolation::Database, tenant).await?;
        let session = ours.engine.session(&ours.place, &ours.schema).await?;
        session.write(vec![note(1)?], &WriteOptions::default()).await?;
        all.push(ours);
    }
    Ok(Arc::new(all))
}

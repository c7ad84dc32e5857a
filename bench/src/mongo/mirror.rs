//! The delay of the copy of the catalog: time from the answer of a change until another program finds it on MongoDB.

use anyhow::{Context, Result, anyhow, ensure};
use mongodb::{
    Client, Collection,
    bson::{Document, doc},
};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tenantry::{
    Platform,
    access::Operator,
    apps::demo_config,
    config::{Config, MirrorConfig},
    demo,
    name::{PhysicalName, ServerName, Slug},
    tenants::NewTenant,
};
use tokio::runtime::Runtime;

/// Number of changes.
const CHANGES: u32 = 100;
/// Time between two changes. It is no multiple of the time between two looks of the server.
const BETWEEN: Duration = Duration::from_millis(37);
/// Longest wait for a change.
const PATIENCE: Duration = Duration::from_secs(30);

/// Prints the median and the longest delay.
///
/// # Errors
/// Returns the errors of the server, and an error if a change is not found.
pub(super) fn run(runtime: &Runtime, url: &str) -> Result<()> {
    let (dir, prefix) = (tempfile::tempdir()?, format!("b{:x}m_", std::process::id()));
    let delays = runtime.block_on(delays(dir.path(), url, &prefix))?;
    let (median, longest) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    println!("Mirror     of {CHANGES} changes    median {median:.0?}  longest {longest:.0?}");
    Ok(())
}

/// Returns the delays of all changes in order, the shortest first.
async fn delays(dir: &Path, url: &str, prefix: &str) -> Result<Vec<Duration>> {
    let text = demo_config("valuation").context("the app valuation")?;
    let mut config = Config::parse("bench", text, dir).map_err(|problems| anyhow!("{problems}"))?;
    demo::on_mongodb(&mut config, url, prefix)?;
    let server = config.servers.iter().map(|server| server.name.clone()).find(|name| name.as_str() != "main");
    let server: ServerName = server.context("a server of MongoDB")?;
    config.mirror = Some(MirrorConfig { server, database: PhysicalName::parse("mirror")? });
    let (platform, by) = (Platform::open(config).await?, Operator::new("bench"));
    platform.plans().initialise(&by).await?;
    let slug = Slug::parse("bench-org")?;
    let new = NewTenant { slug: slug.clone(), name: "Bench".into(), email: "bench@example.com".into() };
    platform.tenants().create(&by, new, None, None).await?;
    let client = Client::with_uri_str(url).await?;
    let copied = client.database(&format!("{prefix}mirror")).collection("organizations");
    let background = platform.start_background();
    found(&copied, "active").await?;
    let mut delays = Vec::new();
    for number in 0..CHANGES {
        tokio::time::sleep(BETWEEN).await;
        let wanted = match number % 2 {
            0 => platform.tenants().suspend(&by, &slug, "a reason").await.map(|()| "suspended")?,
            _ => platform.tenants().resume(&by, &slug).await.map(|()| "active")?,
        };
        delays.push(found(&copied, wanted).await?);
    }
    background.stop().await;
    platform.shutdown().await;
    for name in client.list_database_names().await? {
        if name.starts_with(prefix) {
            client.database(&name).drop().await?;
        }
    }
    delays.sort();
    Ok(delays)
}

/// Returns the time until the copy of the tenant has this status.
async fn found(copied: &Collection<Document>, status: &str) -> Result<Duration> {
    let began = Instant::now();
    while copied.find_one(doc! { "status": status }).await?.is_none() {
        ensure!(began.elapsed() < PATIENCE, "the change is not copied");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(began.elapsed())
}

//! Demo data of an installation's apps: shared rows, then tenants with their rows.
//!
//! `tenantry demo` calls it. It uses the same interfaces as real users: the registration operation, entered tenants,
//! records. It leaves tables that have rows alone, so a second run continues the first.

use crate::{
    Error, Platform, Result,
    access::{Actor, Operator, passwords::Password},
    apps::{DemoTable, DemoTenant},
    config::{
        Config, Location, NameTemplate, PostgresConfig, Scope as StoreScope, ServerConfig, ServerLabels,
        UrlSource,
    },
    platform::databases::platform_place,
    records::{ListQuery, Records, Scope},
    tenants::NewTenant,
    topology::placement,
    users::NewOwner,
};
use tenantry_engine::{
    Kind, PostgresUrl,
    name::{PlanName, ServerName, Slug},
    place::{Isolation, Place},
    query::Select,
};

/// Password of every demo account. The demo serves on loopback addresses only.
pub const PASSWORD: &str = "demo-only-password";
/// E-mail address of the demo's superuser.
pub const SUPERUSER: &str = "admin@tenantry.example";

/// A tenant of the demo.
#[derive(Debug, Clone)]
pub struct Company {
    /// Slug of the tenant.
    pub slug: Slug,
    /// Display name of the tenant.
    pub name: String,
    /// E-mail address of the tenant's owner.
    pub email: String,
}

/// Creates the missing demo data, and returns the demo tenants.
///
/// # Errors
/// Returns [`Error::Invalid`] for demo data that cannot be read, and the errors of the verbs that it calls.
pub async fn load(platform: &Platform) -> Result<Vec<Company>> {
    let actor = Operator::new("demo");
    platform.plans().initialise(&actor).await?;
    ensure_superuser(platform, &actor).await?;
    let mut companies = Vec::new();
    for app in platform.apps().list() {
        let demo =
            platform.apps().demo(app.name.as_str()).map_err(|e| Error::invalid("demo", e.to_string()))?;
        let Some(demo) = demo else { continue };
        for table in &demo.shared {
            fill(platform.records(Scope::Staff(&actor), table.model.as_str())?, table).await?;
        }
        for tenant in &demo.tenants {
            ensure_tenant(platform, &actor, tenant).await?;
            let entered = platform.tenants().enter(&actor, &tenant.slug).await?;
            for table in &tenant.tables {
                fill(platform.records(&entered, table.model.as_str())?, table).await?;
            }
            let DemoTenant { slug, name, email, .. } = tenant.clone();
            companies.push(Company { slug, name, email });
        }
    }
    Ok(companies)
}

/// Configures the demo to use a PostgreSQL server, for the tenants' stores in this isolation and for the platform's
/// stores. Database names begin with a prefix derived from the data directory, so a second run continues the first, and
/// demos of several directories can share a server.
///
/// # Errors
/// Returns [`Error::Invalid`] for a URL that cannot be used.
pub fn on_postgres(
    config: &mut Config,
    url: &str,
    tenants: Option<Isolation>,
    platforms: bool,
) -> Result<()> {
    let wrong = |error: tenantry_engine::Error| match error.kind() {
        Kind::Statement(text) => Error::invalid("postgres", text.clone()),
        _ => error.into(),
    };
    PostgresUrl::parse(url).map_err(wrong)?;
    let dir = std::path::absolute(&config.platform.data_dir)
        .map_err(|error| Error::io(config.platform.data_dir.display(), &error))?;
    let hash = blake3::hash(dir.as_os_str().as_encoded_bytes()).to_hex();
    let postgres = PostgresConfig {
        prefix: format!("demo{}_", &hash[..4]),
        ..PostgresConfig::at(UrlSource::Text(url.to_owned()))
    };
    let name = ServerName::parse("postgres")?;
    let location = Location::Postgres(postgres);
    config.servers.push(ServerConfig { name: name.clone(), location, labels: ServerLabels::default() });
    for store in &mut config.stores {
        match (store.scope, tenants) {
            (StoreScope::Tenant, Some(isolation)) => {
                store.servers = vec![name.clone()];
                store.isolation = isolation;
                store.template = NameTemplate::default_for(&store.name, StoreScope::Tenant, isolation);
            }
            (StoreScope::System, _) if platforms => store.servers = vec![name.clone()],
            _ => {}
        }
    }
    Ok(())
}

/// Removes every database of the demo, and the data directory. Returns the number of tenant databases removed.
///
/// # Errors
/// Returns the errors of the servers. Databases that are removed by then stay removed; a repeated call removes the
/// rest.
pub async fn remove(platform: Platform) -> Result<usize> {
    let data_dir = platform.config().platform.data_dir.clone();
    let databases = platform.loaded().databases.clone();
    let places = placement::of_all_states(&mut platform.control().snapshot().await?).await?;
    for place in &places {
        databases.purge(place).await?;
    }
    let mut pools: Vec<Place> = places.iter().filter(|place| place.isolation.is_pooled()).cloned().collect();
    pools.extend(places_of_pools(platform.config())?);
    for pool in &pools {
        databases.engine().drop_database(&Place { tenant: None, generation: 1, ..pool.clone() }).await?;
    }
    let own = platform.config().stores_of(StoreScope::System).map(platform_place);
    let own = own.collect::<Result<Vec<_>>>()?;
    platform.shutdown().await;
    drop(platform);
    // Removes the catalog last: without it, a repeated call would not know what is left.
    for store in own.iter().rev() {
        databases.engine().drop_database(store).await?;
    }
    for server in databases.engine().servers() {
        databases.engine().leave(&server).await?;
    }
    std::fs::remove_dir_all(&data_dir).map_err(|error| Error::io(data_dir.display(), &error))?;
    Ok(places.len())
}

/// Returns the pools of all stores that the configuration sets to `pooled`.
fn places_of_pools(config: &Config) -> Result<Vec<Place>> {
    let pooled = config.stores_of(StoreScope::Tenant).filter(|store| store.isolation.is_pooled());
    pooled.map(platform_place).collect()
}

async fn ensure_superuser(platform: &Platform, actor: &Actor) -> Result<()> {
    match platform.users().by_email(actor, SUPERUSER).await {
        Err(Error::NotFound(_)) => {
            platform.users().create_superuser(actor, SUPERUSER, password()).await.map(drop)
        }
        known => known.map(drop),
    }
}

async fn ensure_tenant(platform: &Platform, actor: &Actor, tenant: &DemoTenant) -> Result<()> {
    match platform.tenants().show(&tenant.slug).await {
        Ok(_) => return Ok(()),
        Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    let new = NewTenant { slug: tenant.slug.clone(), name: tenant.name.clone(), email: tenant.email.clone() };
    let owner = NewOwner { email: tenant.email.clone(), name: tenant.owner.clone(), password: password() };
    // A configuration made by `init` has its own plans; the tenant then gets the default plan.
    let is_there = |plan: &&PlanName| platform.config().plans.iter().any(|known| known.name == **plan);
    let plan = tenant.plan.as_ref().filter(is_there).map(PlanName::as_str);
    platform.tenants().create(actor, new, plan, Some(owner)).await.map(drop)
}

/// Inserts the rows of a table unless it already has rows.
async fn fill(records: Records<'_>, table: &DemoTable) -> Result<()> {
    let one = ListQuery { select: Select { limit: 1, ..Select::default() }, ..ListQuery::default() };
    if records.list(&one).await?.items.is_empty() {
        records.insert_all(table.rows.clone()).await?;
    }
    Ok(())
}

fn password() -> Password {
    Password::new(PASSWORD)
}

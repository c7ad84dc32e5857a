//! The demo on a database server: how its stores are placed there, and how everything is removed again.

use crate::{
    Error, Platform, Result,
    config::{
        Config, Location, MongoConfig, NameTemplate, PostgresConfig, Scope as StoreScope, ServerConfig,
        ServerLabels, StoreConfig, UrlSource,
    },
    platform::databases::platform_place,
    topology::placement,
};
use tenantry_engine::{
    Kind, PostgresUrl,
    name::ServerName,
    place::{Isolation, Place},
};

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
                // On PostgreSQL, a pool is a schema of its own.
                let isolation = match store.pooled_in.take() {
                    Some(_) => Isolation::Pooled,
                    None => isolation,
                };
                store.isolation = isolation;
                store.template = NameTemplate::default_for(&store.name, StoreScope::Tenant, isolation);
            }
            (StoreScope::System, _) if platforms => store.servers = vec![name.clone()],
            _ => {}
        }
    }
    Ok(())
}

/// Configures the demo to use a MongoDB deployment, for the stores of tenants and the shared ones. The catalog stays on
/// SQLite. Databases are called as the configuration says, after `prefix`.
///
/// # Errors
/// Returns [`Error::Invalid`] for a URL that is none of MongoDB.
pub fn on_mongodb(config: &mut Config, url: &str, prefix: &str) -> Result<()> {
    if !url.starts_with("mongodb://") {
        let why = "must name the members of a replica set: mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME";
        return Err(Error::invalid("mongodb", why));
    }
    let name = ServerName::parse("mongo")?;
    let mongo = MongoConfig { prefix: prefix.to_owned(), ..MongoConfig::at(UrlSource::Text(url.to_owned())) };
    let (location, labels) = (Location::Mongo(mongo), ServerLabels::default());
    config.servers.push(ServerConfig { name: name.clone(), location, labels });
    let is_control = |store: &StoreConfig| store.name.as_str() == "control";
    for store in config.stores.iter_mut().filter(|store| !is_control(store)) {
        store.servers = vec![name.clone()];
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

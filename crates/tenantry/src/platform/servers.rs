//! Converts the servers of the configuration for the engine: creates directories, and reads URLs and their passwords.
//!
//! Opening an installation calls this. It connects to nothing, because an unreachable server must not stop the others.

use super::data_dir::make_dir;
use crate::{
    Error, Result,
    config::{Config, Location, MongoConfig, PostgresConfig, ReplicaConfig, ServerConfig, same_names},
};
use std::time::Duration;
use tenantry_engine::{
    ConnectionLimits, Kind, PostgresOptions, PostgresUrl, ReplicaOptions, Replication, ServerSpec,
};

/// Returns the servers, in the order of the configuration.
///
/// # Errors
/// Returns [`Error::Invalid`] for a URL that cannot be read, or two servers that would use the same names; the text
/// contains no part of a URL.
pub(super) fn specs(config: &Config) -> Result<Vec<ServerSpec>> {
    let mut urls = Vec::new();
    for server in &config.servers {
        if let Location::Postgres(postgres) = &server.location {
            let parsed = PostgresUrl::parse(&url(server, postgres)?);
            let parsed = parsed.map_err(|error| wrong(server, &said(&error)))?;
            urls.push((&server.name, postgres.prefix.as_str(), parsed));
        }
    }
    if let Some((name, text)) = same_names(urls).into_iter().next() {
        return Err(Error::invalid(format!("servers.{name}.prefix"), text));
    }
    // A statement that gets no connection by its deadline is refused.
    let wait = Duration::from_millis(config.limits.statement_deadline_ms);
    config.servers.iter().map(|server| spec(server, wait)).collect()
}

fn spec(server: &ServerConfig, wait: Duration) -> Result<ServerSpec> {
    match &server.location {
        Location::Sqlite(path) => {
            make_dir(path)?;
            Ok(ServerSpec::sqlite(server.name.clone(), path.clone()))
        }
        Location::Postgres(postgres) => {
            let connections = limits(postgres, postgres.most_connections, wait);
            let (url, prefix, prepares) = (url(server, postgres)?, postgres.prefix.clone(), !postgres.pooler);
            let join_url = postgres.join_url.clone();
            let options = PostgresOptions { url, prefix, connections, prepares, join_url, sole: None };
            let replicas = postgres.replicas.iter().map(|of| replica(server, postgres, of));
            let replication =
                Replication { lag: postgres.replica_lag, replicas: replicas.collect::<Result<_>>()? };
            Ok(ServerSpec::replicated(server.name.clone(), options, replication))
        }
        Location::Mongo(at) => mongo(server, at),
    }
}

#[cfg(feature = "mongodb")]
fn mongo(server: &ServerConfig, at: &MongoConfig) -> Result<ServerSpec> {
    let (prefix, most_connections) = (at.prefix.clone(), at.most_connections);
    let url = at.url.read().map_err(|why| wrong(server, &why))?;
    let options = tenantry_engine::MongoOptions { url, prefix, most_connections };
    Ok(ServerSpec::mongo(server.name.clone(), options))
}

#[cfg(not(feature = "mongodb"))]
fn mongo(server: &ServerConfig, _: &MongoConfig) -> Result<ServerSpec> {
    let why = "this program was built without MongoDB: build it with --features mongodb";
    Err(Error::invalid(format!("servers.{}.engine", server.name), why))
}

/// Time that a read waits for a connection to a replica before it goes to the primary.
const REPLICA_WAIT: Duration = Duration::from_millis(500);

fn replica(server: &ServerConfig, postgres: &PostgresConfig, of: &ReplicaConfig) -> Result<ReplicaOptions> {
    let refused =
        |why: &str| Error::invalid(format!("servers.{}.replicas.{}.url", server.name, of.name), why);
    let url = of.url.read().map_err(|why| refused(&why))?;
    PostgresUrl::parse(&url).map_err(|error| refused(&said(&error)))?;
    let connections =
        limits(postgres, of.most_connections.unwrap_or(postgres.most_connections), REPLICA_WAIT);
    Ok(ReplicaOptions { name: of.name.clone(), url, connections })
}

fn limits(postgres: &PostgresConfig, most: usize, wait: Duration) -> ConnectionLimits {
    let share = postgres.per_database_connections.unwrap_or(most * 3 / 4).clamp(1, most);
    ConnectionLimits { most, per_database: share, idle: postgres.idle, wait }
}

fn url(server: &ServerConfig, postgres: &PostgresConfig) -> Result<String> {
    postgres.url.read().map_err(|why| wrong(server, &why))
}

fn wrong(server: &ServerConfig, why: &str) -> Error {
    Error::invalid(format!("servers.{}.url", server.name), why)
}

/// Returns what is wrong with a URL.
fn said(error: &tenantry_engine::Error) -> String {
    match error.kind() {
        Kind::Statement(text) => text.clone(),
        _ => error.to_string(),
    }
}

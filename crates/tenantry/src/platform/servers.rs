//! The servers of the configuration as the engine takes them: directories are made, and URLs with passwords read.
//!
//! Called when an installation is opened. Connects to nothing: a server that is away must not stop the others.

use super::data_dir::make_dir;
use crate::{
    Error, Result,
    config::{Config, Location, PostgresConfig, ServerConfig, same_names},
};
use tenantry_engine::{Kind, PostgresUrl, ServerSpec};

/// Returns the servers, in the order of the configuration.
///
/// # Errors
/// [`Error::Invalid`] for a URL that cannot be read, or two servers that would use the same names; the text contains no
/// part of a URL.
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
    config.servers.iter().map(spec).collect()
}

fn spec(server: &ServerConfig) -> Result<ServerSpec> {
    match &server.location {
        Location::Sqlite(path) => {
            make_dir(path)?;
            Ok(ServerSpec::sqlite(server.name.clone(), path.clone()))
        }
        Location::Postgres(_) => Err(wrong(server, "this version has no databases on PostgreSQL yet")),
    }
}

fn url(server: &ServerConfig, postgres: &PostgresConfig) -> Result<String> {
    postgres.read_url().map_err(|why| wrong(server, &why))
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

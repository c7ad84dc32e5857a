//! `tenantry server …`: the database servers of the configuration.

use crate::{
    cli::{args::Whole, setup::Place, table, user::operator},
    wire::database_server::DatabaseServer as Shown,
};
use anyhow::Result;
use clap::Subcommand;
use std::process::ExitCode;
use tenantry::DatabaseServer;

/// Verbs of `tenantry server`.
#[derive(Debug, Subcommand)]
pub(crate) enum Server {
    /// List the database servers with their labels, the databases on them and their free space.
    List(Whole),
}

/// Runs a verb on the database servers.
pub(in crate::cli) async fn run(place: &Place, verb: &Server) -> Result<ExitCode> {
    match verb {
        Server::List(whole) => list(place, whole.json).await,
    }
}

async fn list(place: &Place, json: bool) -> Result<ExitCode> {
    let servers = place.reading().await?.database_servers(&operator()).await?;
    if json {
        return table::all::<Shown>(servers);
    }
    let row = |server: DatabaseServer| {
        vec![
            server.name.to_string(),
            server.engine.as_str().to_owned(),
            server.labels.to_string(),
            server.places.to_string(),
            server.free_bytes.map_or_else(|| "?".to_owned(), table::bytes),
        ]
    };
    table::print(&["name", "engine", "labels", "places", "free"], servers.into_iter().map(row));
    Ok(ExitCode::SUCCESS)
}

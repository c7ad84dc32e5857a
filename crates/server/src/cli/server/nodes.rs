//! `tenantry node …`: the servers of an installation on several hosts.

use crate::{
    cli::{
        args::Whole,
        setup::Place,
        table::{self, at_second},
        user::operator,
    },
    wire::node::Node as Shown,
};
use anyhow::Result;
use clap::Subcommand;
use std::process::ExitCode;

/// Verbs of `tenantry node`.
#[derive(Debug, Subcommand)]
pub(crate) enum Node {
    /// List the servers, the longest serving first.
    List(Whole),
}

/// Runs a verb on the servers.
pub(in crate::cli) async fn run(place: &Place, verb: &Node) -> Result<ExitCode> {
    match verb {
        Node::List(whole) => list(place, whole.json).await,
    }
}

async fn list(place: &Place, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let nodes = platform.nodes().list(&operator()).await?;
    if json {
        return table::all::<Shown>(nodes.unwrap_or_default());
    }
    let Some(nodes) = nodes else {
        say!(
            "the control store is a file: only processes of this host serve the installation, and none is listed"
        );
        return Ok(ExitCode::SUCCESS);
    };
    let header = ["name", "since", "last heartbeat", "version", "servers"];
    let row = |node: tenantry::Node| {
        vec![
            node.name,
            at_second(node.since_us),
            at_second(node.seen_us),
            node.version,
            node.servers.join(", "),
        ]
    };
    table::print(&header, nodes.into_iter().map(row));
    Ok(ExitCode::SUCCESS)
}

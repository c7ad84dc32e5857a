//! The fleet map: where all tenants are, how large and how well.

use crate::wire::plan::labels;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use tenantry::tenants::map::{Cell, FleetMap, Moving, ServerCells};

answers! {
    /// Where all tenants are. Read from the catalog: no database is opened.
    struct Fleet from map: FleetMap {
        /// True if there are more than 3,000 placements: then tenants are only counted.
        is_aggregated: bool = map.is_aggregated,
        servers: Vec<FleetServer> = map.servers.into_iter().map(FleetServer::from).collect(),
        /// Moves that are not over.
        moves: Vec<FleetMove> = map.moves.into_iter().map(FleetMove::from).collect(),
    }

    /// A move that is not over.
    struct FleetMove from one: Moving {
        /// Id of the operation.
        operation: i64 = one.operation,
        /// Slug of the tenant.
        tenant: String = one.slug,
        /// Server that the tenant leaves.
        from: String = one.from,
        /// Server that the tenant goes to.
        to: String = one.to,
    }

    /// A tenant on a server.
    struct FleetTenant from cell: Cell {
        slug: String = cell.slug.to_string(),
        name: String = cell.name,
        /// The most serious of what is known: `fine`, `closed`, `no_backup`, `schema` (not that of the loaded apps) or
        /// `failed` (its last migration).
        health: &'static str = cell.health.as_str(),
        /// Bytes of its newest good backup.
        backup_bytes: Option<u64> = cell.bytes,
    }
}

/// A server with its tenants.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FleetServer {
    name: String,
    /// Labels by which plans choose the server.
    labels: BTreeMap<String, String>,
    /// Number of tenants by health. Where tenants are only counted, missing backups are not told.
    health: BTreeMap<&'static str, u64>,
    /// The tenants. Empty if there are too many.
    tenants: Vec<FleetTenant>,
}

impl From<ServerCells> for FleetServer {
    fn from(server: ServerCells) -> Self {
        Self {
            name: server.server,
            labels: labels(&server.labels),
            health: server.counts.into_iter().map(|(health, count)| (health.as_str(), count)).collect(),
            tenants: server.cells.into_iter().map(FleetTenant::from).collect(),
        }
    }
}

//! The fleet map: location, size and health of all tenants. It reads only the catalog and opens no database.
//!
//! The staff API and pages call it. Sizes are those of the newest good backup, because the catalog has no other sizes.

use super::{State, Tenants};
use crate::{Error, Result, access::Actor, config::ServerLabels, control::params};
use std::collections::{BTreeMap, HashMap};
use tenantry_engine::{SqlRow, Tx, name::Slug};

/// Maximum number of placements that are listed one by one. If there are more, tenants are only counted.
pub const MOST_CELLS: u64 = 3_000;

/// Location, size and health of all tenants.
#[derive(Debug, Clone, Default)]
pub struct FleetMap {
    /// Servers with their tenants, ordered by name. Servers without tenants are left out.
    pub servers: Vec<ServerCells>,
    /// True if there are too many tenants to list, so that they are only counted.
    pub is_aggregated: bool,
    /// Moves that have not ended.
    pub moves: Vec<Moving>,
}

/// A server with its tenants.
#[derive(Debug, Clone, Default)]
pub struct ServerCells {
    /// Name of the server.
    pub server: String,
    /// Labels of the server. Empty for a server that is not in the configuration.
    pub labels: ServerLabels,
    /// Number of tenants by health.
    pub counts: BTreeMap<Health, u64>,
    /// Tenants, ordered by id. Empty if tenants are only counted.
    pub cells: Vec<Cell>,
}

/// A tenant on a server.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Slug of the tenant.
    pub slug: Slug,
    /// Display name of the tenant.
    pub name: String,
    /// Most serious finding about the tenant on this server.
    pub health: Health,
    /// Size of the tenant's newest good backup in bytes; `None` without a good backup.
    pub bytes: Option<u64>,
}

/// A move that has not ended.
#[derive(Debug, Clone)]
pub struct Moving {
    /// Id of the operation.
    pub operation: i64,
    /// Slug of the tenant.
    pub slug: String,
    /// Server that the tenant leaves.
    pub from: String,
    /// Server to which the tenant moves.
    pub to: String,
}

/// Health of a tenant on a server. The most serious finding is last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Nothing is wrong.
    Fine,
    /// The tenant is being created, suspended, in maintenance, cancelled or being purged.
    Closed,
    /// The tenant has no good backup. Not reported if tenants are only counted.
    NoBackup,
    /// The schema of the tenant's database is not that of the loaded apps.
    Schema,
    /// The last migration of the tenant's database failed.
    Failed,
}

impl Health {
    /// All values, the most serious last.
    pub const ALL: [Self; 5] = [Self::Fine, Self::Closed, Self::NoBackup, Self::Schema, Self::Failed];

    /// Returns the name of the health in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Closed => "closed",
            Self::NoBackup => "no_backup",
            Self::Schema => "schema",
            Self::Failed => "failed",
        }
    }
}

impl ServerCells {
    /// Returns the number of tenants on the server.
    pub fn tenants(&self) -> u64 {
        self.counts.values().sum()
    }
}

impl Tenants<'_> {
    /// Returns location, size and health of all tenants. Lists them one by one if there are at most [`MOST_CELLS`]
    /// placements.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn map(&self, actor: &Actor) -> Result<FleetMap> {
        actor.require_staff()?;
        let apps = self.platform.apps();
        let versions: HashMap<&str, &str> =
            apps.stores().iter().map(|schema| (schema.store.as_str(), schema.fingerprint.as_str())).collect();
        let mut tx = self.platform.control().snapshot().await?;
        let count = "SELECT count(*) FROM placements WHERE state IN ('planned', 'ready')";
        let places = u64::try_from(crate::users::count(&mut tx, count, &[]).await?).unwrap_or(0);
        let is_aggregated = places > MOST_CELLS;
        let mut servers = match is_aggregated {
            true => counted(&mut tx, &versions).await?,
            false => listed(&mut tx, &versions).await?,
        };
        for server in &mut servers {
            let known = self.platform.config().server(&server.server);
            server.labels = known.map(|known| known.labels.clone()).unwrap_or_default();
        }
        Ok(FleetMap { servers, is_aggregated, moves: moves(&mut tx).await? })
    }
}

/// Returns the health that a placement shows. From column `first` on, the row has the state and the maintenance of the
/// tenant, then store, provision, schema version and migration error of the placement.
fn health(row: &SqlRow, first: usize, versions: &HashMap<&str, &str>) -> Result<Health> {
    let (state, is_closed) = (State::parse(row.text(first)?)?, row.integer(first + 1)? != 0);
    let (store, provision) = (row.text(first + 2)?, row.text(first + 3)?);
    let is_current = versions.get(store).copied() == row.opt_text(first + 4)?;
    Ok(match (state, row.integer(first + 5)? != 0) {
        (_, true) => Health::Failed,
        (State::Active | State::Suspended, _) if !is_current && provision != "external" => Health::Schema,
        (State::Active, _) if !is_closed => Health::Fine,
        _ => Health::Closed,
    })
}

const FACTS: &str = "t.state, CASE WHEN t.maintenance IS NULL THEN 0 ELSE 1 END, p.store, p.provision, \
    p.schema_version, CASE WHEN p.migration_error IS NULL THEN 0 ELSE 1 END";

async fn listed(tx: &mut Tx, versions: &HashMap<&str, &str>) -> Result<Vec<ServerCells>> {
    let sql = format!(
        "SELECT p.server, t.id, t.slug, t.name, (SELECT b.bytes FROM backups b WHERE b.tenant = t.id \
         AND b.state = 'good' ORDER BY b.at DESC LIMIT 1), {FACTS} FROM placements p \
         JOIN tenants t ON t.id = p.tenant WHERE p.state IN ('planned', 'ready') ORDER BY p.server, t.id"
    );
    let mut servers: Vec<ServerCells> = vec![];
    let mut last = 0;
    for row in tx.query(&sql, &[]).await? {
        let (server, id) = (row.text(0)?, row.integer(1)?);
        if servers.last().is_none_or(|known| known.server != server) {
            servers.push(ServerCells { server: server.to_owned(), ..ServerCells::default() });
            last = 0;
        }
        let Some(known) = servers.last_mut() else { continue };
        let bytes = row.opt_integer(4)?.and_then(|bytes| u64::try_from(bytes).ok());
        let health = match health(&row, 5, versions)? {
            Health::Fine if bytes.is_none() => Health::NoBackup,
            health => health,
        };
        match known.cells.last_mut().filter(|_| last == id) {
            // This is another store of the same tenant.
            Some(cell) => cell.health = cell.health.max(health),
            None => known.cells.push(Cell {
                slug: Slug::parse(row.text(2)?)?,
                name: row.text(3)?.to_owned(),
                health,
                bytes,
            }),
        }
        last = id;
    }
    for server in &mut servers {
        for cell in &server.cells {
            *server.counts.entry(cell.health).or_default() += 1;
        }
    }
    Ok(servers)
}

async fn counted(tx: &mut Tx, versions: &HashMap<&str, &str>) -> Result<Vec<ServerCells>> {
    let sql = format!(
        "SELECT p.server, count(DISTINCT p.tenant), {FACTS} FROM placements p JOIN tenants t ON t.id = p.tenant \
         WHERE p.state IN ('planned', 'ready') GROUP BY p.server, {FACTS} ORDER BY p.server"
    );
    let mut servers: Vec<ServerCells> = vec![];
    for row in tx.query(&sql, &[]).await? {
        let server = row.text(0)?;
        if servers.last().is_none_or(|known| known.server != server) {
            servers.push(ServerCells { server: server.to_owned(), ..ServerCells::default() });
        }
        let Some(known) = servers.last_mut() else { continue };
        let count = u64::try_from(row.integer(1)?).unwrap_or(0);
        *known.counts.entry(health(&row, 2, versions)?).or_default() += count;
    }
    Ok(servers)
}

/// Returns the moves that have not ended and have a staged placement on their target.
async fn moves(tx: &mut Tx) -> Result<Vec<Moving>> {
    let sql = "SELECT o.id, t.slug, p.server, b.server FROM operations o JOIN tenants t ON t.id = o.tenant \
        JOIN placements p ON p.tenant = o.tenant AND p.state = 'ready' \
        JOIN placements b ON b.tenant = o.tenant AND b.store = p.store AND b.state = 'beside' \
        WHERE o.kind = ? AND o.state IN ('running', 'unwinding') ORDER BY o.id LIMIT 100";
    let read = |row: &SqlRow| {
        let text = |at| Ok::<_, Error>(row.text(at)?.to_owned());
        Ok(Moving { operation: row.integer(0)?, slug: text(1)?, from: text(2)?, to: text(3)? })
    };
    tx.query(sql, params!["move"]).await?.iter().map(read).collect()
}

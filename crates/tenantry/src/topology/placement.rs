//! Rows of the catalog that record the place of each (tenant, store): the only source of routing (`catalog-placement`).
//!
//! `record` writes the rows; topology and the reconcilers read them. A row names exactly one place, and no alternative.

use crate::{
    Error, Result,
    control::{Control, params},
};
use tenantry_engine::{
    SqlRow, Tx,
    name::{PhysicalName, ServerName, StoreName, TenantId},
    place::{Isolation, Place},
};

/// Indicates who creates the database: the platform or the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The platform creates the database when the tenant is created.
    Managed,
    /// The tenant creates the database; the platform only uses it.
    External,
    /// The platform creates the database when the tenant first needs it.
    OnDemand,
}

impl Policy {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::External => "external",
            Self::OnDemand => "on_demand",
        }
    }
}

/// State of a placement's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementState {
    /// Name and server are decided, but the database does not exist yet.
    Planned,
    /// The database is in use.
    Ready,
    /// The database is a staged copy, restored or moved but not swapped in. No request is routed to it.
    #[serde(rename = "beside")]
    Staged,
    /// The database was in use before a swap. It is fenced, and retained until it is released.
    #[serde(rename = "kept")]
    Retained,
}

impl PlacementState {
    /// Returns the name of the state in the catalog and for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Ready => "ready",
            Self::Staged => "beside",
            Self::Retained => "kept",
        }
    }
}

/// A placement whose database is planned or exists.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Placement {
    /// Place that the engine opens.
    pub place: Place,
    /// Indicates who creates the database: the platform or the tenant.
    pub policy: Policy,
    /// Database name without generation, from the configuration's template.
    pub base: String,
    /// State of the database.
    pub state: PlacementState,
    /// Fingerprint of the applied migrations; `None` if no migration is applied.
    pub schema_version: Option<String>,
    /// Reason why the last migration of this database failed; `None` if it did not fail.
    pub migration_error: Option<String>,
    /// For a retained placement: time from which its database may be removed, in microseconds; `None` if an operator
    /// must release it first.
    pub until_us: Option<i64>,
    /// For a retained placement: time since when it is out of use, in microseconds; `None` if it was never in use.
    #[serde(rename = "kept_at_us")]
    pub retained_at_us: Option<i64>,
}

/// A placement to record, from configuration and policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewPlacement {
    /// Name of the store in the configuration.
    pub store: StoreName,
    /// Server on which the database is.
    pub server: ServerName,
    /// Isolation of the rows: in a pool, or in the tenant's own schema or database.
    pub isolation: Isolation,
    /// Indicates who creates the database: the platform or the tenant.
    pub policy: Policy,
    /// Name of the database. For pooled and external placements, it is the exact name of the existing database.
    pub base: PhysicalName,
    /// Whether the generation is always appended to the name of the tenant's own schema or database. Otherwise it is
    /// appended only if the name was used before on the server, so that no name is ever used twice.
    #[serde(default = "numbered")]
    pub numbered: bool,
}

/// Placements in journals of earlier versions always have a number.
fn numbered() -> bool {
    true
}

impl NewPlacement {
    /// Returns the placement with this policy.
    pub(crate) fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Returns the placement for a new tenant that is created from a copy. The platform creates its database, even if
    /// the copied database is external, so the platform can move and remove it.
    pub(crate) fn of_copy(&self) -> Self {
        let policy = if self.policy == Policy::External { Policy::Managed } else { self.policy };
        Self { policy, ..self.clone() }
    }
}

pub(crate) const COLUMNS: &str = "tenant, store, server, isolation, provision, base, physical, generation, state, \
    schema_version, migration_error, until, kept_at";

pub(crate) fn read(r: &SqlRow) -> Result<(TenantId, Placement)> {
    let tenant = TenantId::from_raw(r.integer(0)?);
    let unknown = |what: &str| Error::Internal(format!("placement of tenant {tenant}: unknown {what}"));
    let isolation = Isolation::parse(r.text(3)?).map_err(|_| unknown("isolation"))?;
    let policies = [Policy::Managed, Policy::External, Policy::OnDemand];
    let policy_text = r.text(4)?;
    use PlacementState::{Planned, Ready, Retained, Staged};
    let state_text = r.text(8)?;
    let state = [Planned, Ready, Staged, Retained].into_iter().find(|s| s.as_str() == state_text);
    let place = Place {
        server: ServerName::parse(r.text(2)?)?,
        store: StoreName::parse(r.text(1)?)?,
        isolation,
        physical: PhysicalName::parse(r.text(6)?)?,
        tenant: Some(tenant),
        generation: u64::try_from(r.integer(7)?).map_err(|_| unknown("generation"))?,
    };
    let placement = Placement {
        place,
        policy: policies.into_iter().find(|p| p.as_str() == policy_text).ok_or_else(|| unknown("policy"))?,
        base: r.text(5)?.to_owned(),
        state: state.ok_or_else(|| unknown("state"))?,
        schema_version: r.opt_text(9)?.map(Into::into),
        migration_error: r.opt_text(10)?.map(Into::into),
        until_us: r.opt_integer(11)?,
        retained_at_us: r.opt_integer(12)?,
    };
    Ok((tenant, placement))
}

/// Returns a tenant's placements that are planned or in use, ordered by store.
///
/// # Errors
/// Returns the errors of the control store.
pub async fn of_tenant(tx: &mut Tx, tenant: TenantId) -> Result<Vec<Placement>> {
    Ok(of_range(tx, tenant, tenant).await?.into_iter().map(|(_, placement)| placement).collect())
}

/// Returns the placements of several tenants that are planned or in use, ordered by tenant.
pub(crate) async fn of_tenants(tx: &mut Tx, tenants: &[TenantId]) -> Result<Vec<(TenantId, Placement)>> {
    if tenants.is_empty() {
        return Ok(Vec::new());
    }
    let marks = vec!["?"; tenants.len()].join(", ");
    let sql = format!(
        "SELECT {COLUMNS} FROM placements WHERE tenant IN ({marks}) AND state IN ('planned', 'ready') ORDER BY tenant, store"
    );
    let values: Vec<_> = tenants.iter().map(|tenant| tenant.get().into()).collect();
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

/// Returns the placements that are planned or in use of tenants with ids from `first` to `last`, ordered by tenant.
pub(crate) async fn of_range(
    tx: &mut Tx,
    first: TenantId,
    last: TenantId,
) -> Result<Vec<(TenantId, Placement)>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM placements WHERE tenant BETWEEN ? AND ? AND state IN ('planned', 'ready') ORDER BY tenant, store"
    );
    tx.query(&sql, params![first.get(), last.get()]).await?.iter().map(read).collect()
}

/// Returns every place that has or may have a database: in use, planned, staged or retained.
pub(crate) async fn of_all_states(tx: &mut Tx) -> Result<Vec<Place>> {
    let sql = format!("SELECT {COLUMNS} FROM placements WHERE state <> 'gone' ORDER BY tenant, generation");
    tx.query(&sql, &[]).await?.iter().map(|row| Ok(read(row)?.1.place)).collect()
}

/// Returns every place of a store that is in use, for checks that must read all of them.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn places_of_store(control: &Control, store: &StoreName) -> Result<Vec<Place>> {
    let mut tx = control.snapshot().await?;
    let sql = format!("SELECT {COLUMNS} FROM placements WHERE store = ? AND state = 'ready' ORDER BY tenant");
    let rows = tx.query(&sql, params![store.as_str()]).await?;
    rows.iter().map(|r| Ok(read(r)?.1.place)).collect()
}

/// Returns the server of `servers` with the fewest databases in use or planned; of several, the first.
///
/// # Errors
/// Returns [`Error::NotFound`] if `servers` is empty.
pub async fn emptiest(control: &Control, servers: &[ServerName]) -> Result<ServerName> {
    let mut tx = control.snapshot().await?;
    let mut best: Option<(i64, &ServerName)> = None;
    for server in servers {
        let sql =
            "SELECT count(*) FROM placements WHERE server = ? AND isolation <> 'pooled' AND state <> 'gone'";
        let databases = crate::users::count(&mut tx, sql, params![server.as_str()]).await?;
        if best.is_none_or(|(least, _)| databases < least) {
            best = Some((databases, server));
        }
    }
    best.map(|(_, server)| server.clone()).ok_or(Error::NotFound("server"))
}

//! Rows of the catalog that say where each (tenant, store) lies: the only source of routing (rule 3).
//!
//! Written by operations and migration runs, read by topology and the reconcilers. A row outlives
//! its database, so that no name is ever given to other contents (rule 6).

use crate::{
    Error, Result,
    control::{Control, Write, params},
};
use tenantry_engine::{
    SqlRow, Tx,
    name::{PhysicalName, ServerName, StoreName, TenantId},
    place::{Isolation, Place},
};

/// Who makes the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The platform, when the tenant is created.
    Managed,
    /// Somebody else; the platform only uses it (F3).
    External,
    /// The platform, when the tenant first needs it (V3).
    OnDemand,
}

impl Policy {
    fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::External => "external",
            Self::OnDemand => "on_demand",
        }
    }
}

/// Whether there is a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementState {
    /// Name and server are decided; there is no database yet.
    Planned,
    /// In use.
    Ready,
}

/// A placement that is planned or in use.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Placement {
    /// What the engine opens.
    pub place: Place,
    /// Who makes it.
    pub policy: Policy,
    /// The human name, as the configuration's template gave it.
    pub base: String,
    /// Whether there is a database.
    pub state: PlacementState,
    /// Fingerprint of the applied migrations; none: none applied.
    pub schema_version: Option<String>,
    /// Why the last migration failed here; none: it did not.
    pub migration_error: Option<String>,
}

/// A placement to be recorded: what configuration and policy decided.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewPlacement {
    /// Store of the configuration.
    pub store: StoreName,
    /// Server it goes to.
    pub server: ServerName,
    /// Pooled or a database of its own.
    pub isolation: Isolation,
    /// Who makes it.
    pub policy: Policy,
    /// Own database: the human name, to which the generation is appended. Pooled and external: the
    /// exact name of the database that exists.
    pub base: PhysicalName,
}

pub(super) const COLUMNS: &str = "tenant, store, server, isolation, provision, base, physical, generation, state, \
    schema_version, migration_error";

pub(super) fn read(r: &SqlRow) -> Result<(TenantId, Placement)> {
    let tenant = TenantId::from_raw(r.integer(0)?);
    let unknown = |what: &str| Error::Internal(format!("placement of tenant {tenant}: unknown {what}"));
    let isolation = match r.text(3)? {
        "pooled" => Isolation::Pooled,
        "database" => Isolation::Database,
        _ => return Err(unknown("isolation")),
    };
    let policies = [Policy::Managed, Policy::External, Policy::OnDemand];
    let policy_text = r.text(4)?;
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
        state: if r.text(8)? == "ready" { PlacementState::Ready } else { PlacementState::Planned },
        schema_version: r.opt_text(9)?.map(Into::into),
        migration_error: r.opt_text(10)?.map(Into::into),
    };
    Ok((tenant, placement))
}

/// Records a planned placement. The generation is one more than any this name has ever had, also on
/// placements that are gone: neither name nor generation comes twice.
pub(crate) async fn insert(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<Place> {
    let generation = match new.isolation {
        Isolation::Pooled => {
            last_generation(write, "tenant = ? AND store = ?", params![tenant.get(), new.store.as_str()])
                .await?
                + 1
        }
        Isolation::Database => {
            last_generation(
                write,
                "server = ? AND base = ? AND isolation = 'database'",
                params![new.server.as_str(), new.base.as_str()],
            )
            .await?
                + 1
        }
    };
    let own = new.isolation == Isolation::Database && new.policy != Policy::External;
    let physical = if own { format!("{}_{generation}", new.base) } else { new.base.to_string() };
    let physical = PhysicalName::parse(&physical)?;
    let isolation = if new.isolation == Isolation::Pooled { "pooled" } else { "database" };
    let sql = "INSERT INTO placements (tenant, store, server, isolation, provision, base, physical, generation, \
        state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'planned')";
    let values = params![
        tenant.get(),
        new.store.as_str(),
        new.server.as_str(),
        isolation,
        new.policy.as_str(),
        new.base.as_str(),
        physical.as_str(),
        generation
    ];
    write.execute(sql, values).await?;
    Ok(Place {
        server: new.server.clone(),
        store: new.store.clone(),
        isolation: new.isolation,
        physical,
        tenant: Some(tenant),
        generation: u64::try_from(generation).unwrap_or(1),
    })
}

async fn last_generation(
    write: &mut Write,
    condition: &str,
    values: &[tenantry_engine::value::Value],
) -> Result<i64> {
    let sql = format!("SELECT coalesce(max(generation), 0) FROM placements WHERE {condition}");
    crate::users::count(write, &sql, values).await
}

/// The database is there and carries this schema version. Idempotent.
pub(crate) async fn set_ready(write: &mut Write, place: &Place, schema_version: Option<&str>) -> Result<()> {
    let sql = "UPDATE placements SET state = 'ready', schema_version = ? \
        WHERE tenant = ? AND store = ? AND generation = ? AND state <> 'gone'";
    let (tenant, generation) = key(place);
    write
        .execute(sql, params![schema_version.map(str::to_owned), tenant, place.store.as_str(), generation])
        .await?;
    Ok(())
}

/// The database is gone; its name stays taken. Idempotent.
pub(crate) async fn set_gone(write: &mut Write, place: &Place) -> Result<()> {
    let sql = "UPDATE placements SET state = 'gone' WHERE tenant = ? AND store = ? AND generation = ?";
    let (tenant, generation) = key(place);
    write.execute(sql, params![tenant, place.store.as_str(), generation]).await?;
    Ok(())
}

/// Takes `set_gone` back, for an operation that is undone.
pub(crate) async fn set_back(write: &mut Write, place: &Place) -> Result<()> {
    let sql = "UPDATE placements SET state = 'ready' WHERE tenant = ? AND store = ? AND generation = ?";
    let (tenant, generation) = key(place);
    write.execute(sql, params![tenant, place.store.as_str(), generation]).await?;
    Ok(())
}

fn key(place: &Place) -> (i64, i64) {
    (place.tenant.map_or(0, TenantId::get), i64::try_from(place.generation).unwrap_or(i64::MAX))
}

/// A tenant's placements, in order of store.
pub async fn of_tenant(tx: &mut Tx, tenant: TenantId) -> Result<Vec<Placement>> {
    Ok(of_range(tx, tenant, tenant).await?.into_iter().map(|(_, placement)| placement).collect())
}

/// Placements of tenants with ids from `first` to `last`, in order of tenant.
pub(crate) async fn of_range(
    tx: &mut Tx,
    first: TenantId,
    last: TenantId,
) -> Result<Vec<(TenantId, Placement)>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM placements WHERE tenant BETWEEN ? AND ? AND state <> 'gone' ORDER BY tenant, store"
    );
    tx.query(&sql, params![first.get(), last.get()]).await?.iter().map(read).collect()
}

/// Every place in use of a store, for checks that must look into all of them.
pub async fn places_of_store(control: &Control, store: &StoreName) -> Result<Vec<Place>> {
    let mut tx = control.snapshot().await?;
    let sql = format!("SELECT {COLUMNS} FROM placements WHERE store = ? AND state = 'ready' ORDER BY tenant");
    let rows = tx.query(&sql, params![store.as_str()]).await?;
    rows.iter().map(|r| Ok(read(r)?.1.place)).collect()
}

/// The server with the fewest databases in use or planned, of those given; ties go to the first.
pub async fn emptiest(control: &Control, servers: &[ServerName]) -> Result<ServerName> {
    let mut tx = control.snapshot().await?;
    let mut best: Option<(i64, &ServerName)> = None;
    for server in servers {
        let sql =
            "SELECT count(*) FROM placements WHERE server = ? AND isolation = 'database' AND state <> 'gone'";
        let databases = crate::users::count(&mut tx, sql, params![server.as_str()]).await?;
        if best.is_none_or(|(least, _)| databases < least) {
            best = Some((databases, server));
        }
    }
    best.map(|(_, server)| server.clone()).ok_or(Error::NotFound("server"))
}

//! Survey of every place that holds data of a tenant. The dry run shows it; the purge repeats it for the certificate.
//! It changes nothing.

use crate::{
    Result,
    backups::catalog,
    control::params,
    operations::Context,
    tenants::{self, Retirement, State, life::purge::KINDS},
    topology::{Placement, PlacementState, Policy, placement, swap},
    users::count,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tenantry_engine::{
    Tx,
    name::{Slug, TenantId},
    place::{Isolation, Place},
};

/// Name of the tenant's files in a survey.
pub(super) const FILES: &str = "uploaded files";
/// Name of the tenant's backups in a survey.
pub(super) const BACKUPS: &str = "backups";

/// All data of a tenant, place by place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// Id of the tenant.
    pub tenant: TenantId,
    /// Slug of the tenant.
    pub slug: Slug,
    /// State of the tenant, as text.
    pub state: String,
    /// Dates of the tenant's retention, if it was cancelled.
    pub ends: Option<Retirement>,
    /// One entry per place that holds data of the tenant.
    pub traces: Vec<Trace>,
}

/// One place that holds data of the tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Description of the data, for operators.
    pub what: String,
    /// Location: server and database, directory, or table.
    pub place: String,
    /// Number of rows, files or backups.
    pub count: u64,
    /// Size in bytes; `None` for rows of the control store.
    pub bytes: Option<u64>,
    /// Effect of a purge on the data.
    pub fate: Fate,
    /// Checksums of the rows of each model, or the reason why something stays.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// Effect of a purge on the data of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The data is removed.
    Removed,
    /// The data stays; `detail` states why.
    #[serde(rename = "kept")]
    Retained,
    /// The data should have been removed but was not, because the purge was abandoned; `detail` states why.
    NotRemoved,
}

/// Surveys all places.
pub(super) async fn look(context: &Context, id: TenantId) -> Result<Survey> {
    let mut tx = context.control.snapshot().await?;
    let tenant = tenants::by_id(&mut tx, id).await?;
    let ends = Retirement::of(&mut tx, id).await?;
    let placements = all_placements(&mut tx, id).await?;
    let rows = control_rows(&mut tx, id).await?;
    let backups = backups(&mut tx, id, context.backups.purged_days()).await?;
    drop(tx);
    let mut traces = vec![];
    for placement in &placements {
        traces.push(database(context, placement).await);
    }
    traces.push(files(context, id).await?);
    traces.push(backups);
    traces.extend(rows);
    Ok(Survey { tenant: id, slug: tenant.slug, state: tenant.state.as_str().into(), ends, traces })
}

/// Returns all placements of a tenant: in use, planned, retained and staged.
pub(super) async fn all_placements(tx: &mut Tx, id: TenantId) -> Result<Vec<Placement>> {
    let mut all = placement::of_tenant(tx, id).await?;
    all.extend(swap::retained(tx, id).await?);
    all.extend(swap::staged(tx, id).await?);
    Ok(all)
}

/// Describes one database. The list includes databases that cannot be read, because the purge removes them too.
async fn database(context: &Context, placement: &Placement) -> Trace {
    let (engine, place) = (context.databases.engine(), &placement.place);
    let role = match placement.state {
        PlacementState::Planned => "planned, not made",
        PlacementState::Ready => "in use",
        PlacementState::Staged => "a copy beside it",
        PlacementState::Retained => "kept after a swap",
    };
    let digest = match context.databases.schema(&place.store) {
        Ok(schema) => engine.digest(place, &schema).await.ok(),
        Err(_) => None,
    };
    let tables = digest.as_ref().map(|d| {
        let table = |t: &tenantry_engine::engine::TableDigest| {
            (t.model.to_string(), json!({ "rows": t.rows, "blake3": t.blake3 }))
        };
        Value::Object(d.tables.iter().map(table).collect())
    });
    let what = match place.isolation {
        Isolation::Database => format!("database of store {} ({role})", place.store),
        Isolation::Schema => format!("schema of store {} ({role})", place.store),
        Isolation::Pooled => format!("rows of store {} in a shared database ({role})", place.store),
    };
    let external = placement.policy == Policy::External;
    let why = "it was brought by its owner, who keeps it; the platform forgets it";
    Trace {
        what,
        place: shown(place),
        count: digest.map_or(0, |d| d.rows()),
        bytes: Some(engine.size_bytes(place).await.unwrap_or(0)),
        fate: if external { Fate::Retained } else { Fate::Removed },
        detail: if external { json!({ "why": why }) } else { tables.unwrap_or_default() },
    }
}

/// Returns the text that a survey uses for a place.
pub(super) fn shown(place: &Place) -> String {
    format!("{}: {}", place.server, place.physical)
}

async fn files(context: &Context, id: TenantId) -> Result<Trace> {
    let files = context.files.list(Some(id)).await;
    let files = files.map_err(|e| crate::Error::Unavailable(e.to_string()))?;
    Ok(Trace {
        what: FILES.into(),
        place: format!("files: tenants/{id}"),
        count: files.len() as u64,
        bytes: Some(files.iter().map(|(_, bytes)| bytes).sum()),
        fate: Fate::Removed,
        detail: Value::Null,
    })
}

async fn backups(tx: &mut Tx, id: TenantId, days: u32) -> Result<Trace> {
    let sql = "SELECT count(*), coalesce(sum(stored_bytes), 0) FROM backups WHERE tenant = ?";
    let rows = tx.query(sql, params![id.get()]).await?;
    let number = |index| -> Result<u64> {
        Ok(rows.first().map_or(Ok(0), |r| r.integer(index))?.try_into().unwrap_or(0))
    };
    let filter = catalog::Filter { tenant: Some(id), limit: 1000, ..catalog::Filter::default() };
    let names: Vec<_> = catalog::list(tx, &filter).await?.into_iter().map(|b| b.id).collect();
    Ok(Trace {
        what: BACKUPS.into(),
        place: "the backup store".into(),
        count: number(0)?,
        bytes: Some(number(1)?),
        fate: if days == 0 { Fate::Removed } else { Fate::Retained },
        detail: json!({ "ids": names, "kept_days": days }),
    })
}

async fn control_rows(tx: &mut Tx, id: TenantId) -> Result<Vec<Trace>> {
    let mut traces = vec![];
    for kind in KINDS {
        let rows = count(tx, kind.count, params![id.get()]).await?;
        traces.push(Trace {
            what: kind.what.into(),
            place: format!("control: {}", kind.table),
            count: u64::try_from(rows).unwrap_or(0),
            bytes: None,
            fate: if kind.retained.is_some() { Fate::Retained } else { Fate::Removed },
            detail: kind.retained.map_or(Value::Null, |why| json!({ "why": why })),
        });
    }
    Ok(traces)
}

impl Survey {
    /// Returns true if the tenant is cancelled, so that a purge could begin once its retention is over.
    pub fn is_closed(&self) -> bool {
        self.state == State::Cancelled.as_str()
    }
}

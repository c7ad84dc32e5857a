//! Plans and subscriptions: what a tenant has paid for, and until when.
//!
//! Operations call it for trials, as do the command line, the staff pages, and topology, which computes `Entitlements`
//! from them. Limits are enforced where they can be exceeded, not here (`enforced-limits`).

mod edit;
mod entitlements;
mod list;
pub(crate) mod subscription;
mod verbs;

pub use edit::PlanChange;
pub(crate) use edit::{check_features, check_limits};
pub use entitlements::{Entitlements, Limits};
pub use list::{ListedSubscription, SubscriptionFilter};
pub use subscription::{State, Subscription};
pub(crate) use subscription::{change_plan, set_state, start};
pub use verbs::{Changed, Plans, SubscriptionChange};

use crate::{
    Error, Result,
    audit::By,
    config::ServerLabels,
    control::{Subject, Write, params},
};
use std::collections::BTreeSet;
use tenantry_engine::{SqlRow, Tx};

/// A plan as the configuration declares it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlanSpec {
    /// Unique name of the plan in the configuration.
    pub code: String,
    /// Display name of the plan.
    pub name: String,
    /// Length in days of the trial with which a new subscription starts; 0 if it is active at once.
    pub trial_days: u32,
    /// Price as text for users; the platform does not bill.
    pub price: String,
    /// Limits that the plan grants.
    pub limits: Limits,
    /// Features that the plan grants.
    pub features: BTreeSet<String>,
    /// True if a registration may choose the plan. Otherwise only staff assign it.
    pub self_service: bool,
    /// Labels of the servers on which tenants of the plan are placed. Empty for every server.
    pub servers: ServerLabels,
}

/// A plan of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// Id of the plan's row.
    pub id: i64,
    /// Limits, features and other facts of the plan.
    #[serde(flatten)]
    pub spec: PlanSpec,
    /// True if the plan is archived: existing subscriptions continue, new ones are refused.
    pub archived: bool,
    /// True if staff created or changed the plan, so that the configuration no longer changes it.
    pub kept: bool,
}

/// Result of writing the configuration's plans to the catalog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Initialized {
    /// Number of new plans.
    pub created: usize,
    /// Number of changed plans.
    pub updated: usize,
    /// Number of plans that the configuration no longer declares.
    pub archived: usize,
    /// Number of declared plans that stay as staff changed them.
    pub kept: usize,
}

const COLUMNS: &str = "id, code, name, trial_days, price, limits, features, archived, self_service, kept, \
    servers";

fn read(r: &SqlRow) -> Result<Plan> {
    let damaged = |e: serde_json::Error| Error::Internal(format!("plan: {e}"));
    let spec = PlanSpec {
        code: r.text(1)?.to_owned(),
        name: r.text(2)?.to_owned(),
        trial_days: u32::try_from(r.integer(3)?).unwrap_or(0),
        price: r.text(4)?.to_owned(),
        limits: serde_json::from_str(r.text(5)?).map_err(damaged)?,
        features: serde_json::from_str(r.text(6)?).map_err(damaged)?,
        self_service: r.boolean(8)?,
        servers: serde_json::from_str(r.text(10)?).map_err(damaged)?,
    };
    Ok(Plan { id: r.integer(0)?, spec, archived: r.boolean(7)?, kept: r.boolean(9)? })
}

/// Replaces the catalog's plans with those of the configuration, except plans that staff changed. Idempotent: writes
/// nothing if there is no difference.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn initialize(write: &mut Write, by: &By, specs: &[PlanSpec]) -> Result<Initialized> {
    let known = list(write).await?;
    let mut done = Initialized::default();
    for (position, spec) in specs.iter().enumerate() {
        match known.iter().find(|p| p.spec.code == spec.code) {
            Some(plan) if plan.spec == *spec && !plan.archived => continue,
            Some(plan) if plan.kept => {
                done.kept += 1;
                continue;
            }
            Some(_) => done.updated += 1,
            None => done.created += 1,
        }
        upsert(write, spec, position).await?;
    }
    for plan in known.iter().filter(|p| !p.archived && !p.kept && specs.iter().all(|s| s.code != p.spec.code))
    {
        write.execute("UPDATE plans SET archived = 1 WHERE id = ?", params![plan.id]).await?;
        done.archived += 1;
    }
    if done == (Initialized { kept: done.kept, ..Initialized::default() }) {
        write.found_nothing_to_do();
    } else {
        write.audit(by, None, "plans.initialize", serde_json::json!(done)).await?;
        // Plans are part of every tenant's entitlements, so every cache entry is dropped.
        write.invalidate(&Subject::Everything).await?;
    }
    Ok(done)
}

async fn upsert(write: &mut Write, spec: &PlanSpec, position: usize) -> Result<()> {
    let sql = "INSERT INTO plans (code, name, position, trial_days, price, limits, features, self_service, servers) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (code) DO UPDATE SET name = excluded.name, \
        position = excluded.position, trial_days = excluded.trial_days, price = excluded.price, \
        limits = excluded.limits, features = excluded.features, \
        self_service = excluded.self_service, servers = excluded.servers, archived = 0";
    let json = |v: serde_json::Result<String>| v.map_err(|e| Error::Internal(e.to_string()));
    let limits = json(serde_json::to_string(&spec.limits))?;
    let features = json(serde_json::to_string(&spec.features))?;
    let servers = json(serde_json::to_string(&spec.servers))?;
    let position = i64::try_from(position).unwrap_or(i64::MAX);
    let values = params![
        spec.code.as_str(),
        spec.name.as_str(),
        position,
        i64::from(spec.trial_days),
        spec.price.as_str(),
        limits,
        features,
        spec.self_service,
        servers
    ];
    write.execute(sql, values).await?;
    Ok(())
}

/// Returns all plans in the order of the configuration, archived ones last.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn list(tx: &mut Tx) -> Result<Vec<Plan>> {
    let sql = format!("SELECT {COLUMNS} FROM plans ORDER BY archived, position, id");
    tx.query(&sql, &[]).await?.iter().map(read).collect()
}

/// Returns the plan with this code if new subscriptions may use it.
///
/// # Errors
/// Returns [`Error::Invalid`] if there is no such plan; [`Error::MasterDataEmpty`], with initialisation as the remedy,
/// if there are no plans at all.
pub(crate) async fn by_code(tx: &mut Tx, code: &str) -> Result<Plan> {
    let sql = format!("SELECT {COLUMNS} FROM plans WHERE code = ? AND archived = 0");
    if let Some(row) = tx.query(&sql, params![code]).await?.first() {
        return read(row);
    }
    let any = tx.query("SELECT 1 FROM plans LIMIT 1", &[]).await?;
    Err(if any.is_empty() { Error::MasterDataEmpty { what: "plans".into() } } else { no_plan(code) })
}

/// Refuses a plan that only staff may assign, with the same error as for a plan that does not exist.
///
/// # Errors
/// Returns the errors of [`by_code`], and [`Error::Invalid`] for a plan that only staff may assign.
pub(crate) async fn require_self_service(tx: &mut Tx, code: &str) -> Result<()> {
    match by_code(tx, code).await?.spec.self_service {
        true => Ok(()),
        false => Err(no_plan(code)),
    }
}

fn no_plan(code: &str) -> Error {
    Error::invalid("plan", format!("there is no plan {code:?}"))
}

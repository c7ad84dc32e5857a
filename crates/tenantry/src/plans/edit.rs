//! Plans that staff create and change. The configuration does not change such a plan until staff reset it.
//!
//! The staff API and the pages of staff call it.

use super::{Limits, Plan, PlanSpec, Plans, initialize, read, upsert, verbs};
use crate::{
    Error, Result,
    access::Actor,
    config::ServerLabels,
    control::{Subject, Write, params},
    error::{FieldError, Rule, Wrong},
    users::{check_shown, check_text},
};
use serde_json::json;
use std::collections::BTreeSet;
use tenantry_engine::name::PlanName;

/// Largest number of characters in a price.
const PRICE_CHARS: usize = 200;
/// Longest trial in days.
const TRIAL_DAYS: u32 = 3_650;
/// Largest number of features of a plan.
const FEATURES: usize = 64;
/// Largest number of characters in the name of a feature.
const FEATURE_CHARS: usize = 48;

/// Changes of a plan. `None` leaves a value unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanChange {
    /// Display name of the plan.
    pub name: Option<String>,
    /// Length of the trial in days.
    pub trial_days: Option<u32>,
    /// Price as text for users.
    pub price: Option<String>,
    /// All limits of the plan.
    pub limits: Option<Limits>,
    /// Names of all features of the plan.
    pub features: Option<BTreeSet<String>>,
    /// True if a registration may choose the plan.
    pub self_service: Option<bool>,
    /// All labels of the servers of the plan.
    pub servers: Option<ServerLabels>,
    /// True to refuse new subscriptions.
    pub archived: Option<bool>,
}

impl Plans<'_> {
    /// Creates a plan and puts it after the others.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff; [`Error::InvalidFields`] with every wrong value;
    /// [`Error::Conflict`] for a code that another plan has.
    pub async fn create(&self, actor: &Actor, spec: PlanSpec) -> Result<Plan> {
        actor.require_staff()?;
        check(&spec)?;
        let mut write = self.control().begin().await?;
        if find(&mut write, &spec.code).await?.is_some() {
            return Err(Error::Conflict(format!("there is a plan {} already", spec.code)));
        }
        let rows = write.query("SELECT coalesce(max(position), 0) + 1 FROM plans", &[]).await?;
        let position = rows.first().map_or(Ok(1), |row| row.integer(0))?;
        upsert(&mut write, &spec, usize::try_from(position).unwrap_or(0)).await?;
        keep(&mut write, &spec.code, false).await?;
        write.audit(&actor.by(), None, "plan.create", detail(&spec)).await?;
        self.done(write, &spec.code).await
    }

    /// Changes a plan. Tenants on the plan get the new limits and features at once.
    ///
    /// # Errors
    /// Returns the errors of [`Plans::create`]; [`Error::NotFound`] for an unknown plan; [`Error::Conflict`] if
    /// registrations need the plan unchanged.
    pub async fn change(&self, actor: &Actor, code: &str, change: PlanChange) -> Result<Plan> {
        actor.require_staff()?;
        let mut write = self.control().begin().await?;
        let plan = find(&mut write, code).await?.ok_or(Error::NotFound("plan"))?;
        let (spec, archived) = changed(&plan, change);
        check(&spec)?;
        self.keep_default(&spec, archived)?;
        if spec == plan.spec && archived == plan.archived {
            return Ok(plan);
        }
        let position = position(&mut write, plan.id).await?;
        upsert(&mut write, &spec, position).await?;
        keep(&mut write, code, archived).await?;
        let mut detail = detail(&spec);
        detail["archived"] = archived.into();
        write.audit(&actor.by(), None, "plan.change", detail).await?;
        self.done(write, code).await
    }

    /// Resets a plan to its declaration in the configuration.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and for an unknown plan; [`Error::Conflict`] for a plan
    /// that the configuration does not declare.
    pub async fn reset(&self, actor: &Actor, code: &str) -> Result<Plan> {
        actor.require_staff()?;
        let specs = verbs::declared(self.platform());
        let mut write = self.control().begin().await?;
        find(&mut write, code).await?.ok_or(Error::NotFound("plan"))?;
        if specs.iter().all(|spec| spec.code != code) {
            return Err(Error::Conflict(format!("the configuration has no plan {code}: archive it instead")));
        }
        write.execute("UPDATE plans SET kept = 0 WHERE code = ?", params![code]).await?;
        write.audit(&actor.by(), None, "plan.reset", json!({ "plan": code })).await?;
        initialize(&mut write, &actor.by(), &specs).await?;
        self.done(write, code).await
    }

    /// Refuses a change that would leave registrations without their plan.
    fn keep_default(&self, spec: &PlanSpec, archived: bool) -> Result<()> {
        let registration = &self.platform().config().registration;
        if registration.default_plan.as_str() != spec.code {
            return Ok(());
        }
        if archived || (registration.open && !spec.self_service) {
            let text = "new tenants begin on this plan: name another one in registration.default_plan first";
            return Err(Error::Conflict(text.into()));
        }
        Ok(())
    }

    /// Commits, and returns the current plan. Plans are part of every tenant's entitlements.
    async fn done(&self, mut write: Write, code: &str) -> Result<Plan> {
        write.invalidate(&Subject::Everything).await?;
        let plan = find(&mut write, code).await?.ok_or(Error::NotFound("plan"))?;
        write.commit().await?;
        Ok(plan)
    }
}

fn changed(plan: &Plan, change: PlanChange) -> (PlanSpec, bool) {
    let old = plan.spec.clone();
    let spec = PlanSpec {
        code: old.code,
        name: change.name.unwrap_or(old.name),
        trial_days: change.trial_days.unwrap_or(old.trial_days),
        price: change.price.unwrap_or(old.price),
        limits: change.limits.unwrap_or(old.limits),
        features: change.features.unwrap_or(old.features),
        self_service: change.self_service.unwrap_or(old.self_service),
        servers: change.servers.unwrap_or(old.servers),
    };
    (spec, change.archived.unwrap_or(plan.archived))
}

async fn find(write: &mut Write, code: &str) -> Result<Option<Plan>> {
    let sql = format!("SELECT {} FROM plans WHERE code = ?", super::COLUMNS);
    write.query(&sql, params![code]).await?.first().map(read).transpose()
}

async fn position(write: &mut Write, id: i64) -> Result<usize> {
    let rows = write.query("SELECT position FROM plans WHERE id = ?", params![id]).await?;
    let position = rows.first().map_or(Ok(0), |row| row.integer(0))?;
    Ok(usize::try_from(position).unwrap_or(0))
}

/// Marks a plan as changed by staff.
async fn keep(write: &mut Write, code: &str, archived: bool) -> Result<()> {
    let sql = "UPDATE plans SET kept = 1, archived = ? WHERE code = ?";
    write.execute(sql, params![i64::from(archived), code]).await?;
    Ok(())
}

fn detail(spec: &PlanSpec) -> serde_json::Value {
    json!({ "plan": spec.code, "name": spec.name, "price": spec.price, "trial_days": spec.trial_days,
        "limits": spec.limits, "features": spec.features, "self_service": spec.self_service,
        "servers": spec.servers })
}

fn check(spec: &PlanSpec) -> Result<()> {
    let mut wrong = Wrong::default();
    wrong.take(PlanName::parse(&spec.code).map_err(|error| Error::invalid("code", error.reason)))?;
    wrong.take(check_text("name", &spec.name))?;
    wrong.take(check_shown("price", &spec.price))?;
    let mut refuse = |field: &str, reason: String| wrong.add(FieldError::new(field, Rule::Value, reason));
    if spec.price.chars().count() > PRICE_CHARS || spec.price.chars().any(char::is_control) {
        refuse("price", format!("use one line of at most {PRICE_CHARS} characters"));
    }
    if spec.trial_days > TRIAL_DAYS {
        refuse("trial_days", format!("use 0 to {TRIAL_DAYS}"));
    }
    if let Err(reason) = spec.servers.check() {
        refuse("servers", reason);
    }
    check_features(&mut wrong, &spec.features);
    check_limits(&mut wrong, &spec.limits);
    wrong.finish()
}

/// Adds what is wrong with the names of features.
pub(crate) fn check_features(wrong: &mut Wrong, features: &BTreeSet<String>) {
    let is_name = |name: &String| {
        (1..=FEATURE_CHARS).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if features.len() > FEATURES || !features.iter().all(is_name) {
        let reason = format!("use at most {FEATURES} names of small letters, digits and _");
        wrong.add(FieldError::new("features", Rule::Value, reason));
    }
}

/// Adds what is wrong with limits.
pub(crate) fn check_limits(wrong: &mut Wrong, limits: &Limits) {
    for (name, value, most) in [
        ("users", limits.users, u64::MAX),
        ("rows", limits.rows, i64::MAX as u64),
        ("bytes", limits.bytes, u64::MAX),
        ("file_bytes", limits.file_bytes, u64::MAX),
        ("requests_per_second", limits.requests_per_second, 1_000_000),
        ("concurrency", limits.concurrency, 100_000),
    ] {
        let is_wrong = value.is_some_and(|value| value > most || (value == 0 && !name.ends_with("bytes")));
        if is_wrong {
            wrong.add(FieldError::new(name, Rule::Value, "is out of range; leave it out for no limit"));
        }
    }
}

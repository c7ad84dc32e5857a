//! A tenant's subscription: its plan, state and end. Each tenant has one row; the audit log contains the history.

use super::by_code;
use crate::{
    Error, Result,
    audit::By,
    control::{Subject, Write, clock::DAY_US, params},
};
use tenantry_engine::name::TenantId;

/// State of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The subscription is free of charge until its end.
    Trial,
    /// The subscription is paid.
    Active,
    /// A payment is late; the tenant can still be used.
    PastDue,
    /// The customer cancelled the subscription; the tenant can be used until the paid period ends.
    Cancelled,
    /// The subscription is over.
    Expired,
}

impl State {
    /// Returns the name of the state in the database and for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Parses the stored text.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let all = [Self::Trial, Self::Active, Self::PastDue, Self::Cancelled, Self::Expired];
        let unknown = || Error::Internal(format!("subscription state {text:?}"));
        all.into_iter().find(|s| s.as_str() == text).ok_or_else(unknown)
    }

    /// Returns the state at `now_us`: a subscription that has passed its end is expired. The state is computed each
    /// time and never stored, so correcting a wrong clock also corrects the state. A cancelled subscription without an
    /// end is over at once. A late payer is not cut off.
    pub fn at(self, ends_at_us: Option<i64>, now_us: i64) -> Self {
        let over = ends_at_us.is_some_and(|end| end <= now_us);
        match self {
            Self::Trial | Self::Active if over => Self::Expired,
            Self::Cancelled if over || ends_at_us.is_none() => Self::Expired,
            other => other,
        }
    }
}

/// A subscription as topology caches it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Subscription {
    /// Code of the subscribed plan.
    pub plan: String,
    /// State as stored; `state_at` returns the current state.
    pub stored: State,
    /// Time of the start, in microseconds since 1970, UTC.
    pub started_at_us: i64,
    /// End of the trial or paid period, in microseconds since 1970, UTC; `None` if it is open-ended.
    pub ends_at_us: Option<i64>,
}

impl Subscription {
    /// Returns the state at `now_us`.
    pub fn state_at(&self, now_us: i64) -> State {
        self.stored.at(self.ends_at_us, now_us)
    }

    /// Returns true if the subscription lets the tenant's members in (`subscription_required`).
    pub fn live_at(&self, now_us: i64) -> bool {
        self.state_at(now_us) != State::Expired
    }

    /// Returns the number of whole days until the end, rounded up, or `None` if the subscription is open-ended.
    pub fn days_remaining(&self, now_us: i64) -> Option<i64> {
        self.ends_at_us.map(|end| crate::tenants::days_until(end, now_us))
    }
}

/// Starts a tenant's first subscription, as a trial if the plan has one. Idempotent: an existing subscription stays.
///
/// # Errors
/// Returns the errors of [`by_code`].
pub(crate) async fn start(write: &mut Write, tenant: TenantId, plan_code: &str) -> Result<()> {
    let plan = by_code(write, plan_code).await?;
    let now = write.at_us();
    let days = i64::from(plan.spec.trial_days);
    let (state, ends_at) =
        if days > 0 { (State::Trial, Some(now + days * DAY_US)) } else { (State::Active, None) };
    let sql = "INSERT INTO subscriptions (tenant, plan, state, started_at, ends_at, updated_at) \
        VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant) DO NOTHING";
    write.execute(sql, params![tenant.get(), plan.id, state.as_str(), now, ends_at, now]).await?;
    Ok(())
}

/// Puts a tenant on another plan at once. State and end stay the same.
///
/// # Errors
/// Returns the errors of [`by_code`], and [`Error::NotFound`] if the tenant has no subscription.
pub(crate) async fn change_plan(write: &mut Write, by: &By, tenant: TenantId, plan_code: &str) -> Result<()> {
    let plan = by_code(write, plan_code).await?;
    let sql = "UPDATE subscriptions SET plan = ?, updated_at = ? WHERE tenant = ?";
    let at = write.at_us();
    if write.execute(sql, params![plan.id, at, tenant.get()]).await? == 0 {
        return Err(Error::NotFound("subscription"));
    }
    let detail = serde_json::json!({ "plan": plan.spec.code });
    write.audit(by, Some(tenant), "subscription.change_plan", detail).await?;
    write.invalidate(&Subject::Tenant(tenant)).await
}

/// Sets the state and end that external billing has decided.
///
/// # Errors
/// Returns [`Error::NotFound`] if the tenant has no subscription.
pub async fn set_state(
    write: &mut Write,
    by: &By,
    tenant: TenantId,
    state: State,
    ends_at_us: Option<i64>,
) -> Result<()> {
    let sql = "UPDATE subscriptions SET state = ?, ends_at = ?, updated_at = ? WHERE tenant = ?";
    let at = write.at_us();
    if write.execute(sql, params![state.as_str(), ends_at_us, at, tenant.get()]).await? == 0 {
        return Err(Error::NotFound("subscription"));
    }
    let detail = serde_json::json!({ "state": state, "ends_at_us": ends_at_us });
    write.audit(by, Some(tenant), "subscription.set_state", detail).await?;
    write.invalidate(&Subject::Tenant(tenant)).await
}

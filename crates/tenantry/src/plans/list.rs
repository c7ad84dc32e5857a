//! Lists the subscriptions of all tenants for staff, ordered by renewal, with one query per page.

use super::{Plans, State};
use crate::{
    Error, Result,
    access::Actor,
    control::{clock::DAY_US, params},
    tenants::{self, list::Where},
};
use serde::Serialize;
use tenantry_engine::{
    SqlRow, Tx,
    name::{Slug, TenantId},
    value::Value,
};

/// Conditions and size of a page of subscriptions. They are ordered by their end, open-ended ones last.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionFilter {
    /// Text that the slug, name or e-mail address of the tenant contains.
    pub search: Option<String>,
    /// Only subscriptions of this plan.
    pub plan: Option<String>,
    /// Only subscriptions that are currently in this state.
    pub state: Option<State>,
    /// Only subscriptions that end within this number of days, or have ended.
    pub within_days: Option<u32>,
    /// Only subscriptions that have not reached their end.
    pub live: bool,
    /// Only subscriptions after that of this tenant.
    pub after: Option<TenantId>,
    /// Largest number of rows, 1 to 1000.
    pub limit: u32,
}

/// A subscription of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedSubscription {
    /// Id of the tenant.
    pub tenant: TenantId,
    /// Slug of the tenant.
    pub slug: Slug,
    /// Display name of the tenant.
    pub name: String,
    /// State of the tenant.
    pub tenant_state: tenants::State,
    /// Code of the plan.
    pub plan: String,
    /// Current state of the subscription.
    pub state: State,
    /// Stored state of the subscription: a trial that has ended is still stored as a trial.
    pub stored: State,
    /// Time of the start, in microseconds since 1970, UTC.
    pub started_at_us: i64,
    /// End of the trial or paid period, in microseconds since 1970, UTC; `None` if it is open-ended.
    pub ends_at_us: Option<i64>,
    /// Number of whole days until the end, rounded up; `None` if it is open-ended.
    pub days_remaining: Option<i64>,
}

impl ListedSubscription {
    /// Returns true for a trial, even if it has ended.
    pub fn was_trial(&self) -> bool {
        self.stored == State::Trial
    }
}

const SELECT: &str = "SELECT t.id, t.slug, t.name, t.state, p.code, s.state, s.started_at, s.ends_at \
    FROM subscriptions s JOIN tenants t ON t.id = s.tenant JOIN plans p ON p.id = s.plan";

/// SQL expression by which subscriptions are ordered, before the tenant. An index exists for this expression.
const ENDS: &str = "coalesce(s.ends_at, 9223372036854775807)";

impl Plans<'_> {
    /// Returns a page of subscriptions.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff; [`Error::Invalid`] if the tenant that the page comes
    /// after has no subscription.
    pub async fn subscriptions(
        &self,
        actor: &Actor,
        filter: &SubscriptionFilter,
    ) -> Result<Vec<ListedSubscription>> {
        actor.require_staff()?;
        let now_us = self.control().now_us();
        list(&mut self.control().snapshot().await?, filter, now_us).await
    }

    /// Returns the subscription of a tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, there is no such tenant, or it has no subscription.
    pub async fn subscription(&self, actor: &Actor, slug: &Slug) -> Result<ListedSubscription> {
        actor.require_staff()?;
        let mut tx = self.control().snapshot().await?;
        let rows = tx.query(&format!("{SELECT} WHERE t.slug = ?"), params![slug.as_str()]).await?;
        read(rows.first().ok_or(Error::NotFound("subscription"))?, self.control().now_us())
    }

    /// Returns the number of subscriptions of each plan, by its code.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff.
    pub async fn counts(&self, actor: &Actor) -> Result<Vec<(String, u64)>> {
        actor.require_staff()?;
        let sql = "SELECT p.code, count(*) FROM subscriptions s JOIN plans p ON p.id = s.plan \
            JOIN tenants t ON t.id = s.tenant WHERE t.state <> 'gone' GROUP BY p.code ORDER BY p.code";
        let rows = self.control().snapshot().await?.query(sql, &[]).await?;
        rows.iter().map(|r| Ok((r.text(0)?.to_owned(), u64::try_from(r.integer(1)?).unwrap_or(0)))).collect()
    }
}

async fn list(tx: &mut Tx, filter: &SubscriptionFilter, now_us: i64) -> Result<Vec<ListedSubscription>> {
    let mut all = Where::default();
    all.and("t.state <> 'gone'", []);
    all.search(filter.search.as_deref());
    if let Some(plan) = &filter.plan {
        all.and("p.code = ?", [plan.as_str().into()]);
    }
    if let Some(state) = filter.state {
        let now = Value::from(now_us);
        match state {
            State::Trial | State::Active => {
                all.and("s.state = ? AND (s.ends_at IS NULL OR s.ends_at > ?)", [state.as_str().into(), now])
            }
            State::PastDue => all.and("s.state = ?", [state.as_str().into()]),
            State::Cancelled => all.and("s.state = ? AND s.ends_at > ?", [state.as_str().into(), now]),
            State::Expired => all.and(
                "(s.state = 'expired' OR (s.state IN ('trial', 'active', 'cancelled') AND s.ends_at <= ?) \
                 OR (s.state = 'cancelled' AND s.ends_at IS NULL))",
                [now],
            ),
        }
    }
    if let Some(days) = filter.within_days {
        all.and("s.ends_at <= ?", [(now_us + i64::from(days) * DAY_US).into()]);
    }
    if filter.live {
        all.and("(s.ends_at IS NULL OR s.ends_at > ?)", [now_us.into()]);
    }
    if let Some(after) = filter.after {
        let sql = format!("SELECT {ENDS} FROM subscriptions s WHERE s.tenant = ?");
        let rows = tx.query(&sql, params![after.get()]).await?;
        let row = rows
            .first()
            .ok_or_else(|| Error::invalid("after", "is the id of no tenant with a subscription"))?;
        let at = Value::from(row.integer(0)?);
        all.and(
            format!("({ENDS} > ? OR ({ENDS} = ? AND s.tenant > ?))"),
            [at.clone(), at, after.get().into()],
        );
    }
    let sql = format!("{SELECT} WHERE {} ORDER BY {ENDS}, s.tenant LIMIT ?", all.text.join(" AND "));
    all.values.push(i64::from(filter.limit.clamp(1, 1000)).into());
    tx.query(&sql, &all.values).await?.iter().map(|row| read(row, now_us)).collect()
}

fn read(r: &SqlRow, now_us: i64) -> Result<ListedSubscription> {
    let ends_at_us = r.opt_integer(7)?;
    Ok(ListedSubscription {
        tenant: TenantId::from_raw(r.integer(0)?),
        slug: Slug::parse(r.text(1)?)?,
        name: r.text(2)?.to_owned(),
        tenant_state: tenants::State::parse(r.text(3)?)?,
        plan: r.text(4)?.to_owned(),
        state: State::parse(r.text(5)?)?.at(ends_at_us, now_us),
        stored: State::parse(r.text(5)?)?,
        started_at_us: r.integer(6)?,
        ends_at_us,
        days_remaining: ends_at_us.map(|end| tenants::days_until(end, now_us)),
    })
}

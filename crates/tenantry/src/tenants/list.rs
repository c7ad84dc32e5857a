//! Tenants for `tenantry tenant list` and the staff pages: all columns, with one query per page.

use super::{Retirement, State};
use crate::{
    Error, Result,
    control::{clock::DAY_US, params},
    topology::Placement,
};
use tenantry_engine::{
    SqlRow, Tx,
    name::{Slug, TenantId},
};

/// Which tenants to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of slug, name or e-mail address, ASCII case-insensitive.
    pub search: Option<String>,
    /// Only this state. `None`: all but purged ones.
    pub state: Option<State>,
    /// Only tenants with a greater id.
    pub after: Option<TenantId>,
    /// Largest number of rows, 1 to 1000.
    pub limit: u32,
}

/// A line of the list. Sizes are not in the catalog: callers ask the engine for each placement.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Listed {
    /// Id.
    pub id: TenantId,
    /// Display name.
    pub name: String,
    /// Short name in URLs.
    pub slug: Slug,
    /// E-mail address.
    pub email: String,
    /// State of the tenant.
    pub state: State,
    /// Reason of the maintenance during which only staff may enter, if any.
    pub maintenance: Option<String>,
    /// Dates of its retention, if it was cancelled.
    pub retirement: Option<Retirement>,
    /// Number of members.
    pub users: i64,
    /// Code of the plan, if subscribed.
    pub plan: Option<String>,
    /// State of the subscription as of now, if subscribed.
    pub subscription: Option<crate::plans::State>,
    /// Whole days until the trial or paid period ends, rounded up. `None`: open-ended or not subscribed.
    pub days_remaining: Option<i64>,
    /// Creation, in microseconds since 1970, UTC.
    pub created_at_us: i64,
    /// Its placements, with schema version. Empty: it has no database.
    pub placements: Vec<Placement>,
}

/// SQL for what a search looks in: on lines of their own, so that no term is found across two of them.
const SEARCHED: &str = "lower(t.slug || '\n' || t.name || '\n' || t.email)";

const SELECT: &str = "SELECT t.id, t.name, t.slug, t.email, t.state, t.created_at, \
    (SELECT count(*) FROM memberships m WHERE m.tenant = t.id), p.code, s.state, s.ends_at, t.maintenance, \
    t.cancelled_at, t.closes_at, t.purges_at \
    FROM tenants t LEFT JOIN subscriptions s ON s.tenant = t.id LEFT JOIN plans p ON p.id = s.plan";

/// Returns a page of tenants, ordered by id.
///
/// # Errors
/// Those of the control store.
pub(crate) async fn list(tx: &mut Tx, filter: &Filter, now_us: i64) -> Result<Vec<Listed>> {
    let sql = format!(
        "{SELECT} WHERE t.id > ?1 AND (t.state = ?2 OR ?2 IS NULL) AND (?2 IS NOT NULL OR t.state <> 'gone') \
         AND (replace({SEARCHED}, ?3, '') <> {SEARCHED} OR ?3 IS NULL) \
         ORDER BY t.id LIMIT ?4"
    );
    let state = filter.state.map(|s| s.as_str().to_owned());
    let search = filter.search.as_ref().filter(|s| !s.is_empty()).map(|s| s.to_ascii_lowercase());
    let limit = i64::from(filter.limit.clamp(1, 1000));
    let rows = tx.query(&sql, params![filter.after.map_or(0, TenantId::get), state, search, limit]).await?;
    let mut tenants = rows.iter().map(|r| read(r, now_us)).collect::<Result<Vec<_>>>()?;
    attach_placements(tx, &mut tenants).await?;
    Ok(tenants)
}

/// Returns one tenant with the same columns.
///
/// # Errors
/// [`Error::NotFound`] when there is no such tenant.
pub(crate) async fn show(tx: &mut Tx, slug: &Slug, now_us: i64) -> Result<Listed> {
    let rows = tx.query(&format!("{SELECT} WHERE t.slug = ?"), params![slug.as_str()]).await?;
    let mut found = vec![read(rows.first().ok_or(Error::NotFound("tenant"))?, now_us)?];
    attach_placements(tx, &mut found).await?;
    found.pop().ok_or(Error::NotFound("tenant"))
}

fn read(r: &SqlRow, now_us: i64) -> Result<Listed> {
    let ends_at_us = r.opt_integer(9)?;
    let stored = r.opt_text(8)?.map(crate::plans::State::parse).transpose()?;
    Ok(Listed {
        id: TenantId::from_raw(r.integer(0)?),
        name: r.text(1)?.to_owned(),
        slug: Slug::parse(r.text(2)?)?,
        email: r.text(3)?.to_owned(),
        state: State::parse(r.text(4)?)?,
        retirement: super::read_retirement(r, 11)?,
        created_at_us: r.integer(5)?,
        users: r.integer(6)?,
        plan: r.opt_text(7)?.map(Into::into),
        subscription: stored.map(|s| s.at(ends_at_us, now_us)),
        days_remaining: ends_at_us.map(|end| days_until(end, now_us)),
        maintenance: r.opt_text(10)?.map(Into::into),
        placements: vec![],
    })
}

/// Whole days, rounded up. Never negative.
pub(crate) fn days_until(end_us: i64, now_us: i64) -> i64 {
    let left = (end_us - now_us).max(0);
    left / DAY_US + i64::from(left % DAY_US > 0)
}

/// Adds the placements with one query for the whole page: its ids are consecutive in the order of the list.
async fn attach_placements(tx: &mut Tx, tenants: &mut [Listed]) -> Result<()> {
    let (Some(first), Some(last)) = (tenants.first(), tenants.last()) else { return Ok(()) };
    let all = crate::topology::placement::of_range(tx, first.id, last.id).await?;
    let mut all = all.into_iter().peekable();
    for tenant in tenants {
        while all.next_if(|(id, _)| *id < tenant.id).is_some() {}
        while let Some((_, placement)) = all.next_if(|(id, _)| *id == tenant.id) {
            tenant.placements.push(placement);
        }
    }
    Ok(())
}

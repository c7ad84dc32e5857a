//! Staff handlers for tenants: list, show, suspend, resume, change the plan.

use crate::{
    http::{
        App,
        admin::tenant_life::moving::obstacle,
        body::Json,
        names::optional,
        problem::Result,
        query::QueryParams,
        scope::{Staff, StaffOn},
    },
    wire::{
        Page,
        tenant::{ChangePlan, Misplaced, PlanChanged, Suspend, Tenant, TenantInFull, TenantsQuery},
    },
};
use tenantry::{
    Error,
    error::Wrong,
    name::{ServerName, TenantId},
    plans::{self, SubscriptionChange},
    tenants::{self, Filter, Sort},
};

/// `GET /api/admin/tenants`.
pub(in crate::http) async fn list(
    app: App,
    Staff(_): Staff,
    QueryParams(query): QueryParams<TenantsQuery>,
) -> Result<Json<Page<Tenant>>> {
    let filter = filter(query)?;
    let listed = app.platform().tenants().list(&filter).await?;
    Ok(app.page(listed, filter.limit, |tenant: &Tenant| tenant.id))
}

/// Returns the filter that a query names.
///
/// # Errors
/// Returns an error if a parameter has a value that does not exist.
pub(in crate::http) fn filter(query: TenantsQuery) -> Result<Filter> {
    let state = query.state.as_deref().map(tenants::State::parse).transpose();
    let state = state
        .map_err(|_| Error::invalid("state", "creating, active, suspended, cancelled, purging or gone"))?;
    Ok(Filter {
        search: query.q,
        state,
        plan: query.plan,
        server: optional("server", query.server.as_deref(), ServerName::parse)?,
        behind: query.behind.unwrap_or(false),
        without_backup: query.without_backup.unwrap_or(false),
        misplaced: query.misplaced.unwrap_or(false),
        sort: query.sort.as_deref().map(Sort::parse).transpose()?.unwrap_or_default(),
        after: query.after.map(|id| TenantId::from_raw(id.0)),
        limit: query.limit.0,
    })
}

/// `GET /api/admin/tenants/{slug}`.
pub(in crate::http) async fn show(on: StaffOn) -> Result<Json<TenantInFull>> {
    let tenant = on.platform().tenants().show(&on.slug).await?.into();
    let misplaced = on.platform().moves().misplaced(&on.actor, &on.slug).await?;
    Ok(Json(TenantInFull { tenant, misplaced: misplaced.into_iter().map(Misplaced::from).collect() }))
}

/// `POST /api/admin/tenants/{slug}/suspend`.
pub(in crate::http) async fn suspend(on: StaffOn, Json(form): Json<Suspend>) -> Result<Json<TenantInFull>> {
    on.platform().tenants().suspend(&on.actor, &on.slug, form.reason.trim()).await?;
    show(on).await
}

/// `POST /api/admin/tenants/{slug}/resume`.
pub(in crate::http) async fn resume(on: StaffOn) -> Result<Json<TenantInFull>> {
    on.platform().tenants().resume(&on.actor, &on.slug).await?;
    show(on).await
}

/// `POST /api/admin/tenants/{slug}/plan`.
pub(in crate::http) async fn change_plan(
    on: StaffOn,
    Json(form): Json<ChangePlan>,
) -> Result<Json<PlanChanged>> {
    if form.plan.is_none() && form.state.is_none() {
        return Err(Error::invalid("plan", "name a plan, a state, or both").into());
    }
    let mut wrong = Wrong::default();
    if let Some(plan) = &form.plan {
        wrong.take(on.platform().plans().by_code(plan).await)?;
    }
    let state = form.state.as_deref().map(plans::State::parse).transpose();
    let state = state.map_err(|_| Error::invalid("state", "trial, active, past_due, cancelled or expired"));
    let state = wrong.take(state)?;
    if form.ends_at.is_some() && form.state.is_none() {
        wrong.take::<()>(Err(Error::invalid("ends_at", "belongs to a state: name the state too")))?;
    }
    let state = wrong.finish_with(state)?;
    let state = state.map(|state| (state, form.ends_at.map(|at| at.0)));
    let change = SubscriptionChange { plan: form.plan.map(|plan| plan.0), state, moves: form.r#move };
    let changed = on.platform().plans().change_subscription(&on.actor, &on.slug, change).await?;
    let Json(tenant) = show(on).await?;
    Ok(Json(PlanChanged { tenant, operation: changed.operation, obstacle: changed.obstacle.map(obstacle) }))
}

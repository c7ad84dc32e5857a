//! Staff handlers for plans and subscriptions.

use crate::{
    http::{
        App,
        body::Json,
        operation::{Started, started},
        problem::Result,
        query::QueryParams,
        scope::Staff,
        typed::Created,
    },
    wire::{
        Page,
        operation::{Operation, Wait},
        plan::{ChangedPlan, NewPlan, PlacePlan, StaffPlan, Subscription, SubscriptionsQuery},
    },
};
use axum::extract::Path;
use std::collections::HashMap;
use tenantry::{
    Error,
    access::Actor,
    name::TenantId,
    plans::{Plan, State, SubscriptionFilter},
};

/// Returns plans with the number of tenants on each.
pub(in crate::http) async fn counted(app: &App, actor: &Actor, plans: Vec<Plan>) -> Result<Vec<StaffPlan>> {
    let counts: HashMap<_, _> = app.platform().plans().counts(actor).await?.into_iter().collect();
    let count = |plan: Plan| {
        let tenants = counts.get(&plan.spec.code).copied().unwrap_or(0);
        StaffPlan::from((plan, tenants))
    };
    Ok(plans.into_iter().map(count).collect())
}

async fn one(app: &App, actor: &Actor, plan: Plan) -> Result<StaffPlan> {
    counted(app, actor, vec![plan]).await?.pop().ok_or_else(|| Error::NotFound("plan").into())
}

/// `GET /api/admin/plans`: all plans, including archived ones.
pub(in crate::http) async fn list(app: App, Staff(actor): Staff) -> Result<Json<Page<StaffPlan>>> {
    let plans = app.platform().plans().list().await?;
    Ok(Json(Page::all(counted(&app, &actor, plans).await?)))
}

/// `POST /api/admin/plans`.
pub(in crate::http) async fn create(
    app: App,
    Staff(actor): Staff,
    Json(form): Json<NewPlan>,
) -> Result<Created<StaffPlan>> {
    let plan = app.platform().plans().create(&actor, form.into()).await?;
    Ok(Created(one(&app, &actor, plan).await?))
}

/// `PATCH /api/admin/plans/{code}`.
pub(in crate::http) async fn change(
    app: App,
    Staff(actor): Staff,
    Path(code): Path<String>,
    Json(form): Json<ChangedPlan>,
) -> Result<Json<StaffPlan>> {
    let plan = app.platform().plans().change(&actor, &code, form.into()).await?;
    Ok(Json(one(&app, &actor, plan).await?))
}

/// `POST /api/admin/plans/{code}/reset`.
pub(in crate::http) async fn reset(
    app: App,
    Staff(actor): Staff,
    Path(code): Path<String>,
) -> Result<Json<StaffPlan>> {
    let plan = app.platform().plans().reset(&actor, &code).await?;
    Ok(Json(one(&app, &actor, plan).await?))
}

/// `POST /api/admin/plans/{code}/place`: moves the tenants of the plan whose databases are on servers that do not fit it.
pub(in crate::http) async fn place(
    app: App,
    Staff(actor): Staff,
    Path(code): Path<String>,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<PlacePlan>,
) -> Result<Started<Operation>> {
    let id = app.platform().moves().place(&actor, &code, form.parallel).await?;
    started(&app, id, &wait).await
}

/// `GET /api/admin/subscriptions`: subscriptions, the next renewal first.
pub(in crate::http) async fn subscriptions(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<SubscriptionsQuery>,
) -> Result<Json<Page<Subscription>>> {
    let filter = filter(query)?;
    let listed = app.platform().plans().subscriptions(&actor, &filter).await?;
    Ok(app.page(listed, filter.limit, |subscription: &Subscription| subscription.tenant))
}

/// Returns the filter that a query names.
///
/// # Errors
/// Returns an error if a parameter has a value that does not exist.
pub(in crate::http) fn filter(query: SubscriptionsQuery) -> Result<SubscriptionFilter> {
    let state = query.state.as_deref().map(State::parse).transpose();
    Ok(SubscriptionFilter {
        search: query.q,
        plan: query.plan,
        state: state.map_err(|_| Error::invalid("state", "trial, active, past_due, cancelled or expired"))?,
        within_days: query.within_days,
        live: query.live,
        after: query.after.map(|id| TenantId::from_raw(id.0)),
        limit: query.limit.0,
    })
}

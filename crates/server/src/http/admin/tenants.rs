//! Staff handlers for tenants: list, show, suspend, resume, change the plan.

use crate::http::{
    App, body::Json as Input, names::Company, problem::Result, query::Words, scope::Staff, view,
};
use crate::instants;
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    Error,
    error::Wrong,
    name::TenantId,
    plans,
    tenants::{self, Filter, Listed},
};

/// Query of [`list`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Query {
    q: Option<String>,
    state: Option<String>,
    after: Option<i64>,
    limit: Option<u32>,
}

/// `GET /api/admin/tenants`.
pub(in crate::http) async fn list(
    State(app): State<App>,
    Staff(_): Staff,
    Words(query): Words<Query>,
) -> Result<Json<Value>> {
    let state = query.state.as_deref().map(tenants::State::parse).transpose();
    let state = state
        .map_err(|_| Error::invalid("state", "creating, active, suspended, cancelled, purging or gone"))?;
    let limit = view::limit(query.limit);
    let filter = Filter { search: query.q, state, after: query.after.map(TenantId::from_raw), limit };
    let listed = app.platform().list_tenants(&filter).await?;
    Ok(view::page(&app, listed.iter().map(shown)))
}

/// `GET /api/admin/tenants/{slug}`.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Staff(_): Staff,
    Company(slug): Company,
) -> Result<Json<Value>> {
    let listed = app.platform().show_tenant(&slug).await?;
    Ok(Json(shown(&listed)))
}

/// Body of [`suspend`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Reason {
    reason: String,
}

/// `POST /api/admin/tenants/{slug}/suspend`.
pub(in crate::http) async fn suspend(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Input(form): Input<Reason>,
) -> Result<Json<Value>> {
    app.platform().suspend_tenant(&actor, &slug, form.reason.trim()).await?;
    show(State(app), Staff(actor), Company(slug)).await
}

/// `POST /api/admin/tenants/{slug}/resume`.
pub(in crate::http) async fn resume(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
) -> Result<Json<Value>> {
    app.platform().resume_tenant(&actor, &slug).await?;
    show(State(app), Staff(actor), Company(slug)).await
}

/// Body of [`change_plan`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Plan {
    plan: Option<String>,
    state: Option<String>,
    ends_at: Option<jiff::Timestamp>,
}

/// `POST /api/admin/tenants/{slug}/plan`.
pub(in crate::http) async fn change_plan(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Input(form): Input<Plan>,
) -> Result<Json<Value>> {
    if form.plan.is_none() && form.state.is_none() {
        return Err(Error::invalid("plan", "name a plan, a state, or both").into());
    }
    let mut wrong = Wrong::default();
    if let Some(plan) = &form.plan {
        wrong.take(app.platform().plans().by_code(plan).await)?;
    }
    let state = form.state.as_deref().map(plans::State::parse).transpose();
    let state = state.map_err(|_| Error::invalid("state", "trial, active, past_due, cancelled or expired"));
    let state = wrong.take(state)?;
    if form.ends_at.is_some() && form.state.is_none() {
        wrong.take::<()>(Err(Error::invalid("ends_at", "belongs to a state: name the state too")))?;
    }
    let state = wrong.finish_with(state)?;
    let state = state.map(|state| (state, form.ends_at.map(|t| t.as_microsecond())));
    app.platform().change_subscription(&actor, &slug, form.plan.as_deref(), state).await?;
    show(State(app), Staff(actor), Company(slug)).await
}

pub(super) fn shown(t: &Listed) -> Value {
    json!({
        "id": t.id, "slug": t.slug, "name": t.name, "email": t.email, "state": t.state,
        "maintenance": t.maintenance, "ends": view::ends(t.retirement), "users": t.users,
        "plan": t.plan, "subscription": t.subscription, "days_remaining": t.days_remaining,
        "created_at": view::at(t.created_at_us), "placements": instants::wire(&t.placements),
    })
}

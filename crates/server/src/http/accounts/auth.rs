//! Handlers for sign-in, sign-out, sessions, choice of tenant and the current user.
//!
//! The platform checks; this module reads forms and sets cookies. The answer does not reveal what was wrong with a
//! sign-in (`account-enumeration`).

use crate::http::{
    App,
    body::Json as Input,
    cookie,
    names::{Number, absent_unless},
    problem::{Code, Problem, Result},
    scope::{Caller, Client},
    view,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    Error,
    access::{Actor, host, login::Login, passwords::Password},
    name::Slug,
};

/// Body of [`login`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    email: String,
    password: Password,
    tenant: Option<String>,
}

/// `POST /api/auth/login`.
pub(in crate::http) async fn login(
    State(app): State<App>,
    client: Client,
    Input(form): Input<Form>,
) -> Result<Response> {
    let tenant = wanted(&app, form.tenant.as_deref(), client.host.as_deref())?;
    let login = Login { email: form.email, password: form.password, tenant, origin: client.origin };
    let signed_in = app.platform().access().login(login).await.map_err(refused)?;
    Ok(view::session(&app, StatusCode::OK, &signed_in))
}

/// Converts a failed sign-in to a problem that does not say which part was wrong.
fn refused(error: Error) -> Problem {
    match error {
        Error::Unauthenticated(private) => {
            Problem::new(Code::Unauthenticated, "E-mail address, password or company is wrong.")
                .remedy("Check all three. Until you have confirmed your address, name the company as well. If you forgot the \
                     password: POST /api/auth/password/forgot.")
                .private(private)
        }
        other => other.into(),
    }
}

/// Returns the tenant named by form and host, which must agree if both name one (`sources-disagree`).
pub(in crate::http) fn wanted(app: &App, form: Option<&str>, host: Option<&str>) -> Result<Option<Slug>> {
    let base = &app.platform().config().platform.base_domain;
    let of_host = host.map(|host| host::tenant_of(host, base)).transpose()?.flatten();
    // Text that is not a slug names no tenant: give the same answer as for a wrong password.
    let wrong = || refused(Error::Unauthenticated("no such tenant, or host and form disagree".into()));
    let of_form = form.map(|text| Slug::parse(text).map_err(|_| wrong())).transpose()?;
    match (of_host, of_form) {
        (Some(host), Some(form)) if host != form => Err(wrong()),
        (host, form) => Ok(host.or(form)),
    }
}

/// `POST /api/auth/logout`: ends the session or the impersonation.
pub(in crate::http) async fn logout(State(app): State<App>, Caller(actor): Caller) -> Result<Response> {
    let access = app.platform().access();
    match actor.impersonator().is_some() {
        true => access.stop_impersonating(&actor).await?,
        false => access.logout(&actor).await?,
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = cookie::clear(app.options().https) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `GET /api/auth/sessions`.
pub(in crate::http) async fn sessions(State(app): State<App>, Caller(actor): Caller) -> Result<Json<Value>> {
    let current = actor.current_session().map(|session| session.id);
    let sessions = app.platform().access().sessions().list(&actor).await?;
    Ok(view::items(sessions.into_iter().map(|s| {
        json!({
            "id": s.id, "tenant": s.tenant, "created_at": view::at(s.created_us), "expires_at": view::at(s.expires_us),
            "last_seen_at": view::at(s.seen_us), "address": s.address, "agent": s.agent,
            "impersonated": s.impersonated, "current": Some(s.id) == current,
        })
    })))
}

/// `DELETE /api/auth/sessions/{id}`.
pub(in crate::http) async fn revoke(
    State(app): State<App>,
    Caller(actor): Caller,
    Number(id): Number,
) -> Result<StatusCode> {
    app.platform().access().sessions().revoke(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Body of [`switch`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Switch {
    tenant: String,
}

/// `POST /api/auth/switch`.
pub(in crate::http) async fn switch(
    State(app): State<App>,
    Caller(actor): Caller,
    Input(form): Input<Switch>,
) -> Result<Json<Value>> {
    let access = app.platform().access();
    let slug = absent_unless(&form.tenant)?;
    let tenant = access.directory().by_slug(&slug).await?;
    access.switch_tenant(&actor, tenant.id).await?;
    Ok(Json(json!({"tenant": tenant.slug, "name": tenant.name})))
}

/// Body of [`password`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Change {
    old: Password,
    new: Password,
}

/// `POST /api/auth/password`: ends every other session and answers with a new one.
pub(in crate::http) async fn password(
    State(app): State<App>,
    Caller(actor): Caller,
    client: Client,
    Input(form): Input<Change>,
) -> Result<Response> {
    let access = app.platform().access();
    let signed_in = access.change_password(&actor, form.old, form.new, &client.origin).await?;
    Ok(view::session(&app, StatusCode::OK, &signed_in))
}

/// `GET /api/me`.
pub(in crate::http) async fn me(State(app): State<App>, Caller(actor): Caller) -> Result<Json<Value>> {
    let access = app.platform().access();
    let user = match actor.user() {
        Some(user) => json!({
            "id": user.id, "email": user.email, "name": user.name, "confirmed": user.confirmed,
            "staff": actor.is_staff(), "superuser": actor.is_superuser(),
        }),
        None => Value::Null,
    };
    let choices = access.choices_of(&actor).await?;
    Ok(Json(json!({
        "actor": actor.label(),
        "user": user,
        "impersonator": actor.impersonator(),
        "tenant": current(&app, &actor).await?,
        "tenants": choices,
        "expires_at": view::at_opt(actor.current_session().map(|s| s.expires_us)),
    })))
}

/// Returns the slug of the tenant that the credentials are for.
async fn current(app: &App, actor: &Actor) -> Result<Option<String>> {
    let Some(id) = actor.bound().filter(|id| actor.belongs_to(*id)) else { return Ok(None) };
    let tenant = app.platform().access().directory().tenant(id).await?;
    Ok(Some(tenant.slug.to_string()))
}

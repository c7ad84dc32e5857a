//! Handlers for sign-in, sign-out, sessions, choice of tenant and the current user.
//!
//! The platform checks credentials; this module reads forms and sets cookies. The answer does not reveal which part of
//! a sign-in was wrong (`account-enumeration`).

use crate::{
    http::{
        App,
        body::Json,
        cookie,
        names::{PathId, absent_unless},
        problem::{Code, Problem, Result},
        scope::{Caller, Client},
        typed::{WithCookie, session},
    },
    wire::{
        Email, Instant, Page,
        session::{Choice, Chosen, Me, Myself, OwnSession, PasswordChange, Session, SignIn, Switch},
    },
};
use axum::response::NoContent;
use tenantry::{
    Error,
    access::{Actor, host, login::Login},
    name::Slug,
};

/// Handles `POST /api/auth/login`: signs a user in.
pub(in crate::http) async fn login(
    app: App,
    client: Client,
    Json(form): Json<SignIn>,
) -> Result<WithCookie<Json<Session>>> {
    let tenant = wanted(&app, form.tenant.as_deref(), client.host.as_deref())?;
    let login = Login { email: form.email.0, password: form.password.0, tenant, origin: client.origin };
    let signed_in = app.platform().access().login(login).await.map_err(refused)?;
    Ok(session(&app, &signed_in, Json))
}

/// Converts a failed sign-in to a problem that does not reveal which part was wrong.
pub(in crate::http) fn refused(error: Error) -> Problem {
    match error {
        Error::Unauthenticated(private) => {
            Problem::new(Code::Unauthenticated, "E-mail address, password or tenant is wrong.")
                .remedy("Check all three. Until you have confirmed your address, name the tenant as well. If you forgot the \
                     password: POST /api/auth/password/forgot.")
                .private(private)
        }
        other => other.into(),
    }
}

/// Returns the tenant that the form or the host names. If both name one, they must agree (`sources-disagree`).
pub(in crate::http) fn wanted(app: &App, form: Option<&str>, host: Option<&str>) -> Result<Option<Slug>> {
    let base = &app.platform().config().platform.base_domain;
    let of_host = host.map(|host| host::tenant_of(host, base)).transpose()?.flatten();
    // A text that is not a slug names no tenant, so it gets the same answer as a wrong password.
    let wrong = || refused(Error::Unauthenticated("no such tenant, or host and form disagree".into()));
    let of_form = form.map(|text| Slug::parse(text).map_err(|_| wrong())).transpose()?;
    match (of_host, of_form) {
        (Some(host), Some(form)) if host != form => Err(wrong()),
        (host, form) => Ok(host.or(form)),
    }
}

/// Handles `POST /api/auth/logout`: ends the session or the impersonation.
pub(in crate::http) async fn logout(app: App, Caller(actor): Caller) -> Result<WithCookie<NoContent>> {
    let access = app.platform().access();
    match actor.impersonator().is_some() {
        true => access.stop_impersonating(&actor).await?,
        false => access.logout(&actor).await?,
    }
    Ok(WithCookie(NoContent, cookie::clear(app.options().https)))
}

/// Handles `GET /api/auth/sessions`: lists the caller's sessions.
pub(in crate::http) async fn sessions(app: App, Caller(actor): Caller) -> Result<Json<Page<OwnSession>>> {
    let current = actor.current_session().map(|session| session.id);
    let sessions = app.platform().access().sessions().list(&actor).await?;
    Ok(Json(Page::all(sessions.into_iter().map(|session| OwnSession::new(session, current)))))
}

/// Handles `DELETE /api/auth/sessions/{id}`: ends one of the caller's sessions.
pub(in crate::http) async fn revoke(
    app: App,
    Caller(actor): Caller,
    PathId(id): PathId,
) -> Result<NoContent> {
    app.platform().access().sessions().revoke(&actor, id).await?;
    Ok(NoContent)
}

/// Handles `POST /api/auth/switch`: switches the session to another tenant.
pub(in crate::http) async fn switch(
    app: App,
    Caller(actor): Caller,
    Json(form): Json<Switch>,
) -> Result<Json<Chosen>> {
    let access = app.platform().access();
    let slug = absent_unless(&form.tenant)?;
    let tenant = access.directory().by_slug(&slug).await?;
    access.switch_tenant(&actor, tenant.id).await?;
    Ok(Json(Chosen { tenant: tenant.slug.to_string(), name: tenant.name.clone() }))
}

/// Handles `POST /api/auth/password`: changes the password, ends every other session, and answers with a new one.
pub(in crate::http) async fn password(
    app: App,
    Caller(actor): Caller,
    client: Client,
    Json(form): Json<PasswordChange>,
) -> Result<WithCookie<Json<Session>>> {
    let access = app.platform().access();
    let signed_in = access.change_password(&actor, form.old.0, form.new.0, &client.origin).await?;
    Ok(session(&app, &signed_in, Json))
}

/// Handles `GET /api/me`: returns the caller.
pub(in crate::http) async fn me(app: App, Caller(actor): Caller) -> Result<Json<Me>> {
    let access = app.platform().access();
    let user = actor.user().map(|user| Myself {
        id: user.id.get(),
        email: Email(user.email.to_string()),
        name: user.name.to_string(),
        language: user.locale.language.clone(),
        time_zone: user.locale.time_zone.clone(),
        confirmed: user.confirmed,
        staff: actor.is_staff(),
        superuser: actor.is_superuser(),
    });
    Ok(Json(Me {
        actor: actor.label().to_owned(),
        user,
        impersonator: actor.impersonator().map(|name| name.to_string()),
        tenant: current(&app, &actor).await?,
        tenants: access.choices_of(&actor).await?.into_iter().map(Choice::from).collect(),
        expires_at: actor.current_session().map(|session| Instant(session.expires_us)),
    }))
}

/// Returns the slug of the tenant for which the credentials are valid.
async fn current(app: &App, actor: &Actor) -> Result<Option<String>> {
    let Some(id) = actor.bound().filter(|id| actor.belongs_to(*id)) else { return Ok(None) };
    let tenant = app.platform().access().directory().tenant(id).await?;
    Ok(Some(tenant.slug.to_string()))
}

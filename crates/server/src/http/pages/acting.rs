//! Support visits: a staff member works on the pages of a company as one of its members (`impersonation-abuse`). The
//! browser sends the visit in a second cookie.
//!
//! The server reads that cookie only on pages of a company, and only if the same request carries a session of the staff
//! member that the visit belongs to. The API, the pages of staff and the account page never read the cookie. The
//! platform still refuses acts that are reserved for the member in person.

use super::{
    answer::{page, see},
    frame,
    visit::{Sent, Visit},
};
use crate::http::{
    App, cookie,
    problem::{Code, Problem, Result},
    scope,
    typed::WithCookie,
};
use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, request::Parts};
use tenantry::{
    Error,
    access::{Actor, Presented},
};
use tenantry_console::{Frame, master::Exit};

/// A support visit, whatever the state of its company is.
pub(in crate::http) struct Acting {
    visit: Visit,
    actor: Actor,
    staff: String,
}

/// Returns the session of the support visit that a request presents, and the name of the staff member. Returns `None`
/// if there is no visit, or if another staff member began it.
///
/// # Errors
/// Returns [`Code::Unauthenticated`] if the visit is over, or if the staff member is not signed in any more.
pub(super) async fn session<'p>(app: &App, parts: &'p Parts) -> Result<Option<(&'p str, String)>> {
    Ok(find(app, parts).await?.map(|(token, _, staff)| (token, staff)))
}

async fn find<'p>(app: &App, parts: &'p Parts) -> Result<Option<(&'p str, Actor, String)>> {
    let Some((token, slug)) = cookie::read_acting(&parts.headers, app.options().https) else {
        return Ok(None);
    };
    let access = app.platform().access();
    let own = Presented { session: scope::shown(app, parts)?.cookie, ..Presented::default() };
    let own = access.resolve(&own).await?.actor;
    match access.resolve(&Presented { session: Some(token), ..Presented::default() }).await {
        Ok(visit) if visit.actor.impersonator() == Some(own.label()) => {
            let staff = own.user().map(|user| user.name.clone()).unwrap_or_default();
            Ok(Some((token, visit.actor, staff)))
        }
        // Another staff member began this visit in the same browser.
        Ok(_) => Ok(None),
        Err(Error::Unauthenticated(_)) if own.is_staff() => Err(over(&over_at(slug))),
        // The browser still has the cookie of another user's visit: the page is opened again, without the visit.
        Err(Error::Unauthenticated(_)) => Err(over(match parts.uri.path() {
            "/exit/" => "/",
            _ => parts.uri.path_and_query().map_or("/", |path| path.as_str()),
        })),
        Err(error) => Err(error.into()),
    }
}

/// Returns the problem of a visit that has ended. `to` is the page to which the browser is redirected.
fn over(to: &str) -> Problem {
    Problem::new(Code::Unauthenticated, "Your support visit is over. Nothing was changed.").and_lead_to(to)
}

/// Returns the page to which staff are redirected after the end of a visit. The slug comes from the browser.
fn over_at(slug: &str) -> String {
    let known = tenantry::name::Slug::parse(slug);
    known.map_or_else(|_| "/master-admin/".into(), |slug| back(slug.as_str(), "over"))
}

fn back(slug: &str, why: &str) -> String {
    format!("/master-admin/companies/{slug}/?_done=visit-{why}")
}

/// Ends the visit that a request presents, if there is one. Called before another visit begins, and at sign-out.
pub(super) async fn end(app: &App, headers: &HeaderMap) -> Result<()> {
    let Some((token, _)) = cookie::read_acting(headers, app.options().https) else { return Ok(()) };
    let access = app.platform().access();
    match access.resolve(&Presented { session: Some(token), ..Presented::default() }).await {
        Ok(visit) if visit.actor.impersonator().is_some() => {
            Ok(access.stop_impersonating(&visit.actor).await?)
        }
        Ok(_) | Err(Error::Unauthenticated(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl FromRequestParts<App> for Acting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let mut shown = scope::shown(app, parts)?;
        let Some((token, actor, staff)) = find(app, parts).await? else {
            // A caller without a credential gets 401, others get 404.
            app.platform().access().resolve(&shown.presented()).await?;
            return Err(Problem::absent());
        };
        shown.cookie = Some(token);
        let company = match actor.bound() {
            Some(tenant) => Some(app.platform().access().directory().tenant(tenant).await?),
            None => None,
        };
        let visit = Visit::with(app, parts, &shown, (Some(&actor), company));
        Ok(Self { visit, actor, staff })
    }
}

impl Acting {
    fn slug(&self) -> &str {
        self.visit.company.as_ref().map_or("", |company| company.slug.as_str())
    }
}

/// `GET /exit/`: describes the visit and has the button that ends it.
pub(in crate::http) async fn show(of: Acting) -> Result<Response> {
    let company = of.visit.company.clone().ok_or_else(Problem::absent)?;
    let frame = Frame {
        company: Some(frame::company(&of.visit, &company, &of.actor, Some(&of.staff))),
        ..frame::of_guest(&of.visit, of.visit.say("support-visit"))
    };
    Ok(page(StatusCode::OK, &Exit { frame: &frame }))
}

/// `POST /exit/`: ends the visit and redirects to the operators' page of the tenant.
pub(in crate::http) async fn exit(app: App, of: Acting, sent: Sent) -> Result<Response> {
    of.visit.fields(sent).await?;
    app.platform().access().stop_impersonating(&of.actor).await?;
    let cookie = cookie::clear_acting(app.options().https);
    Ok(WithCookie(see(&back(of.slug(), "ended")), cookie).into_response())
}

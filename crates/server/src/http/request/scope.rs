//! Extractors that resolve the caller and enter the tenant.
//!
//! Every handler that is not public uses one, and embedders' own routes can. Handlers cannot reach records without an
//! extractor, so none can omit the check (`unscoped-route`). No extractor holds a connection (`held-connection`).

use crate::http::{
    App,
    credentials::Shown,
    guard::{Note, Peer},
    names::{absent_unless, field, param},
    problem::{Code, Problem, Result},
};
use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderMap, header, request::Parts};
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    ops::Deref,
    sync::Arc,
};
use tenantry::{
    Platform,
    access::{self, Actor, Positions, Resolved, meter::Hold, sessions::Origin},
    name::{Slug, StoreName, TenantId},
    records::{self, Records},
};

/// The tenant that the request has entered, and inside which it continues.
///
/// This extractor also works on embedders' routes: their state must provide an [`App`] through [`FromRef`].
#[derive(Debug)]
pub struct Tenant(pub access::Tenant);

/// The tenant that the request has entered. The caller manages this tenant; the extractor refuses other members.
#[derive(Debug)]
pub struct Manager(pub access::Tenant);

/// A caller with any valid credential, in no tenant.
#[derive(Debug)]
pub struct Caller(pub Actor);

/// Any caller; contains the actor if the request presents a valid credential.
pub(in crate::http) struct Visitor(pub(in crate::http) Option<Actor>);

/// A staff member as the caller. The route is absent for all other callers (`absent-not-forbidden`).
#[derive(Debug)]
pub struct Staff(pub Actor);

/// A superuser as the caller. The extractor refuses other staff; for all other callers the route is absent.
#[derive(Debug)]
pub struct Superuser(pub Actor);

/// A staff member as the caller, and the slug of the tenant in the path. The extractor does not check that the tenant
/// exists.
pub(in crate::http) struct StaffOn {
    pub(in crate::http) app: App,
    pub(in crate::http) actor: Actor,
    pub(in crate::http) slug: Slug,
}

/// The actor and the tenant that the request names, without entering it. State and billing pages use it.
pub(in crate::http) struct Named {
    pub(in crate::http) actor: Actor,
    pub(in crate::http) tenant: Option<TenantId>,
}

/// The origin of a request, with or without a credential.
#[derive(Clone)]
pub(in crate::http) struct Client {
    pub(in crate::http) origin: Origin,
    pub(in crate::http) host: Option<String>,
}

/// The scope of record routes: inside a tenant, or the shared models for staff.
pub(in crate::http) enum Scope {
    Tenant(Box<access::Tenant>),
    Staff(Actor, Positions),
}

impl Scope {
    pub(in crate::http) async fn resolve(
        app: &App,
        headers: &HeaderMap,
        path: &str,
        (peer, positions): (IpAddr, Positions),
    ) -> Result<Self> {
        let shown = Shown::read(app.options(), headers, path, peer)?;
        Self::of(app, &shown, positions).await
    }

    async fn of(app: &App, shown: &Shown<'_>, positions: Positions) -> Result<Self> {
        let access = app.platform().access();
        let resolved = access.resolve(&shown.presented()).await?;
        match resolved.tenant {
            Some(tenant) => {
                let mut tenant = access.enter(&resolved.actor, tenant).await?;
                tenant.follow(positions);
                if let Some(store) = shown.store {
                    tenant = tenant.using(field("store", store, StoreName::parse)?);
                }
                Ok(Self::Tenant(Box::new(tenant)))
            }
            None if resolved.actor.is_staff() && shown.store.is_some() => Err(Problem::new(
                Code::BadRequest,
                "X-Store names a store of a tenant, and the request names no tenant.",
            )),
            None if resolved.actor.is_staff() => Ok(Self::Staff(resolved.actor, positions)),
            None => Err(nowhere()),
        }
    }

    /// Returns the records of a model as the request sees them.
    pub(in crate::http) fn records<'a>(&'a self, app: &'a App, model: &str) -> Result<Records<'a>> {
        let platform = app.platform();
        match self {
            Self::Tenant(tenant) => Ok(platform.records(&**tenant, model)?),
            Self::Staff(actor, positions) => {
                Ok(platform.records(records::Scope::Staff(actor), model)?.following(positions))
            }
        }
    }

    /// Returns a shared hold on the permit that counts the request against its tenant.
    pub(in crate::http) fn hold(&mut self) -> Option<Hold> {
        match self {
            Self::Tenant(tenant) => tenant.hold(),
            Self::Staff(..) => None,
        }
    }

    fn actor(&self) -> &Actor {
        match self {
            Self::Tenant(tenant) => tenant.actor(),
            Self::Staff(actor, _) => actor,
        }
    }

    /// Returns the ids of the tenant and the user for the log; 0 if there is none.
    pub(in crate::http) fn noted(&self) -> (i64, i64) {
        match self {
            Self::Tenant(tenant) => (tenant.id().get(), user(tenant.actor())),
            Self::Staff(actor, _) => (0, user(actor)),
        }
    }
}

/// Returns the problem for a signed-in caller that has several tenants or none, and names no tenant.
fn nowhere() -> Problem {
    Problem::new(Code::NotFound, "No tenant is chosen.")
        .remedy("POST /api/auth/switch with one of the tenants that GET /api/me lists.")
}

fn user(actor: &Actor) -> i64 {
    actor.user_id().map_or(0, |id| id.get())
}

fn peer(parts: &Parts) -> IpAddr {
    // Without `serve`, the address is unknown. No proxy range contains this one.
    parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
}

fn note(parts: &Parts, tenant: i64, actor: &Actor) {
    if let Some(note) = parts.extensions.get::<Arc<Note>>() {
        note.caller(tenant, user(actor), actor);
    }
}

async fn scope(app: &App, parts: &Parts) -> Result<Scope> {
    scope_of(app, parts, &shown(app, parts)?).await
}

async fn scope_of(app: &App, parts: &Parts, shown: &Shown<'_>) -> Result<Scope> {
    // Without `serve`, there are no positions, as on an embedder's router that has no guard.
    let positions = parts.extensions.get::<Positions>().cloned().unwrap_or_default();
    let mut scope = Scope::of(app, shown, positions).await?;
    note(parts, scope.noted().0, scope.actor());
    if let Some(note) = parts.extensions.get::<Arc<Note>>() {
        note.hold(scope.hold());
    }
    Ok(scope)
}

/// Reads what the request presents.
pub(in crate::http) fn shown<'p>(app: &App, parts: &'p Parts) -> Result<Shown<'p>> {
    Shown::read(app.options(), &parts.headers, parts.uri.path(), peer(parts))
}

async fn entered(app: &App, parts: &Parts) -> Result<access::Tenant> {
    entered_with(app, parts, &shown(app, parts)?).await
}

/// Enters the tenant for which these credentials are valid.
pub(in crate::http) async fn entered_with(
    app: &App,
    parts: &Parts,
    shown: &Shown<'_>,
) -> Result<access::Tenant> {
    match scope_of(app, parts, shown).await? {
        Scope::Tenant(tenant) => Ok(*tenant),
        // The request comes from a staff account and names no tenant.
        Scope::Staff(..) => Err(Problem::absent()),
    }
}

async fn managed(app: &App, parts: &Parts) -> Result<access::Tenant> {
    let tenant = entered(app, parts).await?;
    tenant.require_manager()?;
    Ok(tenant)
}

async fn resolved(app: &App, parts: &Parts) -> Result<Resolved> {
    let shown = shown(app, parts)?;
    let resolved = app.platform().access().resolve(&shown.presented()).await?;
    // A session may outlive a membership, and only members may see the tenant's figures.
    let tenant = resolved.tenant.filter(|id| resolved.actor.belongs_to(*id));
    note(parts, tenant.map_or(0, |id| id.get()), &resolved.actor);
    Ok(resolved)
}

async fn actor(app: &App, parts: &Parts) -> Result<Actor> {
    resolved(app, parts).await.map(|resolved| resolved.actor)
}

async fn staff(app: &App, parts: &Parts) -> Result<Actor> {
    let actor = actor(app, parts).await?;
    actor.require_staff()?;
    Ok(actor)
}

async fn superuser(app: &App, parts: &Parts) -> Result<Actor> {
    let actor = staff(app, parts).await?;
    actor.require_superuser("use this route")?;
    Ok(actor)
}

impl FromRequestParts<App> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let resolved = resolved(app, parts).await?;
        Ok(Self { actor: resolved.actor, tenant: resolved.tenant })
    }
}

impl FromRequestParts<App> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let shown = shown(app, parts)?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok());
        let origin = Origin { address: Some(shown.address), agent: agent.map(str::to_owned) };
        Ok(Self { origin, host: shown.host.map(str::to_owned) })
    }
}

impl FromRequestParts<App> for Scope {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        scope(app, parts).await
    }
}

/// Implements extractors for every state that provides an [`App`], so that embedders' routes can use them.
macro_rules! extractors {
    ($($name:ident: $extracted:ident;)*) => {$(
        impl<S> FromRequestParts<S> for $name
        where
            App: FromRef<S>,
            S: Send + Sync,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
                $extracted(&App::from_ref(state), parts).await.map(Self)
            }
        }
    )*};
}

extractors! {
    Tenant: entered;
    Manager: managed;
    Caller: actor;
    Staff: staff;
    Superuser: superuser;
}

impl FromRequestParts<App> for StaffOn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let actor = staff(app, parts).await?;
        let slug = absent_unless(&param(parts, app, "slug").await?)?;
        Ok(Self { app: app.clone(), actor, slug })
    }
}

impl StaffOn {
    /// Returns the platform.
    pub(in crate::http) fn platform(&self) -> &Platform {
        self.app.platform()
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    /// Treats an expired credential as none, because an old cookie must not block a public route.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        match actor(app, parts).await {
            Ok(actor) => Ok(Self(Some(actor))),
            Err(problem) if problem.code() == Code::Unauthenticated => Ok(Self(None)),
            Err(problem) => Err(problem),
        }
    }
}

impl FromRequestParts<App> for App {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(app.clone())
    }
}

impl Deref for Manager {
    type Target = access::Tenant;
    fn deref(&self) -> &access::Tenant {
        &self.0
    }
}

impl Deref for Tenant {
    type Target = access::Tenant;
    fn deref(&self) -> &access::Tenant {
        &self.0
    }
}

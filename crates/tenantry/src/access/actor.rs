//! The acting identity: created only from checked credentials, and passed to all code that authorises.
//!
//! `gates`, records, operations and the audit log use it. It has no public constructor, no `Default` and no
//! `Deserialize`; embedding programs get an actor from `Platform::resolve`. An actor never opens a tenant: only `enter`
//! does.

use super::{api_keys::Key, directory::User, session::Session};
use crate::{Error, Result, audit::By};
use std::sync::Arc;
use tenantry_engine::name::{RoleName, Slug, TenantId, UserId};

/// An identity whose credentials were checked in this request. Cheap to clone.
#[derive(Clone)]
pub struct Actor {
    who: Who,
    /// Role in the entered tenant; `None` outside a tenant.
    role: Option<RoleName>,
    /// The only tenant for which the credentials are valid; `None` for any tenant of the user.
    bound: Option<TenantId>,
    /// Tenants that the token's issuer may name; `None` for any tenant (`foreign-issuer`).
    allowed: Option<Arc<[Slug]>>,
    /// Time at which the person proved their identity to the issuer, in microseconds since 1970, UTC; `None` if it is
    /// not known, or the credential is not a token.
    authenticated_us: Option<i64>,
}

#[derive(Clone)]
enum Who {
    User { user: Arc<User>, session: Option<Arc<Session>> },
    Key { key: Arc<Key>, role: RoleName },
    System(Arc<str>),
}

impl Actor {
    /// Creates the actor of a user who is signed in with a session.
    pub(super) fn session(user: Arc<User>, session: Arc<Session>) -> Self {
        let bound = session.tenant;
        Self { bound, ..Self::of(Who::User { user, session: Some(session) }) }
    }

    /// Creates the actor of a user whom the token of a foreign issuer identifies.
    pub(super) fn token(
        user: Arc<User>,
        allowed: Option<Arc<[Slug]>>,
        authenticated_us: Option<i64>,
    ) -> Self {
        Self { allowed, authenticated_us, ..Self::of(Who::User { user, session: None }) }
    }

    /// Creates the actor of a tenant's API key, with the role that the rights of the key's maker allow.
    pub(super) fn key(key: Arc<Key>, role: RoleName) -> Self {
        let bound = Some(key.tenant);
        Self { bound, ..Self::of(Who::Key { key, role }) }
    }

    /// Creates the actor of the platform itself, for reconcilers and start-up.
    pub(crate) fn platform() -> Self {
        Self::system("system")
    }

    /// Creates the actor of the platform or of its operator, by name. It must never be used for a request from a
    /// network.
    pub(super) fn system(label: &str) -> Self {
        Self::of(Who::System(label.into()))
    }

    fn of(who: Who) -> Self {
        Self { who, role: None, bound: None, allowed: None, authenticated_us: None }
    }

    /// Binds the actor to the tenant on which all its sources agreed.
    pub(super) fn bind(mut self, tenant: Option<TenantId>) -> Self {
        self.bound = tenant.or(self.bound);
        self
    }

    /// Returns the actor with its role inside a tenant.
    pub(super) fn with_role(&self, role: Option<RoleName>) -> Self {
        Self { role, ..self.clone() }
    }

    /// Returns the label of the actor in the logs: `user:12`, `key:5`, `cli:root`.
    pub fn label(&self) -> &str {
        match &self.who {
            Who::User { user, .. } => &user.label,
            Who::Key { key, .. } => &key.label,
            Who::System(label) => label,
        }
    }

    /// Returns the label of the staff member behind an impersonated user (`impersonation-abuse`).
    pub fn impersonator(&self) -> Option<&str> {
        self.current_session()?.impersonator.as_ref().map(|i| i.label.as_str())
    }

    /// Returns both identities, the actor's and the impersonator's, for the audit log.
    pub fn by(&self) -> By {
        By { actor: self.label().to_owned(), impersonator: self.impersonator().map(str::to_owned) }
    }

    /// Returns the id of the user, if the actor is a user.
    pub fn user_id(&self) -> Option<UserId> {
        self.user().map(|user| user.id)
    }

    /// Returns the record of the user, if the actor is a user.
    pub fn user(&self) -> Option<&User> {
        match &self.who {
            Who::User { user, .. } => Some(user),
            _ => None,
        }
    }

    /// Returns the API key, if the actor is an API key.
    pub fn api_key(&self) -> Option<&Key> {
        match &self.who {
            Who::Key { key, .. } => Some(key),
            _ => None,
        }
    }

    /// Returns the role that the actor's credential gives in this tenant. `None` for the operator, and for actors who
    /// do not belong to the tenant.
    pub(super) fn role_in(&self, tenant: TenantId) -> Option<&RoleName> {
        match &self.who {
            Who::User { user, .. } => user.role_in(tenant),
            Who::Key { key, role } => (key.tenant == tenant).then_some(role),
            Who::System(_) => None,
        }
    }

    /// Returns true if the actor's credential has a role in this tenant. The operator belongs to all tenants.
    pub fn belongs_to(&self, tenant: TenantId) -> bool {
        self.is_system() || self.role_in(tenant).is_some()
    }

    /// Returns true if answers about the account may mention this tenant. An impersonator sees only the tenant they
    /// entered, and the token of a restricted issuer only the tenants of that issuer.
    pub(super) fn may_tell_of(&self, tenant: TenantId, slug: &Slug) -> bool {
        let entered = self.current_session().and_then(|session| session.tenant);
        self.issuer_allows(slug) && (self.impersonator().is_none() || entered == Some(tenant))
    }

    /// Returns the session of the request, if it has one.
    pub fn current_session(&self) -> Option<&Session> {
        match &self.who {
            Who::User { session, .. } => session.as_deref(),
            _ => None,
        }
    }

    /// Returns the time at which the person behind the credential last proved their identity, in microseconds since
    /// 1970, UTC, or `None` if it is not known.
    pub(super) fn proven_us(&self) -> Option<i64> {
        match self.current_session() {
            Some(session) => Some(session.created_us),
            None => self.authenticated_us,
        }
    }

    /// Returns the role in the entered tenant.
    pub fn role(&self) -> Option<&RoleName> {
        self.role.as_ref()
    }

    /// Returns the only tenant for which the credentials are valid.
    pub fn bound(&self) -> Option<TenantId> {
        self.bound
    }

    /// Returns true if the token's issuer may name only certain tenants.
    pub(super) fn is_narrower(&self) -> bool {
        self.allowed.is_some()
    }

    pub(super) fn issuer_allows(&self, slug: &Slug) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.contains(slug))
    }

    /// Returns true if the user acts as themselves. An impersonator has neither the platform's rights nor a view of the
    /// whole account. The same holds for the token of an issuer that is restricted to tenants: a tenant's own issuer
    /// could name any user.
    pub(super) fn sees_whole_account(&self) -> bool {
        self.impersonator().is_none() && !self.is_narrower()
    }

    /// Returns true if the actor passes every permission list. An impersonating superuser does not, because they act as
    /// the other user.
    pub fn is_superuser(&self) -> bool {
        match &self.who {
            Who::User { user, .. } => user.superuser && self.sees_whole_account(),
            Who::Key { .. } => false,
            Who::System(_) => true,
        }
    }

    /// Returns true if the actor is platform staff, acting as themselves.
    pub fn is_staff(&self) -> bool {
        match &self.who {
            Who::User { user, .. } => (user.staff || user.superuser) && self.sees_whole_account(),
            Who::Key { .. } => false,
            Who::System(_) => true,
        }
    }

    /// Returns true for the platform or its operator, and false for a user or an API key.
    pub fn is_system(&self) -> bool {
        matches!(self.who, Who::System(_))
    }

    /// Checks that the actor may change passwords, sessions, keys and memberships. Only a person acting as themselves
    /// or the operator may; an impersonator (`impersonation-abuse`) or a key never may.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] for all other actors.
    pub fn may_change_credentials(&self) -> Result<()> {
        match &self.who {
            Who::Key { .. } => Err(Error::Denied("an API key changes no credentials".into())),
            Who::User { .. } if self.impersonator().is_some() => {
                Err(Error::Denied("no credential changes while impersonating".into()))
            }
            Who::User { .. } if self.is_narrower() => {
                Err(Error::Denied("a tenant's issuer changes no credentials".into()))
            }
            _ => Ok(()),
        }
    }

    /// Requires a superuser, for actions that may cost rows or space, on which other staff may not decide.
    ///
    /// # Errors
    /// Returns [`Error::Denied`], with the refused action `what`, for all other actors.
    pub fn require_superuser(&self, what: &str) -> Result<()> {
        if self.is_superuser() {
            return Ok(());
        }
        Err(Error::Denied(format!("{self:?} is no superuser and may not {what}")))
    }

    /// Requires platform staff. For all other actors, staff pages do not exist (`absent-not-forbidden`).
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for all other actors.
    pub fn require_staff(&self) -> Result<()> {
        if self.is_staff() { Ok(()) } else { Err(Error::NotFound("page")) }
    }
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Actor({}", self.label())?;
        if let Some(impersonator) = self.impersonator() {
            write!(f, " by {impersonator}")?;
        }
        match &self.role {
            Some(role) => write!(f, ", {role})"),
            None => f.write_str(")"),
        }
    }
}

//! Who acts: made from checked credentials only, handed to everything that asks who may.
//!
//! Called by `gates`, records, operations and the audit log. It has no public constructor, no
//! `Default` and no `Deserialize`; a builder gets one from `Platform::resolve`. It never opens a
//! tenant: that is `enter`'s.

use super::{api_keys::Key, directory::User, session::Session};
use crate::{Error, Result, audit::By};
use std::sync::Arc;
use tenantry_engine::name::{RoleName, Slug, TenantId, UserId};

/// An identity whose credentials were checked in this request. Cheap to clone.
#[derive(Clone)]
pub struct Actor {
    who: Who,
    /// Role in the tenant that was entered; None outside.
    role: Option<RoleName>,
    /// The one tenant its credentials speak for; None is any the user belongs to.
    bound: Option<TenantId>,
    /// Tenants its issuer may speak for; None is any (`foreign-issuer`).
    allowed: Option<Arc<[Slug]>>,
}

#[derive(Clone)]
enum Who {
    User { user: Arc<User>, session: Option<Arc<Session>> },
    Key { key: Arc<Key>, role: RoleName },
    System(Arc<str>),
}

impl Actor {
    /// A signed-in user, by session.
    pub(super) fn session(user: Arc<User>, session: Arc<Session>) -> Self {
        let bound = session.tenant;
        Self { who: Who::User { user, session: Some(session) }, role: None, bound, allowed: None }
    }

    /// A user, by the token of a foreign issuer.
    pub(super) fn token(user: Arc<User>, allowed: Option<Arc<[Slug]>>) -> Self {
        Self { who: Who::User { user, session: None }, role: None, bound: None, allowed }
    }

    /// A tenant's API key, in the role that its maker's rights leave it.
    pub(super) fn key(key: Arc<Key>, role: RoleName) -> Self {
        let bound = Some(key.tenant);
        Self { who: Who::Key { key, role }, role: None, bound, allowed: None }
    }

    /// The platform itself or its operator at the command line, by name: `cli:root`, `system`.
    /// Never made from anything that came over a network.
    pub(crate) fn system(label: &str) -> Self {
        Self { who: Who::System(label.into()), role: None, bound: None, allowed: None }
    }

    /// The same, bound to the tenant on which all its sources agreed.
    pub(super) fn bind(mut self, tenant: Option<TenantId>) -> Self {
        self.bound = tenant.or(self.bound);
        self
    }

    /// The same inside a tenant.
    pub(super) fn with_role(&self, role: Option<RoleName>) -> Self {
        Self { role, ..self.clone() }
    }

    /// As the logs write it: `user:12`, `key:5`, `cli:root`.
    pub fn label(&self) -> &str {
        match &self.who {
            Who::User { user, .. } => &user.label,
            Who::Key { key, .. } => &key.label,
            Who::System(label) => label,
        }
    }

    /// Who is behind it while impersonating, as the logs write it (`impersonation-abuse`).
    pub fn impersonator(&self) -> Option<&str> {
        self.current_session()?.impersonator.as_ref().map(|i| i.label.as_str())
    }

    /// Both identities, for the audit log.
    pub fn by(&self) -> By {
        By { actor: self.label().to_owned(), impersonator: self.impersonator().map(str::to_owned) }
    }

    /// The user, if it is one.
    pub fn user_id(&self) -> Option<UserId> {
        self.user().map(|user| user.id)
    }

    /// The user's record, if it is one.
    pub fn user(&self) -> Option<&User> {
        match &self.who {
            Who::User { user, .. } => Some(user),
            _ => None,
        }
    }

    /// The API key, if it is one.
    pub fn api_key(&self) -> Option<&Key> {
        match &self.who {
            Who::Key { key, .. } => Some(key),
            _ => None,
        }
    }

    /// The role that its credential gives in that tenant; None for the operator, and for all others who do
    /// not belong there.
    pub(super) fn role_in(&self, tenant: TenantId) -> Option<&RoleName> {
        match &self.who {
            Who::User { user, .. } => user.role_in(tenant),
            Who::Key { key, role } => (key.tenant == tenant).then_some(role),
            Who::System(_) => None,
        }
    }

    /// Whether its credential has a role in that tenant; the operator belongs to all of them.
    pub fn belongs_to(&self, tenant: TenantId) -> bool {
        self.is_system() || self.role_in(tenant).is_some()
    }

    /// Whether answers about the account itself may tell of that tenant: an impersonator sees the one they
    /// entered, the token of a bound issuer those it speaks for.
    pub(super) fn may_tell_of(&self, tenant: TenantId, slug: &Slug) -> bool {
        let entered = self.current_session().and_then(|session| session.tenant);
        self.issuer_allows(slug) && (self.impersonator().is_none() || entered == Some(tenant))
    }

    /// The session it came by, if any.
    pub fn current_session(&self) -> Option<&Session> {
        match &self.who {
            Who::User { session, .. } => session.as_deref(),
            _ => None,
        }
    }

    /// Role in the tenant that was entered.
    pub fn role(&self) -> Option<&RoleName> {
        self.role.as_ref()
    }

    /// The one tenant its credentials speak for.
    pub fn bound(&self) -> Option<TenantId> {
        self.bound
    }

    /// Its issuer may speak for some tenants only.
    pub(super) fn is_narrower(&self) -> bool {
        self.allowed.is_some()
    }

    pub(super) fn issuer_allows(&self, slug: &Slug) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.contains(slug))
    }

    /// Whether it is the user as themselves. Neither an impersonator nor the token of an issuer bound to tenants
    /// carries the platform's rights or sees the whole account: a tenant's own issuer could name any user.
    pub(super) fn sees_whole_account(&self) -> bool {
        self.impersonator().is_none() && !self.is_narrower()
    }

    /// Passes every permission list. An impersonating superuser does not: they act as the other.
    pub fn is_superuser(&self) -> bool {
        match &self.who {
            Who::User { user, .. } => user.superuser && self.sees_whole_account(),
            Who::Key { .. } => false,
            Who::System(_) => true,
        }
    }

    /// Platform staff, as themselves.
    pub fn is_staff(&self) -> bool {
        match &self.who {
            Who::User { user, .. } => (user.staff || user.superuser) && self.sees_whole_account(),
            Who::Key { .. } => false,
            Who::System(_) => true,
        }
    }

    /// The platform or its operator, not a person who signed in.
    pub fn is_system(&self) -> bool {
        matches!(self.who, Who::System(_))
    }

    /// May change passwords, sessions, keys and memberships: a person as themselves, or the
    /// operator; never an impersonator (`impersonation-abuse`), never a key.
    ///
    /// # Errors
    /// [`Error::Denied`]
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

    /// Superusers only, for what costs rows or room that plain staff have no say in.
    ///
    /// # Errors
    /// [`Error::Denied`] with what was refused.
    pub(crate) fn require_superuser(&self, what: &str) -> Result<()> {
        match self.is_superuser() {
            true => Ok(()),
            false => Err(Error::Denied(format!("{self:?} is no superuser and may not {what}"))),
        }
    }

    /// Platform staff only; to others the thing is absent (`absent-not-forbidden`).
    ///
    /// # Errors
    /// [`Error::NotFound`]
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

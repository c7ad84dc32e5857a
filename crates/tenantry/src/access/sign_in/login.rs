//! Sign-in with e-mail address and password, sign-out, and the choice of a tenant.
//!
//! The HTTP layer calls it. Unknown, inactive, locked and password-less accounts take the same time and get the same
//! answer as a wrong password (`account-enumeration`). Registration is a separate operation.

use crate::{
    Error, Result,
    access::{
        Access,
        actor::Actor,
        directory::User,
        lockout,
        passwords::Password,
        proof::{Claim, Proof},
        session::{Draft, Origin},
        token::Token,
    },
    audit::By,
    control::{Write, clock::SECOND_US, params},
    tenants::State,
};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use tenantry_engine::name::{Slug, TenantId, UserId};

/// Input of a sign-in.
#[derive(Debug, Clone)]
pub struct Login {
    /// E-mail address of the account.
    pub email: String,
    /// Password of the account.
    pub password: Password,
    /// Tenant to work in, if the host or the form names one.
    pub tenant: Option<Slug>,
    /// Origin of the request.
    pub origin: Origin,
}

/// A tenant in which the user may work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Id of the tenant.
    pub tenant: i64,
    /// Short name of the tenant in URLs and hosts.
    pub slug: String,
    /// Display name of the tenant.
    pub name: String,
    /// Role of the user in the tenant.
    pub role: String,
}

/// A new session.
#[derive(Debug)]
pub struct SignedIn {
    /// Token of the session, shown once.
    pub token: Token,
    /// The signed-in user.
    pub user: Arc<User>,
    /// Expiry in microseconds since 1970, UTC.
    pub expires_us: i64,
    /// Tenant in which the session works: the requested one, otherwise the last one used, otherwise the only one.
    pub tenant: Option<TenantId>,
    /// All tenants of the user, to choose from if `tenant` is `None`.
    pub choices: Vec<Choice>,
}

impl Access {
    /// Signs a user in with e-mail address and password, and returns the new session.
    ///
    /// # Errors
    /// Returns [`Error::RateLimited`] if the limits of attempts are used up; [`Error::Unauthenticated`] for any
    /// mismatch, including a tenant that is not the user's; [`Error::Unavailable`] when too many passwords are being
    /// hashed.
    pub async fn login(&self, login: Login) -> Result<SignedIn> {
        self.control.refresh().await?;
        let claim = Claim::SignIn { email: &login.email, tenant: login.tenant.as_ref() };
        let Some(proof) = self.prove(claim, login.password, &login.origin).await? else {
            return Err(wrong());
        };
        let choices = self.choices(&proof.user).await?;
        let tenant = match &login.tenant {
            Some(slug) => Some(choices.iter().find(|c| c.slug == slug.as_str()).ok_or_else(wrong)?.tenant),
            None => default_tenant(&proof, &choices),
        };
        let write = self.control.begin().await?;
        let tenant = tenant.map(TenantId::from_raw);
        self.commit_session(write, proof.user, proof.credentials, tenant, choices, &login.origin).await
    }

    /// Creates a session for a user who has just proven their identity by other means: by the registration or the
    /// invitation that created the account.
    pub(crate) async fn sign_in_as(
        &self,
        user: UserId,
        tenant: Option<TenantId>,
        origin: &Origin,
    ) -> Result<SignedIn> {
        self.control.refresh().await?;
        let user = self.directory.user(user).await?.ok_or(Error::NotFound("user"))?;
        let choices = self.choices(&user).await?;
        let write = self.control.begin().await?;
        let credentials = user.credentials;
        self.commit_session(write, user, credentials, tenant, choices, origin).await
    }

    /// Creates the session of a user who proved their identity with the credentials of this number, and commits.
    pub(in crate::access) async fn commit_session(
        &self,
        mut write: Write,
        user: Arc<User>,
        credentials: i64,
        tenant: Option<TenantId>,
        choices: Vec<Choice>,
        origin: &Origin,
    ) -> Result<SignedIn> {
        let expires_us = write.at_us() + i64::from(self.session_hours) * 3600 * SECOND_US;
        let draft = Draft { user: user.id, credentials, tenant, expires_us, impersonator: None, origin };
        let token = self.sessions.insert(&mut write, draft).await?;
        // No cache holds these columns, so nothing needs to be invalidated.
        let sql = "UPDATE users SET last_login_at = ?, last_tenant = coalesce(?, last_tenant) WHERE id = ?";
        let values = params![write.at_us(), tenant.map(TenantId::get), user.id.get()];
        write.execute(sql, values).await?;
        lockout::remember(&mut write, user.id, origin.address).await?;
        write.audit(&By::actor(user.label.as_str()), tenant, "session.create", json!({})).await?;
        write.commit().await?;
        Ok(SignedIn { token, user, expires_us, tenant, choices })
    }

    /// Ends the current session.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when the actor has no session.
    pub async fn logout(&self, actor: &Actor) -> Result<()> {
        let id = actor.current_session().ok_or(Error::NotFound("session"))?.id;
        self.sessions.revoke(actor, id).await
    }

    /// Switches the session to another tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when the user does not belong to the tenant.
    pub async fn switch_tenant(&self, actor: &Actor, tenant: TenantId) -> Result<()> {
        let user = actor.user().ok_or(Error::NotFound("session"))?;
        user.role_in(tenant).ok_or(Error::NotFound("tenant"))?;
        self.sessions.switch(actor, tenant).await
    }

    /// Returns the tenants among which the actor may choose: for a token, only the tenants of its issuer; for an
    /// impersonator, only the tenant they entered.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn choices_of(&self, actor: &Actor) -> Result<Vec<Choice>> {
        let Some(user) = actor.user() else { return Ok(vec![]) };
        let mut choices = self.choices(user).await?;
        choices.retain(|choice| {
            let tenant = TenantId::from_raw(choice.tenant);
            Slug::parse(&choice.slug).is_ok_and(|slug| actor.may_tell_of(tenant, &slug))
        });
        Ok(choices)
    }

    /// Returns the tenants of a user, without tenants that are being created or are purged.
    pub(in crate::access) async fn choices(&self, user: &User) -> Result<Vec<Choice>> {
        let mut choices = Vec::with_capacity(user.memberships.len());
        for (id, role) in &user.memberships {
            let tenant = self.directory.tenant(*id).await?;
            if !matches!(tenant.state, State::Creating | State::Gone) {
                let (slug, name) = (tenant.slug.to_string(), tenant.name.clone());
                choices.push(Choice { tenant: id.get(), slug, name, role: role.to_string() });
            }
        }
        Ok(choices)
    }
}

/// Returns the tenant to which a sign-in leads that names none: the last one used, so that a new membership changes
/// nothing; otherwise the only one. Staff without a last tenant always choose.
fn default_tenant(proof: &Proof, choices: &[Choice]) -> Option<i64> {
    let last = choices.iter().find(|choice| Some(choice.tenant) == proof.last_tenant.map(TenantId::get));
    match (last, choices) {
        (Some(last), _) => Some(last.tenant),
        (None, [only]) if !(proof.user.staff || proof.user.superuser) => Some(only.tenant),
        _ => None,
    }
}

fn wrong() -> Error {
    Error::Unauthenticated("e-mail and password do not fit".into())
}

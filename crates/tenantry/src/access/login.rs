//! Log-in with e-mail address and password, log-out, and the choice of a tenant (M6).
//!
//! Called by the HTTP layer. Unknown, inactive, locked and password-less accounts cost the same time and
//! get the same answer as a wrong password (threat 41). Registration is an operation of its own.

use super::{
    Access,
    actor::Actor,
    directory::User,
    passwords::Password,
    session::{Draft, Origin},
    sessions::Sessions,
    token::Token,
};
use crate::{
    Error, Result,
    audit::By,
    clock::SECOND_US,
    control::{Write, params},
    tenants::State,
    users,
};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use tenantry_engine::name::{Slug, TenantId, UserId};

/// What somebody typed.
#[derive(Debug, Clone)]
pub struct Login {
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: Password,
    /// The tenant to work in, where host or form name one.
    pub tenant: Option<Slug>,
    /// Where from.
    pub origin: Origin,
}

/// A tenant that the user may work in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Id.
    pub tenant: i64,
    /// Name in URLs and hosts.
    pub slug: String,
    /// Human name.
    pub name: String,
    /// The user's role there.
    pub role: String,
}

/// A fresh session.
#[derive(Debug)]
pub struct SignedIn {
    /// Shown once.
    pub token: Token,
    /// Who.
    pub user: Arc<User>,
    /// Over, microseconds.
    pub expires_us: i64,
    /// The tenant the session works in: the one asked for, else the one used last, else the only one.
    pub tenant: Option<TenantId>,
    /// All tenants of the user; to ask when `tenant` is None.
    pub choices: Vec<Choice>,
}

impl Access {
    /// Signs in.
    ///
    /// # Errors
    /// [`Error::RateLimited`]; [`Error::Unauthenticated`] whatever does not fit, also a tenant that is not theirs;
    /// [`Error::Unavailable`] when too many hash at once.
    pub async fn login(&self, login: Login) -> Result<SignedIn> {
        let attempt = self.doors.login(&login.email, login.origin.address)?;
        self.control.refresh().await?;
        let wrong = || Error::Unauthenticated("e-mail and password do not fit".into());
        let found =
            users::by_sign_in(&mut self.control.snapshot().await?, &login.email, login.tenant.as_ref())
                .await?;
        let account = self.open_account(found).await?;
        let stored = account.as_ref().and_then(|account| account.hash.as_deref());
        let fits = self.passwords.verify(login.password, stored).await?;
        let account = match (account, fits) {
            (Some(account), true) => account,
            (Some(account), false) => {
                self.lockout.failed(account.user.id).await;
                return Err(wrong());
            }
            (None, _) => return Err(wrong()),
        };
        let choices = self.choices(&account.user).await?;
        let tenant = match &login.tenant {
            Some(slug) => Some(choices.iter().find(|c| c.slug == slug.as_str()).ok_or_else(wrong)?.tenant),
            None => default_tenant(&account, &choices),
        };
        attempt.succeeded();
        self.sign_in(account.user, tenant.map(TenantId::from_raw), choices, &login.origin).await
    }

    /// A session for a user whose identity was just proven otherwise: by the registration or the invitation that made
    /// the account.
    pub(crate) async fn sign_in_as(
        &self,
        user: UserId,
        tenant: Option<TenantId>,
        origin: &Origin,
    ) -> Result<SignedIn> {
        self.control.refresh().await?;
        let user = self.directory.user(user).await?.ok_or(Error::NotFound("user"))?;
        let choices = self.choices(&user).await?;
        self.sign_in(user, tenant, choices, origin).await
    }

    async fn sign_in(
        &self,
        user: Arc<User>,
        tenant: Option<TenantId>,
        choices: Vec<Choice>,
        origin: &Origin,
    ) -> Result<SignedIn> {
        let write = self.control.begin().await?;
        self.commit_session(write, user, tenant, choices, origin).await
    }

    async fn commit_session(
        &self,
        mut write: Write,
        user: Arc<User>,
        tenant: Option<TenantId>,
        choices: Vec<Choice>,
        origin: &Origin,
    ) -> Result<SignedIn> {
        let expires_us = write.at_us() + i64::from(self.session_hours) * 3600 * SECOND_US;
        let draft = Draft { user: user.id, tenant, expires_us, impersonator: None, origin };
        let token = self.sessions.insert(&mut write, draft).await?;
        // No cache holds these columns, so nobody needs to drop anything.
        let sql = "UPDATE users SET last_login_at = ?, failed_logins = 0, locked_until = NULL, \
                   last_tenant = coalesce(?, last_tenant) WHERE id = ?";
        let values = params![write.at_us(), tenant.map(TenantId::get), user.id.get()];
        write.execute(sql, values).await?;
        write.audit(&By::actor(user.label.as_str()), tenant, "session.create", json!({})).await?;
        write.commit().await?;
        Ok(SignedIn { token, user, expires_us, tenant, choices })
    }

    /// Ends the current session.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the actor did not come by a session.
    pub async fn logout(&self, actor: &Actor) -> Result<()> {
        let id = actor.current_session().ok_or(Error::NotFound("session"))?.id;
        self.sessions.revoke(actor, id).await
    }

    /// Works in another tenant from now on.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not the user's.
    pub async fn switch_tenant(&self, actor: &Actor, tenant: TenantId) -> Result<()> {
        let user = actor.user().ok_or(Error::NotFound("session"))?;
        user.role_in(tenant).ok_or(Error::NotFound("tenant"))?;
        self.sessions.switch(actor, tenant).await
    }

    /// The tenants that the actor may choose among: for a token, only those its issuer may speak for; for
    /// an impersonator, only the one they entered.
    pub async fn choices_of(&self, actor: &Actor) -> Result<Vec<Choice>> {
        let Some(user) = actor.user() else { return Ok(vec![]) };
        let mut choices = self.choices(user).await?;
        choices.retain(|choice| {
            let tenant = TenantId::from_raw(choice.tenant);
            Slug::parse(&choice.slug).is_ok_and(|slug| actor.may_tell_of(tenant, &slug))
        });
        Ok(choices)
    }

    /// The tenants of a user, those that are gone left out.
    async fn choices(&self, user: &User) -> Result<Vec<Choice>> {
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

    /// Changes the actor's own password. All their sessions end; the answer is a new one.
    ///
    /// # Errors
    /// [`Error::Denied`] while impersonating; [`Error::Unauthenticated`] when `old` is wrong; [`Error::Invalid`] by policy.
    pub async fn change_password(
        &self,
        actor: &Actor,
        old: Password,
        new: Password,
        origin: &Origin,
    ) -> Result<SignedIn> {
        actor.may_change_credentials()?;
        let id = actor.user_id().ok_or(Error::NotFound("user"))?;
        let user = self.directory.user(id).await?.ok_or(Error::NotFound("user"))?;
        new.check(&user.email)?;
        self.prove(id, old, origin).await?;
        let hash = self.passwords.hash(new).await?;
        let mut write = self.control.begin().await?;
        users::set_password_hash(&mut write, &actor.by(), id, &hash).await?;
        Sessions::remove_all(&mut write, id).await?;
        let choices = self.choices(&user).await?;
        self.commit_session(write, user, actor.bound(), choices, origin).await
    }

    /// Checks the password of an account that is known otherwise: by a session, or by a link sent to its address.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when it is wrong or the account is closed; [`Error::RateLimited`];
    /// [`Error::Unavailable`] when too many hash at once.
    pub(crate) async fn prove(&self, id: UserId, password: Password, origin: &Origin) -> Result<()> {
        let found = users::by_id(&mut self.control.snapshot().await?, id).await?;
        let attempt = self.doors.login(&found.email, origin.address)?;
        let stored = self.open_account(Some(found)).await?.and_then(|account| account.hash);
        if !self.passwords.verify(password, stored.as_deref()).await? {
            self.lockout.failed(id).await;
            return Err(Error::Unauthenticated("the password does not fit".into()));
        }
        attempt.succeeded();
        Ok(())
    }

    /// Sets somebody's password, for whoever forgot it. All their sessions end, a closed account is open again.
    /// Whether `by` may was decided by the caller's door.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] by policy.
    pub async fn set_password(&self, by: &By, id: UserId, new: Password) -> Result<()> {
        let email = users::by_id(&mut self.control.snapshot().await?, id).await?.email;
        new.check(&email)?;
        let hash = self.passwords.hash(new).await?;
        let mut write = self.control.begin().await?;
        users::set_password_hash(&mut write, by, id, &hash).await?;
        Sessions::remove_all(&mut write, id).await?;
        write.commit().await
    }

    /// The account, if it is active and not locked.
    async fn open_account(&self, found: Option<users::User>) -> Result<Option<Account>> {
        let now_us = self.control.now_us();
        let open =
            |user: &users::User| user.is_active && user.locked_until_us.is_none_or(|until| until <= now_us);
        let Some(found) = found.filter(open) else { return Ok(None) };
        let user = self.directory.user(found.id).await?;
        let (hash, last_tenant) = (found.password_hash, found.last_tenant);
        Ok(user.map(|user| Account { user, hash, last_tenant }))
    }
}

/// An account that may sign in.
struct Account {
    user: Arc<User>,
    hash: Option<String>,
    last_tenant: Option<TenantId>,
}

/// Where a sign-in leads that names no tenant: the tenant used last, so that being added to another one changes
/// nothing, else the only one. Staff were never led by being added: they choose.
fn default_tenant(account: &Account, choices: &[Choice]) -> Option<i64> {
    let last = choices.iter().find(|choice| Some(choice.tenant) == account.last_tenant.map(TenantId::get));
    match (last, choices) {
        (Some(last), _) => Some(last.tenant),
        (None, [only]) if !(account.user.staff || account.user.superuser) => Some(only.tenant),
        _ => None,
    }
}

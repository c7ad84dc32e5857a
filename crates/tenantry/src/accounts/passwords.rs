//! Forgotten passwords: a link goes to the address, and the person who reads its mail chooses a new password.
//!
//! Neither the answer to a request nor its duration reveals whether the address has an account: the work is done after
//! the answer.

use super::Accounts;
use crate::{
    Error, Result,
    access::{
        Access, Actor,
        passwords::Password,
        sessions::{Origin, Sessions},
    },
    audit::By,
    control::Write,
    mail::{self, Draft, Kind},
    users::{self, User, grants},
};
use tenantry_engine::name::{RoleName, Slug, UserId};

impl Accounts<'_> {
    /// Sends a link for choosing a new password, if the address has an account that may sign in. With a tenant, that is
    /// the account of the tenant's member; without one, it is the account that holds the address.
    ///
    /// # Errors
    /// Returns [`Error::RateLimited`] if the client's address has used up its limit. No error depends on the account.
    pub async fn forgot_password(&self, email: String, tenant: Option<Slug>, origin: &Origin) -> Result<()> {
        self.platform.access().doors().link(origin.address)?;
        let platform = self.platform.clone();
        tokio::spawn(async move {
            if let Err(error) = platform.accounts().send_reset(&email, tenant.as_ref()).await {
                tracing::warn!(%error, "a letter to reset a password was not written");
            }
        });
        Ok(())
    }

    async fn send_reset(&self, email: &str, tenant: Option<&Slug>) -> Result<()> {
        let found = users::by_sign_in(&mut self.platform.control().snapshot().await?, email, tenant).await?;
        let Some(user) = found.filter(|user| user.is_active) else { return Ok(()) };
        self.write_reset(&By::actor("link"), &user).await.map(drop)
    }

    /// Sends a user a link for choosing a new password. Returns false if such a letter is already waiting.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and when there is no such user; [`Error::Conflict`] for a
    /// user who may not sign in.
    pub async fn send_reset_to(&self, actor: &Actor, id: UserId) -> Result<bool> {
        actor.require_staff()?;
        let user = users::by_id(&mut self.platform.control().snapshot().await?, id).await?;
        match user.is_active {
            true => self.write_reset(&actor.by(), &user).await,
            false => Err(Error::Conflict("this user may not sign in: open the account first".into())),
        }
    }

    async fn write_reset(&self, by: &By, user: &User) -> Result<bool> {
        let mut write = self.platform.control().begin().await?;
        let draft = Draft {
            kind: Kind::Reset,
            address: &user.email,
            user: Some(user.id),
            invitation: None,
            tenant: None,
        };
        if !mail::enqueue(&mut write, &draft).await? {
            return Ok(false);
        }
        write.audit(by, None, "user.request_reset", serde_json::json!({ "user": user.id })).await?;
        write.commit().await?;
        self.platform.0.mailer.wake();
        Ok(true)
    }

    /// Sets the password of the account for which a link was sent. All sessions of the account end. An account whose
    /// address was not confirmed becomes the holder of the address, unless another confirmed account is. Its API keys
    /// and invitations end too, because an unknown person may have created them.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a link that is unknown, used or expired; [`Error::Invalid`] for a password that
    /// the policy refuses; [`Error::RateLimited`] if the limit is used up.
    pub async fn reset_password(&self, token: &str, new: Password, origin: &Origin) -> Result<()> {
        self.platform.access().doors().link(origin.address)?;
        let control = self.platform.control();
        let link = mail::link(&mut control.snapshot().await?, token, Kind::Reset, control.now_us()).await?;
        let id = link.user.ok_or(Error::NotFound("link"))?;
        new.check(&link.address)?;
        let hash = self.platform.access().passwords().hash(new).await?;
        let mut write = control.begin().await?;
        mail::use_link(&mut write, &link).await?;
        let user = users::by_id(&mut write, id).await?;
        if user.email != link.address || !user.is_active {
            return Err(Error::NotFound("link"));
        }
        let by = By::actor(format!("user:{id}"));
        users::set_password_hash(&mut write, &by, id, &hash).await?;
        Sessions::remove_all(&mut write, id).await?;
        Access::remember_network(&mut write, id, origin).await?;
        if !user.is_confirmed() {
            grants::end(&mut write, id, None).await?;
            claim_address(&mut write, &by, &user, &self.platform.owner_role()?).await?;
        }
        mail::void_links(&mut write, id).await?;
        write.commit().await?;
        control.refresh().await
    }
}

/// Makes this account the holder of its address, because the reader of the address now uses it. Another account that is
/// confirmed stays the holder.
async fn claim_address(write: &mut Write, by: &By, user: &User, first: &RoleName) -> Result<()> {
    let holder = users::by_email(write, &user.email).await?;
    match holder.is_some_and(|holder| holder.id != user.id && holder.is_confirmed()) {
        true => Ok(()),
        false => users::confirm(write, by, user.id, first).await.map(drop),
    }
}

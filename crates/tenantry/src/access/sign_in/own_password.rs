//! Password changes: by the holder, who gives the old password, or by a superuser.
//!
//! The account pages, the staff pages and the command line call it. Every session made with the old password ends, even
//! a session that is being created at that moment.

use crate::access::{
    Access,
    actor::Actor,
    login::SignedIn,
    passwords::Password,
    proof::Claim,
    sessions::{Origin, Sessions},
};
use crate::{Error, Result, control::Write, users};
use tenantry_engine::name::UserId;

impl Access {
    /// Changes the actor's own password. Ends all their sessions and returns a new one.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] while impersonating; [`Error::Unauthenticated`] if `old` is wrong or no longer the
    /// password; [`Error::Invalid`] if the policy refuses the new password.
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
        let proven = self.prove_again(id, old, origin).await?;
        let hash = self.passwords.hash(new).await?;
        let mut write = self.control.begin().await?;
        users::require_credentials(&mut write, id, proven).await?;
        users::set_password_hash(&mut write, &actor.by(), id, &hash).await?;
        Sessions::remove_all(&mut write, id).await?;
        let choices = self.choices(&user).await?;
        self.commit_session(write, user, proven + 1, actor.bound(), choices, origin).await
    }

    /// Checks the password of an account that a session, or a link sent to its address, identifies. Returns the number
    /// of the credentials to which the password belongs, for [`users::require_credentials`].
    ///
    /// # Errors
    /// Returns [`Error::Unauthenticated`] if the password is wrong or the account is locked; [`Error::RateLimited`] if
    /// the limits of attempts are used up; [`Error::Unavailable`] when too many passwords are being hashed.
    pub(crate) async fn prove_again(&self, id: UserId, password: Password, origin: &Origin) -> Result<i64> {
        let proof = self.prove(Claim::Known(id), password, origin).await?;
        let proof = proof.ok_or_else(|| Error::Unauthenticated("the password does not fit".into()))?;
        Ok(proof.credentials)
    }

    /// Sets a new password for another user, for example after a lost password. Ends all their sessions and unlocks the
    /// account.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser, because the password lets them act as that user;
    /// [`Error::NotFound`] when there is no such user; [`Error::Invalid`] if the policy refuses the new password.
    pub async fn set_password(&self, actor: &Actor, id: UserId, new: Password) -> Result<()> {
        actor.require_superuser("set passwords")?;
        let email = users::by_id(&mut self.control.snapshot().await?, id).await?.email;
        new.check(&email)?;
        let hash = self.passwords.hash(new).await?;
        let mut write = self.control.begin().await?;
        users::set_password_hash(&mut write, &actor.by(), id, &hash).await?;
        Sessions::remove_all(&mut write, id).await?;
        write.commit().await
    }

    /// Records the network of the account's holder, as part of a change that was requested through a link sent to their
    /// address.
    pub(crate) async fn remember_network(write: &mut Write, id: UserId, origin: &Origin) -> Result<()> {
        crate::access::lockout::remember(write, id, origin.address).await
    }
}

//! Proof that a caller knows an account's password. The checks run in the same order whether or not the account exists:
//! limit of the network, look-up, limit of the account, hash (`account-enumeration`).
//!
//! Called by sign-in, and wherever a password is required again. A proof carries the number of the credentials with
//! which it was made; changes based on it are refused if the credentials changed meanwhile.

use crate::access::{
    Access,
    directory::User,
    lockout::Failure,
    passwords::Password,
    ratelimit::{Account, Attempt},
    refusals::Why,
    session::Origin,
};
use crate::{Error, Result, users};
use std::sync::Arc;
use tenantry_engine::{
    Tx,
    name::{Slug, TenantId, UserId},
};

/// The account for which a password is given.
#[derive(Debug, Clone, Copy)]
pub(in crate::access) enum Claim<'a> {
    /// The account of an address, in a tenant if one is named.
    SignIn {
        /// Address as the user typed it.
        email: &'a str,
        /// Slug of the tenant to work in.
        tenant: Option<&'a Slug>,
    },
    /// An account that a session, or a link sent to its address, identifies.
    Known(UserId),
}

/// Proof that the right password of an account was given.
#[derive(Debug)]
pub(in crate::access) struct Proof {
    /// The user whose account it is.
    pub(in crate::access) user: Arc<User>,
    /// Number of the credentials to which the password belongs.
    pub(in crate::access) credentials: i64,
    /// Tenant in which the user last worked.
    pub(in crate::access) last_tenant: Option<TenantId>,
}

impl Access {
    /// Checks a password. Returns `None` if it does not match, or if no password could match.
    ///
    /// # Errors
    /// Returns [`Error::RateLimited`] if the limits of attempts are used up; [`Error::NotFound`] for a known account
    /// that is gone; [`Error::Unavailable`] when too many passwords are being hashed.
    pub(in crate::access) async fn prove(
        &self,
        claim: Claim<'_>,
        password: Password,
        origin: &Origin,
    ) -> Result<Option<Proof>> {
        let mut user = None;
        let why = match self.try_prove(claim, password, origin, &mut user).await {
            Ok(Ok(proof)) => return Ok(Some(proof)),
            Ok(Err(why)) => why,
            Err(error @ Error::RateLimited { .. }) => {
                self.refused(user, Why::TooOften, origin).await;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        self.refused(user, why, origin).await;
        Ok(None)
    }

    async fn try_prove(
        &self,
        claim: Claim<'_>,
        password: Password,
        origin: &Origin,
        user: &mut Option<UserId>,
    ) -> Result<Result<Proof, Why>> {
        let mut attempt = self.doors.sign_in(origin.address)?;
        let mut tx = self.control.snapshot().await?;
        let (email, found) = claim.find(&mut tx).await?;
        *user = found.as_ref().map(|found| found.id);
        let standing = self.lockout.standing(&mut tx, *user, origin.address).await?;
        drop(tx);
        let chance = attempt.at(Account::new(&email, standing.unlocks), standing.known)?;
        let missing = if found.is_some() { Why::Closed } else { Why::NoAccount };
        let open = found.filter(|found| found.is_active && chance && !standing.closed);
        self.try_password(open, password, attempt)
            .await
            .map(|proof| proof.map_err(|why| why.unwrap_or(missing)))
    }

    /// Tries the password, and does the work of a hash in any case. The error states why the password of an open
    /// account is refused.
    async fn try_password(
        &self,
        open: Option<users::User>,
        password: Password,
        attempt: Attempt<'_>,
    ) -> Result<Result<Proof, Option<Why>>> {
        let stored = open.as_ref().and_then(|open| open.password_hash.as_deref());
        let fits = self.passwords.verify(password, stored).await?;
        let Some(open) = open else { return Ok(Err(None)) };
        let Some(user) = self.directory.user(open.id).await?.filter(|_| fits) else {
            return Ok(Err(Some(Why::Password)));
        };
        attempt.succeeded();
        Ok(Ok(Proof { user, credentials: open.credentials, last_tenant: open.last_tenant }))
    }

    async fn refused(&self, user: Option<UserId>, why: Why, origin: &Origin) {
        let named = self.doors.refusal(user);
        if !named {
            self.refusals.count(why);
        }
        self.lockout.failed(Failure { user, address: origin.address, why, named }).await;
    }
}

impl Claim<'_> {
    /// Returns the address to which the limits apply, and the account.
    async fn find(&self, tx: &mut Tx) -> Result<(String, Option<users::User>)> {
        match self {
            Self::SignIn { email, tenant } => {
                Ok(((*email).to_owned(), users::by_sign_in(tx, email, *tenant).await?))
            }
            Self::Known(id) => {
                let found = users::by_id(tx, *id).await?;
                Ok((found.email.clone(), Some(found)))
            }
        }
    }
}

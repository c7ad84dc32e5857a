//! Step-up: an act that cannot be undone, or that lets a person act as another one, needs more than a valid session
//! (`impersonation-abuse`, `wrong-id-deleted`).
//!
//! The verbs of such acts take a [`Confirmed`], so no caller can leave the check out.

use crate::{
    Error, Result,
    access::{Access, actor::Actor, passwords::Password, session::Origin},
    control::clock::SECOND_US,
};
use std::ops::Deref;

/// Time for which a sign-in counts as fresh, in minutes.
pub const FRESH_MINUTES: i64 = 10;

/// An actor who gave their password again, or signed in within the last [`FRESH_MINUTES`]; or the operator.
#[derive(Debug, Clone)]
pub struct Confirmed(Actor);

impl Deref for Confirmed {
    type Target = Actor;
    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl Access {
    /// Confirms that the person behind the actor is present: by their password if it is given, otherwise by a fresh sign-in.
    /// A token of an issuer is a fresh sign-in if its `auth_time` says so. A wrong password counts like a wrong sign-in.
    ///
    /// # Errors
    /// [`Error::Denied`] while impersonating, for keys, and for tokens of a tenant's issuer; [`Error::Invalid`] of `password`
    /// when it is wrong or the account is locked; [`Error::ConfirmationRequired`] without a password and without a fresh
    /// sign-in; [`Error::RateLimited`].
    pub async fn confirm(
        &self,
        actor: &Actor,
        password: Option<Password>,
        origin: &Origin,
    ) -> Result<Confirmed> {
        if actor.is_system() {
            return Ok(Confirmed(actor.clone()));
        }
        actor.may_change_credentials()?;
        let id = actor.user_id().ok_or(Error::NotFound("user"))?;
        match password {
            Some(password) => match self.prove_again(id, password, origin).await {
                Err(Error::Unauthenticated(_)) => {
                    return Err(Error::invalid("password", "this is not your password"));
                }
                proven => drop(proven?),
            },
            None if self.is_fresh(actor) => {}
            None => return Err(Error::ConfirmationRequired),
        }
        Ok(Confirmed(actor.clone()))
    }

    fn is_fresh(&self, actor: &Actor) -> bool {
        let age_us = actor.proven_us().map(|at| self.control.now_us() - at);
        // The clock of an issuer may be up to a minute ahead.
        age_us.is_some_and(|age| (-60 * SECOND_US..FRESH_MINUTES * 60 * SECOND_US).contains(&age))
    }
}

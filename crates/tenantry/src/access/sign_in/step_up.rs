//! Step-up: an action that cannot be undone, or that lets a person act as another person, needs more than a valid
//! session (`impersonation-abuse`, `wrong-id-deleted`).
//!
//! The verbs of such actions take a [`Confirmed`], so no caller can omit the check.

use crate::{
    Error, Result,
    access::{Access, actor::Actor, passwords::Password, session::Origin},
    control::clock::SECOND_US,
};
use std::ops::Deref;

/// Time for which a sign-in counts as fresh, in minutes.
pub const FRESH_MINUTES: i64 = 10;

/// An actor who gave their password again or signed in within the last [`FRESH_MINUTES`], or the operator.
#[derive(Debug, Clone)]
pub struct Confirmed(Actor);

impl Deref for Confirmed {
    type Target = Actor;
    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl Access {
    /// Confirms that the person behind the actor is present: by the password if it is given, otherwise by a fresh
    /// sign-in. The token of an issuer counts as a fresh sign-in if its `auth_time` is recent. A wrong password counts
    /// as a failed sign-in.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] while impersonating, for keys, and for tokens of a tenant's issuer; [`Error::Invalid`]
    /// of the field `password` if it is wrong or the account is locked; [`Error::ConfirmationRequired`] without a
    /// password and without a fresh sign-in; [`Error::RateLimited`] if the limits of attempts are used up.
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

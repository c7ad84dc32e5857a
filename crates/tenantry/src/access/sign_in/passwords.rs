//! Passwords: argon2id (19 MiB, two passes, one lane) in a bounded pool, and the policy.
//!
//! Sign-in, registration and password changes call it. Hashing never runs on an async thread. It does not reveal
//! whether an account exists: an unknown account takes the same time (`account-enumeration`). A flood of sign-ins never
//! takes more than its share of memory and cores.

use crate::access::guessable::is_guessable;
use crate::error::{Error, Result};
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::Deserialize;
use std::{fmt, sync::Arc};
use tokio::sync::Semaphore;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Number of callers that may wait for each slot: about one second of work at 31 ms per hash.
const WAITING_PER_SLOT: usize = 32;
const MIN_CHARS: usize = 10;
/// Longest password in bytes. Argon2 hashes any length, so without this bound it would hash a whole request body.
const MAX_BYTES: usize = 1024;

/// Hash to verify against if there is no account. It has the same parameters, so it costs the same work, and no
/// password matches it.
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$dGVuYW50cnktZHVtbXktcw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password in clear, as received. `Debug` does not show it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Wraps the user's input.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Checks that the password meets the policy: at least 10 characters, at most 1024 bytes, not the e-mail address or
    /// its local part, more than two different characters, and none of the passwords that attackers try first.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] of the field `password`, with the rule that the password breaks.
    pub fn check(&self, email: &str) -> Result<()> {
        let weak = |rule| Err(Error::invalid("password", rule));
        let lower = self.0.trim().to_lowercase();
        let email = email.trim().to_lowercase();
        let local = email.split('@').next().unwrap_or_default();
        if self.0.chars().count() < MIN_CHARS {
            return weak("Choose a password of at least 10 characters.");
        }
        if self.0.len() > MAX_BYTES {
            return weak("Choose a password of at most 1024 bytes.");
        }
        if lower == email || lower == local {
            return weak("Choose a password that is not your e-mail address.");
        }
        let first = lower.chars().next();
        let second = lower.chars().find(|c| Some(*c) != first);
        if !lower.chars().any(|c| Some(c) != first && Some(c) != second) {
            return weak("Choose a password with more than two different characters.");
        }
        if is_guessable(&lower) {
            return weak("Choose a password that is no well-known one, no run of keys and no bare number.");
        }
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// The bounded pool of hashing threads. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    slots: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Passwords {
    /// Creates a pool that hashes at most `parallel` passwords at a time (19 MiB each).
    pub fn new(parallel: usize) -> Self {
        let parallel = parallel.clamp(1, 256);
        let queue = parallel * (1 + WAITING_PER_SLOT);
        Self { slots: Arc::new(Semaphore::new(parallel)), queue: Arc::new(Semaphore::new(queue)) }
    }

    /// Hashes the password, and returns a PHC string for storage. The caller must check the policy first
    /// ([`Password::check`]).
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] when too many callers are waiting.
    pub async fn hash(&self, password: Password) -> Result<String> {
        self.run(move || {
            hasher()
                .and_then(|argon| argon.hash_password(password.0.as_bytes()).map_err(|e| e.to_string()))
                .map(|hash| hash.to_string())
        })
        .await?
        .map_err(Error::Internal)
    }

    /// Returns true if the password matches. Without a stored hash it does the same work and returns false.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] when too many callers are waiting. A stored hash that cannot be read is not an
    /// error: no password matches it.
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<bool> {
        let known = stored.is_some();
        let stored = stored.unwrap_or(DUMMY).to_owned();
        let fits = self.run(move || verify(&password, &stored)).await?;
        Ok(fits && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let busy = || Error::Unavailable("password pool is full".into());
        let _waiting = self.queue.clone().try_acquire_owned().map_err(|_| busy())?;
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| busy())?;
        // The slot moves into the work: a caller that goes away does not free it early.
        let job = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        job.await.map_err(|e| Error::Internal(format!("password worker: {e}")))
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passwords({} free)", self.slots.available_permits())
    }
}

fn hasher() -> Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| e.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn verify(password: &Password, stored: &str) -> bool {
    let (Ok(argon), Ok(hash)) = (hasher(), PasswordHash::new(stored)) else { return false };
    password.0.len() <= MAX_BYTES && argon.verify_password(password.0.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_enumeration_the_dummy_is_a_real_hash_of_the_same_cost() {
        let dummy = PasswordHash::new(DUMMY).expect("PHC");
        let params = Params::try_from(&dummy).expect("parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(dummy.hash.map(|h| h.len()), Some(32));
    }
}

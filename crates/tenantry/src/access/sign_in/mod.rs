//! Ways to prove that an account is the caller's: passwords, sign-in, impersonation, and the sessions that follow.

pub mod impersonation;
pub mod login;
pub(in crate::access) mod own_password;
pub mod passwords;
pub(in crate::access) mod proof;
pub(in crate::access) mod seen;
pub(in crate::access) mod session;
pub mod sessions;
pub mod step_up;

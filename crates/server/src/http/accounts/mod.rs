//! Handlers for people and their accounts: sign-in, registration, invitations, the plans on offer.

pub(in crate::http) mod account;
pub(in crate::http) mod auth;
pub(in crate::http) mod invitations;
pub(in crate::http) mod plans;
pub(in crate::http) mod register;

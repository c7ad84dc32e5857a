//! Bodies and answers about people: their accounts and sessions, users of the platform, members of tenants.

pub(crate) mod account;
pub(crate) mod member;
pub(crate) mod session;
pub(crate) mod user;
pub(crate) mod view;

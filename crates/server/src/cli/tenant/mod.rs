//! Commands for tenants, their plans, users and databases.

pub(in crate::cli) mod moving;
pub(in crate::cli) mod plans;
pub(in crate::cli) mod settings;
pub(in crate::cli) mod sql;
pub(in crate::cli) mod tenants;
pub(in crate::cli) mod users;

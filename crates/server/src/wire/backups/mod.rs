//! Queries and answers about backups, their state, and restores.

pub(crate) mod backup;
pub(crate) mod manifest;
pub(crate) mod restore;
pub(crate) mod status;

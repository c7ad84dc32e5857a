//! Types of the HTTP API: request bodies, queries and answers, one file per noun. The command line prints the same
//! answers with `--json`.
//!
//! Handlers read and return them. The OpenAPI document takes its schemas from them, and its descriptions from the docs
//! of their fields. They contain no logic: they only convert the platform's types, so that a change inside the platform
//! does not change the API by accident.

#[macro_use]
mod define;

pub(crate) mod attachment;
pub(crate) mod audit;
mod backups;
mod basics;
pub(crate) mod custom_field;
pub(crate) mod database_server;
pub(crate) mod document;
pub(crate) mod monitoring;
pub(crate) mod node;
pub(crate) mod operation;
mod page;
mod people;
pub(crate) mod record;
mod tenants;

pub(crate) use backups::{backup, manifest, restore, status};
pub(crate) use basics::{AsText, Email, Id, Instant, Limit, Name, Password, Slug, absent_or};
pub(crate) use page::Page;
pub(crate) use people::{account, member, session, user, view};
pub(crate) use tenants::{
    across, copies, growth, impact, licence, map, migrations, overview, plan, proof, purge, shared_import,
    sizes, tenant,
};

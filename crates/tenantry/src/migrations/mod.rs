//! Migrations for developers and operators: written from changed models, run over all tenants, checked.
//!
//! Called by the command line and at start. The engine defines what a migration does to a database; this module decides
//! which databases, in what order, and what is reported to whom. Never looks for databases on disk: places come from
//! the catalog (`catalog-placement`).

pub mod check;
mod finding;
pub mod fleet;
mod followed;
mod joins;
pub mod make;
mod name;
mod page;
mod placed;
pub mod tenants;
mod verbs;

pub use tenantry_engine::migration::{Answers, Question};
pub use verbs::Migrations;

//! Migrations for developers and operators: written from changed models, run over all tenants, checked.
//!
//! The command line and start-up call it. The engine defines what a migration does to a database; this module decides
//! which databases to migrate, in what order, and what to report. It never looks for databases on disk: the catalog
//! provides their places (`catalog-placement`).

pub mod check;
mod finding;
pub mod fleet;
mod followed;
mod joins;
pub mod make;
mod name;
mod overview;
mod page;
mod placed;
pub(crate) mod run;
pub mod tenants;
mod verbs;

pub use overview::{FailureGroup, Rehearsal, StoreStanding};
pub use run::RunOptions;
pub use tenantry_engine::migration::{Answers, Question};
pub use verbs::Migrations;

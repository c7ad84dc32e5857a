//! Migrations from a person's side: written from changed models, run over the fleet, checked.
//!
//! Called by the command line and at start. What an operation does to a database is the engine's;
//! here is decided which databases, in what order, and what is told to whom. Never looks for
//! databases on disk: places come from the catalog (`catalog-placement`).

pub mod check;
pub mod fleet;
pub mod make;
mod name;
mod page;
pub mod tenants;

pub use tenantry_engine::migration::{Answers, Question};

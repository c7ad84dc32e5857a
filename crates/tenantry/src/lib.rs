//! Platform.

pub mod access;
pub mod apps;
pub mod audit;
pub mod clock;
pub mod config;
pub mod control;
pub mod error;
pub mod migrations;
pub mod operations;
pub mod plans;
pub mod tenants;
pub mod topology;
pub mod users;

pub use error::{Error, Result};
pub use tenantry_engine::{Error as EngineError, Kind as EngineErrorKind, model, name, query, value};
pub use uuid::Uuid;

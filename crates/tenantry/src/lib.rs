//! Platform.

pub mod access;
pub mod apps;
pub mod config;
pub mod error;

pub use error::{Error, Result};
pub use tenantry_engine::{Error as EngineError, Kind as EngineErrorKind, model, name, query, value};
pub use uuid::Uuid;

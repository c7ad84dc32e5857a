//! The multi-tenant data platform as a library. [`Platform`] owns everything, [`access`] authorises, an
//! [`access::Tenant`] handle is the only way to a tenant's data, and [`records`] works on that data.
//!
//! Used by the server and by Rust programs that embed the platform. It depends on no HTTP framework.

pub mod access;
mod accounts;
pub mod apps;
pub mod archive;
mod arrivals;
mod attach;
pub mod audit;
mod background;
pub mod backups;
pub mod clock;
pub mod config;
pub mod control;
mod counted;
pub mod databases;
pub mod demo;
pub mod error;
mod export;
mod in_use;
mod insight;
mod lifecycle;
mod loaded;
mod lost;
pub mod mail;
pub mod migrations;
mod missing;
mod moving;
pub mod operations;
pub mod operator;
mod orphans;
mod own_stores;
mod placing;
pub mod plans;
mod platform;
mod purges;
pub mod records;
mod refused;
mod reroute;
mod rolled_back;
mod scratch;
mod statements;
mod tenant_settings;
pub mod tenants;
pub mod topology;
pub mod users;

pub use accounts::{Answerer, Founder, Invitation, Invited, Inviter, Registration};
pub use arrivals::{NewFromCopy, Upload as ArchiveUpload};
pub use attach::{Attach, Attached};
pub use background::Background;
pub use counted::counted;
pub use error::{Error, Result};
pub use export::Export;
pub use insight::Held;
pub use loaded::Reloaded;
pub use operator::NewOwner;
pub use orphans::Orphan;
pub use platform::Platform;
pub use purges::{Certificate, PurgeRun};
pub use refused::Refused as RefusedStore;
pub use statements::Repaired;
pub use tenantry_engine::{Error as EngineError, Kind as EngineErrorKind, model, name, query, value};
pub use tenantry_engine::{SqlRows, descriptors, place};
pub use uuid::Uuid;

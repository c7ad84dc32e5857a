//! The multi-tenant data platform as a library. [`Platform`] owns everything, [`access`] authorises, an
//! [`access::Tenant`] handle is the only way to a tenant's data, and [`records`] works on that data.
//!
//! The server and Rust programs that embed the platform use it. It depends on no HTTP framework.

#![cfg_attr(
    not(feature = "internals"),
    allow(dead_code, unreachable_pub, reason = "some items are public in `internals` only")
)]

pub mod access;
mod accounts;
pub mod apps;
pub mod archive;
mod arrivals;
pub mod attachments;
pub mod audit;
pub mod backups;
pub mod config;
mod control;
pub mod error;
#[cfg(feature = "internals")]
pub mod internals;
pub mod licences;
pub mod locale;
pub mod mail;
pub mod migrations;
#[cfg(feature = "mongodb")]
mod mirror;
pub mod moves;
pub mod operations;
mod outcomes;
pub mod plans;
pub mod platform;
pub mod proofs;
pub mod purges;
pub mod records;
pub mod secrets;
pub mod shared_imports;
pub mod tenants;
pub mod topology;
pub mod upgrade;
pub mod users;

pub use accounts::{Accounts, Answerer, Founder, Invitation, Invitations, Invited, Inviter, Registration};
pub use archive::export::{Export, Exports};
pub use arrivals::{Arrivals, NewFromCopy, Upload as ArchiveUpload};
pub use control::{ClockState, clock};
pub use error::{
    Error, Result,
    caught::{caught, panic_text},
    counted::counted,
};
pub use moves::attach::{Attach, Attached};
pub use platform::background::{Background, Pass};
pub use platform::health::attention::{Attention, Level, Need, Trouble};
pub use platform::health::checklist::{Check, Checklist, Item as ChecklistItem};
pub use platform::health::orphans::{Orphan, Orphans};
pub use platform::health::room::Room;
pub use platform::health::servers::DatabaseServer;
pub use platform::members::{Node, Nodes};
pub use platform::own_stores::refused::Refused as RefusedStore;
pub use platform::reload::Reloaded;
pub use platform::{Platform, demo, kinds};
pub use purges::{Certificate, PurgeRun, Purges};
pub use tenantry_engine::engine::DumpFormat;
pub use tenantry_engine::{
    Activity, ConnectionCounts, ReplicaReport, ReplicaStanding, SqlRows, descriptors, place, write::Outcome,
};
pub use tenantry_engine::{Error as EngineError, Kind as EngineErrorKind, model, name, query, row, value};
pub use tenants::statements::{Repaired, Statements};
pub use users::NewOwner;
pub use uuid::Uuid;

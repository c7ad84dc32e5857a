//! Imports of a database that all organisations shared: its documents become rows of the tenants' own databases.
//!
//! `POST /api/admin/shared-imports` and `tenantry import-shared-database` start the operation in [`run`]. It reads the source
//! only. A mapping says which collection becomes which model; [`survey`] counts and checks every document before anything is
//! written, [`write`] writes rows through the path of all other writes, and [`compare`] reads source and rows again.
//! [`ids`] remembers which document became which row, so that a repeated import neither loses nor doubles a document.

mod compare;
mod convert;
mod extended;
mod ids;
mod mapping;
mod own_values;
mod plan;
mod report;
pub(crate) mod run;
mod source;
mod survey;
mod values;
mod verbs;
mod write;

pub use mapping::{Mapping, Rules};
pub use report::{Difference, Fault, Organisation, Report, UnknownField, Unmapped};
pub use source::SharedSource;
pub use verbs::{NewTenants, SharedImport, SharedImports};

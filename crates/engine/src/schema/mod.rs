//! The models of one store, compiled for both isolations, with the migrations that a database must have for them. The
//! platform builds them when it loads its configuration; every statement on records uses them.

pub(crate) mod custom;
mod drift;
mod fault;
mod known;
mod plan;
mod script;
mod store;
mod template;
mod verified;

pub use drift::{Drift, Inspection};
pub use fault::Fault;
pub(crate) use fault::note_value;
pub(crate) use known::Known;
pub use plan::{Column, Confinement, Plan};
pub(crate) use plan::{Projection, Referrer};
pub(crate) use script::Migrations;
pub use script::Script;
pub use store::Schema;
pub(crate) use store::refs;
pub use template::Template;
pub(crate) use verified::Verified;

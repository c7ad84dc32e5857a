//! Tenants: their record, their name, their life from registration to the purge, and their databases.
//!
//! Called by operations (create), the command line, the staff pages and the API. Access decides from what topology
//! caches whether a tenant may be entered. `verbs` serves staff; `own` serves an entered tenant.

pub mod across;
pub(crate) mod databases;
mod figures;
pub mod growth;
pub(crate) mod life;
pub(crate) mod list;
pub mod map;
mod own;
pub mod provision;
mod record;
mod rename;
mod reserved;
mod settings;
pub mod sizes;
pub(crate) mod statements;
mod verbs;

pub use figures::Figures;
pub(crate) use life::retire::{PURGED, close_purged, read as read_retirement};
pub(crate) use life::{
    maintenance::set_maintenance,
    retire::{cancel, close_due, due, keep, reopen_undue},
    state::{resume, suspend, transition},
};
pub use life::{
    retire::{Retirement, Terms},
    state::State,
};
pub(crate) use list::days_until;
pub use list::{Filter, Listed, Sort};
pub(crate) use list::{list, show};
pub use own::{Held, OwnTenant};
pub use record::{NewTenant, Tenant, check};
pub(crate) use record::{by_id, by_slug};
pub(crate) use record::{insert, remove_unborn, require_free};
pub(crate) use rename::{rename, set_name};
pub(crate) use reserved::is_reserved;
pub(crate) use settings::settings;
pub use verbs::Tenants;

//! Handlers for the caller's own tenant: state, plan, usage, members, keys, activity, its own SQL.
//!
//! Called by the route table. State and plan are shown even when records are refused, so that members of an expired
//! tenant see why.

mod backups;
mod export;
mod insight;
mod invitations;
mod keys;
mod leave;
mod members;
mod sql;
mod state;

pub(super) use backups::{list as backups, start as back_up};
pub(super) use export::download as export;
pub(super) use insight::{activity, operations, usage};
pub(super) use invitations::{create as invite, list as invitations, revoke as revoke_invitation};
pub(super) use keys::{create as create_key, list as keys, revoke as revoke_key};
pub(super) use leave::{cancel, revoke as revoke_cancellation};
pub(super) use members::{change as change_member, list as members, remove as remove_member};
pub(super) use sql::run as sql;
pub(super) use state::{change, show};

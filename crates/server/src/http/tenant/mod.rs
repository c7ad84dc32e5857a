//! Handlers for the caller's own tenant: state, plan, usage, members, keys, activity, its own SQL.
//!
//! The route table calls them. State and plan are shown even when records are refused, so that members of an expired
//! tenant see the reason.

mod backups;
mod features;
mod fields;
mod insight;
mod keys;
mod members;
mod restores;
mod state;
mod views;

pub(super) use backups::{export, list as backups, start as back_up};
pub(super) use features::{consume as use_feature, list as features};
pub(super) use fields::{add as add_field, change as change_field, list as fields, remove as remove_field};
pub(super) use insight::{activity, operations, sizes, sql, usage};
pub(super) use keys::{create as create_key, list as keys, revoke as revoke_key};
pub(super) use members::{
    change as change_member, invitations, invite, invited, list as members, remove as remove_member,
    revoke_invitation,
};
pub(super) use restores::{
    differences, discard as discard_staged, show as staged_backup, stage as stage_backup, take_back,
};
pub(super) use state::{cancel, change, revoke_cancellation, show};
pub(super) use views::{change as change_view, create as create_view, list as views, remove as remove_view};

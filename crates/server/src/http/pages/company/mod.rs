//! Pages of a company about itself: dashboard, analytics, members, keys, subscription, backups, activity, settings and
//! cancellation.

mod activity;
mod analytics;
mod backups;
mod compare;
mod dashboard;
mod fields;
mod keys;
mod members;
mod settings;
mod subscription;
mod usage;

pub(in crate::http) use activity::show as activity;
pub(super) use activity::{People, people};
pub(in crate::http) use analytics::show as analytics;
pub(in crate::http) use backups::{list as backups, start as back_up};
pub(in crate::http) use compare::{
    close as close_comparison, open as open_comparison, records as compared_records, show as comparison,
    take_back,
};
pub(in crate::http) use dashboard::show as dashboard;
pub(in crate::http) use fields::{add as add_own_field, change as change_own_field, list as own_fields};
pub(in crate::http) use keys::{list as keys, make as make_key, revoke as revoke_key};
pub(in crate::http) use members::{
    invite, list as members, remove as remove_member, revoke as revoke_invitation, set_role,
};
pub(in crate::http) use settings::{ask as ask_close, cancel as close, rename, set_locale, show as settings};
pub(in crate::http) use subscription::show as subscription;

use super::{visit::Inside, words::Words};
use crate::http::App;

/// Returns the names and labels of the roles, strongest first.
fn roles(app: &App, words: &Words) -> Vec<(String, String)> {
    let roles = &app.platform().config().auth.roles;
    roles.iter().map(|role| (role.to_string(), words.role(role.as_str()))).collect()
}

/// Returns true if the visitor manages the company.
fn manages(inside: &Inside) -> bool {
    inside.tenant.require_manager().is_ok()
}

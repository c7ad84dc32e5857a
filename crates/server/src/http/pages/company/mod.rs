//! Pages of a company about itself: dashboard, members, keys, activity.

mod activity;
mod dashboard;
mod keys;
mod members;

pub(in crate::http) use activity::show as activity;
pub(in crate::http) use dashboard::show as dashboard;
pub(in crate::http) use keys::{list as keys, make as make_key, revoke as revoke_key};
pub(in crate::http) use members::{
    invite, list as members, remove as remove_member, revoke as revoke_invitation, set_role,
};

use super::visit::Inside;
use crate::http::App;

/// Returns the names of the roles, strongest first.
fn roles(app: &App) -> Vec<String> {
    app.platform().config().auth.roles.iter().map(ToString::to_string).collect()
}

/// Returns true if the visitor manages the company.
fn manages(inside: &Inside) -> bool {
    inside.tenant.require_manager().is_ok()
}

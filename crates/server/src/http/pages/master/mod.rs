//! The pages of operators under `/master-admin/`: the fleet, one tenant, and the forms that act on it.
//!
//! They show no tenant's rows. A form that cannot be undone, or that lets its sender act as another person, asks for the
//! sender's own password.

mod enter;
mod form;
mod tenant;
mod tenants;

pub(in crate::http) use enter::{ask as ask_enter, enter};
pub(in crate::http) use tenant::show as tenant;
pub(in crate::http) use tenants::list as tenants;

use super::{answer::see, visit::Staffed};
use axum::response::Response;

/// `GET /master-admin/`.
pub(in crate::http) async fn home(_: Staffed) -> Response {
    see("/master-admin/companies/")
}

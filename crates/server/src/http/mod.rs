//! The HTTP server: routes, credentials, problems, OpenAPI, metrics and the serve loop.
//!
//! Called by the command line (`serve`, `demo`) and by embedders. The platform decides what a caller may do; this
//! module turns its answers into HTTP.

mod access_log;
mod account;
mod admin;
mod app;
mod auth;
mod backup_metrics;
mod body;
mod cookie;
mod credentials;
mod csrf;
mod denials;
mod disposition;
mod docs;
mod etag;
mod faults;
mod guard;
mod health;
mod invitations;
mod metrics;
mod metrics_port;
mod names;
mod openapi;
mod operation;
mod page;
mod plans;
pub mod problem;
pub mod query;
mod records;
mod register;
mod request_id;
mod routes;
mod scope;
mod serve;
mod short;
mod tenant;
mod tenants_seen;
mod view;

pub use access_log::LogTo;
pub use app::{App, Options};
pub use guard::{Peer, call};
pub use metrics_port::serve_metrics;
pub use routes::{Access, ROUTES, Route, router};
pub use scope::{Caller, Manager, Staff, Superuser, Tenant};
pub use serve::{ServeOptions, serve};

//! The HTTP server: routes, credentials, problems, OpenAPI, metrics and the serve loop.
//!
//! Called by the command line (`serve`, `demo`) and by embedders. The platform decides what a caller may do; this
//! module turns its answers into HTTP.

mod accounts;
mod admin;
mod answer;
mod app;
mod docs;
mod fast_path;
mod guard;
mod observe;
mod openapi;
mod operation;
mod pages;
pub mod problem;
pub mod query;
mod records;
mod request;
mod routes;
mod serve;
mod tenant;

pub use access_log::LogTo;
use accounts::{account, auth, invitations, plans, register};
pub(crate) use admin::across_tenants as across;
use answer::{disposition, etag, page, typed};
pub use app::{App, Options};
pub use guard::{Peer, call};
pub use metrics_port::serve_metrics;
use observe::{
    access_log, denials, faults, gauges, health, history, latency, metrics, metrics_port, request_id, slow,
};
pub(crate) use pages::percent;
/// What a server remembers of its last hour.
pub(crate) mod observed {
    pub(crate) use super::{
        admin::last_hour,
        history::{Interval, ServerGauges},
        latency::Durations,
        slow::SlowRequest,
    };
}
use request::{body, cookie, credentials, csrf, names, position, scope};
pub use routes::{Access, ROUTES, Route, router};
pub use scope::{Caller, Manager, Staff, Superuser, Tenant};
pub use serve::{ServeOptions, serve};

//! Everything HTTP: routes, credentials, problems, OpenAPI, metrics and the serve loop.
//!
//! Called by the command line (`serve`, `demo`) and by builders who embed the platform.
//! It never decides what a caller may do; the platform does, and this turns its answer into HTTP.

mod app;
mod body;
mod cookie;
mod csrf;
mod disposition;
mod docs;
mod guard;
mod health;
mod metrics;
mod openapi;
pub mod problem;
pub mod query;
mod request_id;
mod routes;
mod serve;
mod tenants_seen;

pub use app::{App, Options};
pub use guard::Peer;
pub use routes::{Access, ROUTES, Route, router};
pub use serve::{ServeOptions, serve};

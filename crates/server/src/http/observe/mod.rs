//! The server as operators see it: its log, metrics and health, and the denials that go to the audit log.

pub(in crate::http) mod access_log;
pub(in crate::http) mod denials;
mod exposition;
pub(in crate::http) mod faults;
pub(in crate::http) mod gauges;
pub(in crate::http) mod health;
pub(in crate::http) mod history;
pub(in crate::http) mod latency;
pub(in crate::http) mod metrics;
pub(in crate::http) mod metrics_port;
pub(in crate::http) mod request_id;
pub(in crate::http) mod slow;
mod tenants_seen;

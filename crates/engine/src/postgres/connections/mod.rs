//! The connections to one PostgreSQL server, shared by all its databases.
//!
//! A server allows a fixed number of connections, and each costs it a process, while hundreds of tenants may have a
//! database there. So the limit applies to the server, not to a database:
//!
//! - A connection is leased for one statement or transaction. It is never held while no statement runs.
//! - Idle connections stay open for their database until another database needs their slot. The connection that has
//!   been idle longest is closed first.
//! - If no slot is free, callers wait in a queue for each database, and the databases take turns. A database never
//!   holds more than its share, so that its long statements cannot take every connection.
//! - A connection that listens for a system store is not part of the budget, because it is never given back.
//! - A lease that ends in the middle of a statement or transaction cancels it and closes the connection
//!   (`clean-connection`). The slot becomes free once the connection is closed.

mod access;
mod budget;
mod connection;
mod encrypted;
mod failure;
mod inferred;
mod lease;
mod listener;
mod pipeline;
mod pool;
mod tls;
mod url;
mod watchdog;

pub(crate) use access::options_of;
pub use access::{Access, Login};
pub use connection::{Connection, Param};
pub(crate) use failure::refusal;
pub use inferred::Wrap;
pub use lease::Lease;
pub use listener::Heard;
pub use pipeline::{Answers, Call, Failed};
pub use pool::{ConnectionCounts, ConnectionLimits, Connections};
pub use url::PostgresUrl;

//! Databases, schemas and pooled rows on PostgreSQL servers.
//!
//! Only the engine's facade calls it. No other module names a PostgreSQL driver.

pub(crate) mod carry;
mod cells;
mod commits;
pub mod connections;
mod dump;
mod fitness;
mod identity;
mod joins;
mod names;
mod opened;
mod place_state;
pub(crate) mod places;
pub(crate) mod records;
mod replicas;
mod sandbox;
pub(crate) mod schema;
mod seal;
pub(crate) mod search;
mod server;
mod session;
mod site;
mod system;
mod tables;

pub use connections::{ConnectionCounts, ConnectionLimits, PostgresUrl};
pub(crate) use joins::{joined::Joined, may_heal};
pub(crate) use places::is_loss;
pub use places::{FoundColumn, FoundTable};
pub use replicas::{ReplicaOptions, ReplicaReport, ReplicaStanding, Replication};
pub(crate) use server::Server;
pub use server::{ServerOptions, Sole};
pub(crate) use session::Session;
pub(crate) use site::Site;
pub(crate) use system::{COLUMNS, LAST_IDS, SystemDb, Tx};

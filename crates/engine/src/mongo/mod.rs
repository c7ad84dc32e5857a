//! Databases and pooled rows on MongoDB deployments.
//!
//! The engine's facade, `carry` and `schema` call this module. No other module uses the driver.

pub(crate) mod carry;
mod cells;
mod dump;
mod error;
mod foreign;
mod identity;
mod lease;
mod mirror;
mod opened;
mod place_state;
mod places;
pub(crate) mod records;
pub(crate) mod schema;
mod server;
mod session;
mod site;
mod tables;
mod transaction;

pub(crate) use foreign::Documents as ForeignDocuments;
pub(crate) use opened::OPEN_PLACES;
pub(crate) use places::is_loss;
pub(crate) use server::Server;
pub use server::ServerOptions;
pub(crate) use session::Session;
pub(crate) use site::Site;

//! Moves of a tenant's databases: to another server, out of a pool and back, and to a database that the tenant brings.
//!
//! `verbs` serves staff and the command line; `move_`, `fall_back` and `release` are the operations.

mod all;
pub(crate) mod attach;
pub(crate) mod fall_back;
mod fit;
pub(crate) mod lost;
pub(crate) mod move_;
mod obstacles;
mod outlook;
pub(crate) mod place_run;
mod plan;
pub(crate) mod release;
pub(crate) mod superseded;
mod targets;
mod verbs;

pub use all::{Event as MoveAllEvent, MovedAll, Obstacle, Waiting};
pub use fit::Misplaced;
pub use move_::{Move, MoveTenant, Purpose};
pub use outlook::{Outlook, StoreOutlook};
pub use place_run::USUAL_PARALLEL;
pub use plan::Wanted;
pub use targets::Target;
pub use verbs::Moves;

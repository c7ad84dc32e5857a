//! Pages of a company about itself: dashboard, members, keys, activity.

mod activity;
mod dashboard;
mod keys;
mod members;

pub use activity::{Activity, Line};
pub use dashboard::{Bar, Count, Dashboard};
pub use keys::{Key, Keys};
pub use members::{Invitation, Member, Members};

//! Pages of a company about itself.

mod activity;
pub mod analytics;
mod backups;
mod dashboard;
mod fields;
mod keys;
mod members;
mod settings;

pub use activity::{Activity, Line};
pub use analytics::Analytics;
pub use backups::{Backup, Backups, Compare, Compared, Differences, Differing, Field, Since, Work};
pub use dashboard::{Bar, Count, Dashboard};
pub use fields::{FieldDraft, ModelFields, OwnField, OwnFields};
pub use keys::{Key, Keys};
pub use members::{Invitation, Member, Members};
pub use settings::{Close, Ends, Offer, Settings, Subscription};

//! Usage of features: counts per tenant, feature and period, and the quotas of licences.
//!
//! A use is counted in the control store before it is answered. Concurrent uses of one process share a transaction
//! ([`queue`]), and the store runs the transactions of all processes one after another, so a quota is never exceeded
//! (`exact-usage`). [`verbs`] has what tenants and staff call.

mod count;
mod periods;
mod queue;
mod verbs;

pub(crate) use count::forget;
pub(crate) use queue::UsageQueue;
pub use verbs::{Consumed, FeatureUsage, MOST_AT_ONCE};

//! Answers about the rows of all tenants.

use super::impact::Unasked;
use serde_json::{Map, Value};

/// The groups of the rows of all tenants.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Across {
    pub(crate) groups: Vec<AcrossGroup>,
    /// There are more groups than `limit`.
    pub(crate) more: bool,
    /// Number of groups that are hidden because they have fewer rows than `smallest_group`.
    pub(crate) hidden: u64,
    /// Smallest number of rows of a group or a result that is shown.
    pub(crate) smallest_group: u32,
    /// Number of tenants that answered.
    pub(crate) asked: u64,
    /// Tenants that did not answer, the first 200. No group has their rows.
    pub(crate) unasked: Vec<Unasked>,
    /// Number of all tenants that did not answer.
    pub(crate) unasked_count: u64,
}

/// A group of rows.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(crate) struct AcrossGroup {
    /// Values of the keys, by their names in `group_by`.
    pub(crate) group: Map<String, Value>,
    /// Number of rows.
    pub(crate) count: u64,
    /// Results by function and field; null where too few rows have a value.
    #[serde(flatten)]
    pub(crate) results: Map<String, Value>,
}

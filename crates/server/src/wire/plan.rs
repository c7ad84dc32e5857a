//! Plans and limits.

use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;
use tenantry::plans;

/// A plan on offer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Plan {
    pub(crate) code: String,
    pub(crate) name: String,
    /// Text for people: the platform does not bill.
    pub(crate) price: String,
    /// Length of the trial. 0: there is none.
    pub(crate) trial_days: u32,
    pub(crate) limits: Limits,
    pub(crate) features: BTreeSet<String>,
    /// A registration may choose it; otherwise only staff assign it.
    pub(crate) self_service: bool,
}

impl From<plans::Plan> for Plan {
    fn from(plans::Plan { spec, .. }: plans::Plan) -> Self {
        Self {
            code: spec.code,
            name: spec.name,
            price: spec.price,
            trial_days: spec.trial_days,
            limits: spec.limits.into(),
            features: spec.features,
            self_service: spec.self_service,
        }
    }
}

/// Limits of a plan or a tenant. Null: no limit.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Limits {
    /// Members.
    pub(crate) users: Option<u64>,
    /// Rows of all models.
    pub(crate) rows: Option<u64>,
    /// Size of the database.
    pub(crate) bytes: Option<u64>,
    /// Size of uploaded files.
    pub(crate) file_bytes: Option<u64>,
    pub(crate) requests_per_second: Option<u64>,
    /// Requests at the same time.
    pub(crate) concurrency: Option<u64>,
}

impl From<plans::Limits> for Limits {
    fn from(limits: plans::Limits) -> Self {
        let plans::Limits { users, rows, bytes, file_bytes, requests_per_second, concurrency } = limits;
        Self { users, rows, bytes, file_bytes, requests_per_second, concurrency }
    }
}

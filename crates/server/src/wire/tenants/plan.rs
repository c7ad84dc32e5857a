//! Plans and limits.

use std::collections::BTreeSet;
use tenantry::plans;

answers! {
    /// A plan on offer.
    struct Plan from plan: plans::Plan {
        code: String = plan.spec.code,
        name: String = plan.spec.name,
        /// Text for people: the platform does not bill.
        price: String = plan.spec.price,
        /// Length of the trial. 0: there is none.
        trial_days: u32 = plan.spec.trial_days,
        limits: Limits = plan.spec.limits.into(),
        features: BTreeSet<String> = plan.spec.features,
        /// A registration may choose it; otherwise only staff assign it.
        self_service: bool = plan.spec.self_service,
    }

    /// Limits of a plan or a tenant. Null: no limit.
    struct Limits from limits: plans::Limits {
        /// Members.
        users: Option<u64> = limits.users,
        /// Rows of all models.
        rows: Option<u64> = limits.rows,
        /// Size of the database.
        bytes: Option<u64> = limits.bytes,
        /// Size of uploaded files.
        file_bytes: Option<u64> = limits.file_bytes,
        requests_per_second: Option<u64> = limits.requests_per_second,
        /// Requests at the same time.
        concurrency: Option<u64> = limits.concurrency,
    }
}

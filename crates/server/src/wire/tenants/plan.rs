//! Answers about plans and limits.

use crate::wire::{AsText, Id, Instant, Limit, Name, absent_or};
use std::collections::{BTreeMap, BTreeSet};
use tenantry::{config::ServerLabels, moves, name, plans, tenants};

answers! {
    /// A plan to which tenants can subscribe.
    struct Plan from plan: plans::Plan {
        code: String = plan.spec.code,
        name: String = plan.spec.name,
        /// Price as text for people; the platform does not bill.
        price: String = plan.spec.price,
        /// Length of the trial in days; 0 if there is none.
        trial_days: u32 = plan.spec.trial_days,
        limits: Limits = plan.spec.limits.into(),
        features: BTreeSet<String> = plan.spec.features,
        /// True if a registration may choose the plan; otherwise only staff assign it.
        self_service: bool = plan.spec.self_service,
    }

    /// Limits of a plan or a tenant. A limit of null does not apply.
    struct Limits from limits: plans::Limits {
        /// Largest number of members.
        users: Option<u64> = limits.users,
        /// Largest number of rows of all models.
        rows: Option<u64> = limits.rows,
        /// Largest size of the database in bytes.
        bytes: Option<u64> = limits.bytes,
        /// Largest total size of uploaded files in bytes.
        file_bytes: Option<u64> = limits.file_bytes,
        requests_per_second: Option<u64> = limits.requests_per_second,
        /// Largest number of concurrent requests.
        concurrency: Option<u64> = limits.concurrency,
    }
}

answers! {
    /// A plan as staff see it.
    struct StaffPlan from of: (plans::Plan, u64) {
        /// True if new subscriptions are refused.
        archived: bool = of.0.archived,
        /// True if staff created or changed the plan, so that the configuration no longer changes it.
        kept: bool = of.0.kept,
        /// Number of tenants on the plan.
        tenants: u64 = of.1,
        /// Labels that every server of the plan's tenants has.
        servers: BTreeMap<String, String> = labels(&of.0.spec.servers),
        #[serde(flatten)]
        plan: Plan = of.0.into(),
    }

    /// A subscription of a tenant.
    struct Subscription from of: plans::ListedSubscription {
        /// Id of the tenant.
        tenant: i64 = of.tenant.get(),
        slug: AsText<name::Slug> = AsText(of.slug),
        /// Name of the tenant.
        name: String = of.name,
        /// State of the tenant.
        tenant_state: AsText<tenants::State> = AsText(of.tenant_state),
        /// Code of the plan.
        plan: String = of.plan,
        /// Current state of the subscription.
        state: AsText<plans::State> = AsText(of.state),
        started_at: Instant = Instant(of.started_at_us),
        /// End of the trial or paid period; null if it is open-ended.
        ends_at: Option<Instant> = of.ends_at_us.map(Instant),
        /// Number of whole days until the end, rounded up.
        days_remaining: Option<i64> = of.days_remaining,
    }
}

requests! {
    /// Limits of a plan. A limit that is absent or null does not apply.
    #[derive(Default)]
    struct PlanLimits {
        users: Option<u64>,
        rows: Option<u64>,
        bytes: Option<u64>,
        file_bytes: Option<u64>,
        requests_per_second: Option<u64>,
        concurrency: Option<u64>,
    }

    /// A plan to create.
    struct NewPlan {
        code: Name,
        name: String,
        /// Price as text for people; the platform does not bill.
        #[serde(default)]
        price: String,
        /// Length of the trial in days; 0 if there is none.
        #[serde(default)]
        trial_days: u32,
        limits: PlanLimits,
        #[serde(default)]
        features: BTreeSet<String>,
        /// True if a registration may choose the plan.
        #[serde(default)]
        self_service: bool,
        /// Labels that every server of the plan's tenants has. Default: none.
        #[serde(default)]
        servers: BTreeMap<String, String>,
    }

    /// A change of a plan. Absent values stay unchanged.
    struct ChangedPlan {
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "String")]
        name: Option<String>,
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "String")]
        price: Option<String>,
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "u32")]
        trial_days: Option<u32>,
        /// All limits, which replace the current ones.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "PlanLimits")]
        limits: Option<PlanLimits>,
        /// All features, which replace the current ones.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "BTreeSet<String>")]
        features: Option<BTreeSet<String>>,
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "bool")]
        self_service: Option<bool>,
        /// All labels of the plan's servers, which replace the current ones.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "BTreeMap<String, String>")]
        servers: Option<BTreeMap<String, String>>,
        /// True to refuse new subscriptions.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "bool")]
        archived: Option<bool>,
    }

    /// A run that moves the misplaced tenants of a plan.
    struct PlacePlan {
        /// Number of tenants that move at the same time.
        #[serde(default = "usual_parallel")]
        #[schemars(range(min = 1, max = 16))]
        parallel: usize,
    }

    /// Query of the list of subscriptions.
    struct SubscriptionsQuery {
        /// Text that the slug, name or e-mail address of the tenant contains.
        q: Option<String>,
        /// Code of the plan.
        plan: Option<String>,
        /// Current state of the subscription.
        #[schemars(extend("enum" = ["trial", "active", "past_due", "cancelled", "expired"]))]
        state: Option<String>,
        /// Only subscriptions that end within this number of days, or have ended.
        #[schemars(range(max = 3650))]
        within_days: Option<u32>,
        /// Only subscriptions that have not reached their end.
        #[serde(default)]
        live: bool,
        /// Only subscriptions after that of the tenant with this id.
        after: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

fn usual_parallel() -> usize {
    moves::USUAL_PARALLEL
}

/// Returns labels as a JSON object.
pub(crate) fn labels(labels: &ServerLabels) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl From<PlanLimits> for plans::Limits {
    fn from(limits: PlanLimits) -> Self {
        Self {
            users: limits.users,
            rows: limits.rows,
            bytes: limits.bytes,
            file_bytes: limits.file_bytes,
            requests_per_second: limits.requests_per_second,
            concurrency: limits.concurrency,
        }
    }
}

impl From<NewPlan> for plans::PlanSpec {
    fn from(plan: NewPlan) -> Self {
        Self {
            code: plan.code.0,
            name: plan.name,
            trial_days: plan.trial_days,
            price: plan.price,
            limits: plan.limits.into(),
            features: plan.features,
            self_service: plan.self_service,
            servers: ServerLabels::unchecked(plan.servers),
        }
    }
}

impl From<ChangedPlan> for plans::PlanChange {
    fn from(change: ChangedPlan) -> Self {
        Self {
            name: change.name,
            trial_days: change.trial_days,
            price: change.price,
            limits: change.limits.map(plans::Limits::from),
            features: change.features,
            self_service: change.self_service,
            servers: change.servers.map(ServerLabels::unchecked),
            archived: change.archived,
        }
    }
}

//! The fleet over the weeks.

use crate::wire::Instant;
use tenantry::tenants::growth::{Growth, PlanUse, Week};

requests! {
    /// Query of the analytics of the platform.
    struct AnalyticsQuery {
        /// Number of weeks, from 1 to 104; 26 by default.
        weeks: Option<u32>,
    }
}

answers! {
    /// The fleet over the weeks, and what the plans hold now.
    struct PlatformAnalytics from growth: Growth {
        /// Weeks from Monday in UTC, earliest first. The last is the present one, which is not over.
        weeks: Vec<FleetWeek> = growth.weeks.into_iter().map(FleetWeek::from).collect(),
        plans: Vec<FleetPlan> = growth.plans.into_iter().map(FleetPlan::from).collect(),
    }

    /// A week of the fleet.
    struct FleetWeek from week: Week {
        start_at: Instant = Instant(week.start_us),
        /// Number of tenants that began.
        created: u64 = week.created,
        /// Number of cancellations, also those that were revoked later.
        cancelled: u64 = week.cancelled,
        /// Number of tenants that were open at its end: created, and not closed after a cancellation.
        open: u64 = week.open,
    }

    /// What the tenants of a plan hold now.
    struct FleetPlan from plan: PlanUse {
        /// Code of the plan.
        plan: String = plan.plan,
        tenants: u64 = plan.tenants,
        /// Number of members of all of them.
        users: u64 = plan.users,
        /// Bytes of their newest good backups.
        backup_bytes: u64 = plan.bytes,
    }
}

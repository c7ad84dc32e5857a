//! The fleet in figures, everything that needs an operator, and the results of migrations.

use crate::wire::{AsText, Instant};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{
    Check, ChecklistItem, Level, Need, Trouble, migrations::fleet, name::StoreName, plans, tenants,
};

/// The installation at a glance.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Overview {
    /// Number of tenants in each state, without purged tenants.
    pub(crate) tenants: Vec<Count>,
    /// Number of tenants on each plan.
    pub(crate) plans: Vec<Count>,
    /// Number of tenants in each state of their subscription.
    pub(crate) subscriptions: Vec<Count>,
    /// Number of own databases and places in pools in use on each server.
    pub(crate) servers: Vec<Count>,
    /// Number of accounts that may sign in.
    pub(crate) users: u64,
    /// Number of operations that have not ended.
    pub(crate) operations: u64,
    /// Everything that needs an operator, the most urgent first.
    pub(crate) attention: Vec<Attention>,
}

/// A number of things with the same property.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Count {
    pub(crate) name: String,
    pub(crate) count: u64,
}

impl Overview {
    pub(crate) fn new(figures: tenants::Figures, operations: u64, needs: Vec<Need>) -> Self {
        let count = |name: &str, count| Count { name: name.to_owned(), count };
        let named =
            |all: Vec<(String, u64)>| all.into_iter().map(|(name, n)| Count { name, count: n }).collect();
        Self {
            tenants: figures.states.iter().map(|(state, n)| count(state.as_str(), *n)).collect(),
            subscriptions: figures
                .subscriptions
                .iter()
                .map(|(state, n): &(plans::State, u64)| count(state.as_str(), *n))
                .collect(),
            plans: named(figures.plans),
            servers: named(figures.servers),
            users: figures.users,
            operations,
            attention: needs.into_iter().map(Attention::from).collect(),
        }
    }
}

answers! {
    /// Something that needs an operator.
    struct Attention from need: Need {
        /// Kind of the problem.
        problem: AsText<Trouble> = AsText(need.problem),
        /// Urgency. `bad`: data or availability is at risk. `warn`: an operator should look at it. `note`: for
        /// information.
        level: AsText<Level> = AsText(need.level),
        /// Command that solves the problem; null if there is none.
        command: Option<String> = need.command(),
        /// Number of affected things.
        count: u64 = need.count,
        /// Bytes that are free on the affected disk or server.
        free_bytes: Option<u64> = need.free_bytes,
        /// Slug of the affected tenant.
        tenant: Option<String> = need.tenant,
        /// Id of the affected operation.
        operation: Option<i64> = need.operation,
        /// Number of the proof of isolation that found violations.
        proof: Option<i64> = need.proof,
        /// Name of the affected schedule, server, store or work, or a reason.
        detail: Option<String> = need.detail,
        /// Time of the event or deadline.
        at: Option<Instant> = need.at_us.map(Instant),
    }
}

answers! {
    /// A line of the checklist of a new installation.
    struct CheckItem from item: ChecklistItem {
        /// Name of the check.
        check: AsText<Check> = AsText(item.check),
        /// True if nothing is left to do.
        done: bool = item.done,
        /// Urgency if something is left to do: `bad`, `warn` or `note`.
        level: AsText<Level> = AsText(item.level),
        /// Number of affected things.
        count: u64 = item.count,
        /// Name of the affected model or plan, or the reason why the check failed.
        detail: Option<String> = item.detail,
        /// Command, request or setting that solves the problem.
        remedy: Option<String> = item.remedy,
    }
}

/// Result of migrating the databases of one store.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Migrated {
    pub(crate) store: AsText<StoreName>,
    /// Number of databases that were behind.
    pub(crate) total: u64,
    pub(crate) migrated: u64,
    /// Reasons for the failures, one for each failed database.
    pub(crate) failed: Vec<String>,
}

impl From<(StoreName, fleet::Report)> for Migrated {
    fn from((store, report): (StoreName, fleet::Report)) -> Self {
        let reason = |outcome: fleet::Outcome| outcome.result.err().map(|failure| failure.public);
        Self {
            store: AsText(store),
            total: report.total,
            migrated: report.migrated,
            failed: report.failed.into_iter().filter_map(reason).collect(),
        }
    }
}

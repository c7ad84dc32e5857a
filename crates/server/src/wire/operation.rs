//! Queries and answers about operations.

use super::{AsText, Id, Instant, Limit, Slug};
use serde_json::Value;
use tenantry::operations::{self, Listed, StepState};

requests! {
    /// Query of a route that starts an operation.
    struct Wait {
        /// Number of seconds to wait for the end of the operation. If absent, the answer comes at once.
        #[schemars(range(min = 0, max = 300))]
        wait: Option<u64>,
    }

    /// Query of the list of operations.
    struct OperationsQuery {
        /// Only operations that have not ended.
        open: Option<bool>,
        /// Only operations on this tenant.
        tenant: Option<Slug>,
        /// Only operations before the one with this id.
        before: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }

    /// Query of the list of the tenant's operations.
    struct OwnOperationsQuery {
        /// Only operations that have not ended.
        open: Option<bool>,
        /// Only operations before the one with this id.
        before: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

answers! {
    /// An operation, including private details of a failure.
    struct Operation from listed: Listed {
        id: i64 = listed.id,
        kind: String = listed.kind,
        /// Short description of the operation.
        what: String = listed.what,
        /// Id of the tenant on which it works.
        tenant: Option<i64> = listed.tenant.map(|id| id.get()),
        slug: Option<String> = listed.slug,
        state: AsText<operations::State> = AsText(listed.state),
        /// Number of steps done, or number of steps left to undo.
        cursor: i64 = listed.cursor,
        steps: Vec<Step> = listed.steps.into_iter().map(Step::from).collect(),
        /// Progress of the running step.
        progress: Option<Amount> = listed.progress.map(Amount::from),
        /// Outcome of the operation, once it is done.
        result: Option<Value> = listed.result,
        cancel_requested: bool = listed.cancel_requested,
        /// True if the operation only goes forward and can no longer be cancelled.
        past_return: bool = listed.past_return,
        /// True if the operation failed repeatedly and needs an operator.
        stuck: bool = listed.stuck,
        /// True if no server currently works on the operation; it will be retried.
        resting: bool = listed.resting,
        /// The account, key or program that started the operation.
        actor: String = listed.actor,
        /// Reason for the failure, without private details.
        reason: Option<String> = listed.reason,
        /// Kind of the failure, with the codes of problem documents.
        code: Option<String> = listed.code,
        /// Reason for the failure, with private details.
        error: Option<String> = listed.error,
        /// Number of attempts, each by one worker.
        attempts: i64 = listed.attempts,
        started_at: Instant = Instant(listed.started_at_us),
        updated_at: Instant = Instant(listed.updated_at_us),
    }

    /// A step of an operation.
    struct Step from step: operations::StepShown {
        name: &'static str = step.name,
        /// State of the step: `waiting`, `now`, `done`, `undoing` or `undone`.
        state: AsText<StepState> = AsText(step.state),
    }

    /// Progress of a step.
    struct Amount from amount: operations::Amount {
        done: u64 = amount.done,
        /// Total amount; 0 if it is not known.
        total: u64 = amount.total,
        /// Unit of `done` and `total`, such as `bytes` or `rows`.
        unit: String = amount.unit.into_owned(),
    }

    /// An operation as the members of its tenant see it.
    struct OwnOperation from listed: Listed {
        id: i64 = listed.id,
        kind: String = listed.kind,
        /// Short description of the operation.
        what: String = listed.what,
        state: AsText<operations::State> = AsText(listed.state),
        /// Progress of the running step.
        progress: Option<Amount> = listed.progress.map(Amount::from),
        /// Reason for the failure.
        reason: Option<String> = listed.reason,
        /// Kind of the failure, with the codes of problem documents.
        code: Option<String> = listed.code,
        started_at: Instant = Instant(listed.started_at_us),
        updated_at: Instant = Instant(listed.updated_at_us),
    }
}

//! Operations.

use super::{AsText, Id, Instant, Limit, Slug};
use serde_json::Value;
use tenantry::operations::{self, Listed, StepState};

requests! {
    /// Query of a route that starts an operation.
    struct Wait {
        /// Seconds to wait for the end of the operation; without it the answer comes at once.
        #[schemars(range(min = 0, max = 300))]
        wait: Option<u64>,
    }

    /// Query of the list of operations.
    struct OperationsQuery {
        /// Only those that have not ended.
        open: Option<bool>,
        /// Only those of this tenant.
        tenant: Option<Slug>,
        /// Only entries before the one with this id.
        before: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }

    /// Query of the list of the tenant's operations.
    struct OwnOperationsQuery {
        /// Only those that have not ended.
        open: Option<bool>,
        /// Only entries before the one with this id.
        before: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

answers! {
    /// An operation, with the private detail of a failure.
    struct Operation from listed: Listed {
        id: i64 = listed.id,
        kind: String = listed.kind,
        /// Short description of what it does.
        what: String = listed.what,
        /// Id of the tenant it works on.
        tenant: Option<i64> = listed.tenant.map(|id| id.get()),
        slug: Option<String> = listed.slug,
        state: AsText<operations::State> = AsText(listed.state),
        /// Number of steps done, or of steps left to undo.
        cursor: i64 = listed.cursor,
        steps: Vec<Step> = listed.steps.into_iter().map(Step::from).collect(),
        /// Progress of the running step.
        progress: Option<Amount> = listed.progress.map(Amount::from),
        /// Its outcome, once it is done.
        result: Option<Value> = listed.result,
        cancel_requested: bool = listed.cancel_requested,
        /// It only goes forward and cannot be cancelled any more.
        past_return: bool = listed.past_return,
        /// It failed repeatedly and needs an operator.
        stuck: bool = listed.stuck,
        /// No server works on it now; it will be tried again.
        resting: bool = listed.resting,
        /// The account, key or program that started the operation.
        actor: String = listed.actor,
        /// Why it failed, without private detail.
        reason: Option<String> = listed.reason,
        /// Kind of the failure, as in problems.
        code: Option<String> = listed.code,
        /// Why it failed, with private detail.
        error: Option<String> = listed.error,
        /// Number of servers that have tried.
        attempts: i64 = listed.attempts,
        started_at: Instant = Instant(listed.started_at_us),
        updated_at: Instant = Instant(listed.updated_at_us),
    }

    /// A step of an operation.
    struct Step from step: operations::StepShown {
        name: &'static str = step.name,
        /// `waiting`, `now`, `done`, `undoing` or `undone`.
        state: AsText<StepState> = AsText(step.state),
    }

    /// Progress of a step.
    struct Amount from amount: operations::Amount {
        done: u64 = amount.done,
        /// 0: not known.
        total: u64 = amount.total,
        /// Unit of both, such as `bytes` or `rows`.
        unit: String = amount.unit.into_owned(),
    }

    /// An operation, as its tenant sees it.
    struct OwnOperation from listed: Listed {
        id: i64 = listed.id,
        kind: String = listed.kind,
        /// Short description of what it does.
        what: String = listed.what,
        state: AsText<operations::State> = AsText(listed.state),
        /// Progress of the running step.
        progress: Option<Amount> = listed.progress.map(Amount::from),
        /// Why it failed.
        reason: Option<String> = listed.reason,
        /// Kind of the failure, as in problems.
        code: Option<String> = listed.code,
        started_at: Instant = Instant(listed.started_at_us),
        updated_at: Instant = Instant(listed.updated_at_us),
    }
}

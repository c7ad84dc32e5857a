//! Operations.

use super::{AsText, Id, Instant, Limit, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenantry::operations::{self, Listed, StepState};

/// Query of a route that starts an operation.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    /// Seconds to wait for the end of the operation; without it the answer comes at once.
    #[schemars(range(min = 0, max = 300))]
    pub(crate) wait: Option<u64>,
}

/// Query of the list of operations.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationsQuery {
    /// Only those that have not ended.
    pub(crate) open: Option<bool>,
    /// Only those of this tenant.
    pub(crate) tenant: Option<Slug>,
    /// Only entries before the one with this id.
    pub(crate) before: Option<Id>,
    #[serde(default)]
    pub(crate) limit: Limit,
}

/// Query of the list of the tenant's operations.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnOperationsQuery {
    /// Only those that have not ended.
    pub(crate) open: Option<bool>,
    /// Only entries before the one with this id.
    pub(crate) before: Option<Id>,
    #[serde(default)]
    pub(crate) limit: Limit,
}

/// An operation, with the private detail of a failure.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Operation {
    pub(crate) id: i64,
    pub(crate) kind: String,
    /// Short description of what it does.
    pub(crate) what: String,
    /// Id of the tenant it works on.
    pub(crate) tenant: Option<i64>,
    pub(crate) slug: Option<String>,
    pub(crate) state: AsText<operations::State>,
    /// Number of steps done, or of steps left to undo.
    pub(crate) cursor: i64,
    pub(crate) steps: Vec<Step>,
    /// Progress of the running step.
    pub(crate) progress: Option<Amount>,
    /// Its outcome, once it is done.
    pub(crate) result: Option<Value>,
    pub(crate) cancel_requested: bool,
    /// It only goes forward and cannot be cancelled any more.
    pub(crate) past_return: bool,
    /// It failed repeatedly and needs an operator.
    pub(crate) stuck: bool,
    /// No server works on it now; it will be tried again.
    pub(crate) resting: bool,
    /// Actor who started it.
    pub(crate) actor: String,
    /// Why it failed, without private detail.
    pub(crate) reason: Option<String>,
    /// Kind of the failure, as in problems.
    pub(crate) code: Option<String>,
    /// Why it failed, with private detail.
    pub(crate) error: Option<String>,
    /// Number of servers that have tried.
    pub(crate) attempts: i64,
    pub(crate) started_at: Instant,
    pub(crate) updated_at: Instant,
}

impl From<Listed> for Operation {
    fn from(listed: Listed) -> Self {
        let step = |step: operations::StepShown| Step { name: step.name, state: AsText(step.state) };
        Self {
            id: listed.id,
            kind: listed.kind,
            what: listed.what,
            tenant: listed.tenant.map(|id| id.get()),
            slug: listed.slug,
            state: AsText(listed.state),
            cursor: listed.cursor,
            steps: listed.steps.into_iter().map(step).collect(),
            progress: listed.progress.map(Amount::from),
            result: listed.result,
            cancel_requested: listed.cancel_requested,
            past_return: listed.past_return,
            stuck: listed.stuck,
            resting: listed.resting,
            actor: listed.actor,
            reason: listed.reason,
            code: listed.code,
            error: listed.error,
            attempts: listed.attempts,
            started_at: Instant(listed.started_at_us),
            updated_at: Instant(listed.updated_at_us),
        }
    }
}

/// A step of an operation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// `waiting`, `now`, `done`, `undoing` or `undone`.
    pub(crate) state: AsText<StepState>,
}

/// Progress of a step.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Amount {
    pub(crate) done: u64,
    /// 0: not known.
    pub(crate) total: u64,
    /// Unit of both, such as `bytes` or `rows`.
    pub(crate) unit: String,
}

impl From<operations::Amount> for Amount {
    fn from(operations::Amount { done, total, unit }: operations::Amount) -> Self {
        Self { done, total, unit: unit.into_owned() }
    }
}

/// An operation, as its tenant sees it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnOperation {
    pub(crate) id: i64,
    pub(crate) kind: String,
    /// Short description of what it does.
    pub(crate) what: String,
    pub(crate) state: AsText<operations::State>,
    /// Progress of the running step.
    pub(crate) progress: Option<Amount>,
    /// Why it failed.
    pub(crate) reason: Option<String>,
    /// Kind of the failure, as in problems.
    pub(crate) code: Option<String>,
    pub(crate) started_at: Instant,
    pub(crate) updated_at: Instant,
}

impl From<Listed> for OwnOperation {
    fn from(listed: Listed) -> Self {
        Self {
            id: listed.id,
            kind: listed.kind,
            what: listed.what,
            state: AsText(listed.state),
            progress: listed.progress.map(Amount::from),
            reason: listed.reason,
            code: listed.code,
            started_at: Instant(listed.started_at_us),
            updated_at: Instant(listed.updated_at_us),
        }
    }
}

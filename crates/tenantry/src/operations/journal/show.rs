//! Reads the journal for the command line, the API and test suites. It changes nothing.

use super::{State, attempts::stuck_sql};
use crate::{
    Error, Result,
    control::params,
    operations::{Inner, Operations, progress::Amount, step::StepInfo},
};
use tenantry_engine::{SqlRow, Tx, name::TenantId, value::Value};

/// Conditions and size of a page of operations.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Only operations that are not over.
    pub open: bool,
    /// Only operations on this tenant.
    pub tenant: Option<TenantId>,
    /// Only operations of this kind.
    pub kind: Option<&'static str>,
    /// Only operations with a smaller id, for the next page.
    pub before: Option<i64>,
    /// Largest number of operations, at most 1,000.
    pub limit: u32,
}

impl Default for Filter {
    fn default() -> Self {
        Self { open: false, tenant: None, kind: None, before: None, limit: 100 }
    }
}

/// An operation, as operators and users see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Id of the operation.
    pub id: i64,
    /// Kind of operation.
    pub kind: String,
    /// Short description of the operation.
    pub what: String,
    /// Id of the tenant on which it works.
    pub tenant: Option<TenantId>,
    /// Slug of that tenant, if the tenant exists.
    pub slug: Option<String>,
    /// State of the operation.
    pub state: State,
    /// Number of steps done; while unwinding, number of steps still to undo.
    pub cursor: i64,
    /// Steps of the operation in order.
    pub steps: Vec<StepShown>,
    /// Progress of the running step, if it reports any.
    pub progress: Option<Amount>,
    /// Outcome of the operation, once it is done.
    pub result: Option<serde_json::Value>,
    /// True if a cancellation was requested.
    pub cancel_requested: bool,
    /// True if the operation only goes forward and can no longer be cancelled.
    pub past_return: bool,
    /// True if the operation failed repeatedly and needs an operator.
    pub stuck: bool,
    /// True if no worker currently has its lease; the operation will be retried.
    pub resting: bool,
    /// Actor that started the operation.
    pub actor: String,
    /// Reason why the operation went back or cannot continue. Private detail.
    pub error: Option<String>,
    /// Reason why the operation went back or cannot continue, without private detail.
    pub reason: Option<String>,
    /// Kind of the error, as a stable code of the API.
    pub code: Option<String>,
    /// Number of workers that have tried the operation.
    pub attempts: i64,
    /// Time of the start, in microseconds since 1970, UTC.
    pub started_at_us: i64,
    /// Time of the last change, in microseconds since 1970, UTC.
    pub updated_at_us: i64,
}

/// A step of an operation, as operators and users see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct StepShown {
    /// Name of the step.
    pub name: &'static str,
    /// State of the step.
    pub state: StepState,
}

/// State of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// The step has not begun.
    Waiting,
    /// The step is running, or runs next.
    Now,
    /// The step is done.
    Done,
    /// The step is being undone, or is undone next.
    Undoing,
    /// The step is undone, or was never done.
    Undone,
}

fn select() -> String {
    format!(
        "SELECT o.id, o.kind, o.what, o.tenant, (SELECT slug FROM tenants WHERE id = o.tenant), o.state, o.cursor, \
         o.progress, o.result, o.cancel_requested, {}, o.lease_owner IS NULL, o.by_actor, o.error, o.error_public, \
         o.attempts, o.started_at, o.updated_at, o.error_code FROM operations o",
        stuck_sql()
    )
}

impl Operations {
    /// Lists operations, newest first.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Listed>> {
        let open = if filter.open { "o.state IN ('running', 'unwinding')" } else { "1 = 1" };
        let mut values: Vec<Value> = vec![filter.before.unwrap_or(i64::MAX).into()];
        let tenant = if filter.tenant.is_some() { "AND o.tenant = ?" } else { "" };
        values.extend(filter.tenant.map(|tenant| tenant.get().into()));
        let kind = if filter.kind.is_some() { "AND o.kind = ?" } else { "" };
        values.extend(filter.kind.map(Value::from));
        values.push(i64::from(filter.limit.clamp(1, 1000)).into());
        let sql =
            format!("{} WHERE {open} AND o.id < ? {tenant} {kind} ORDER BY o.id DESC LIMIT ?", select());
        let mut tx = self.inner.context.control.snapshot().await?;
        tx.query(&sql, &values).await?.iter().map(|r| read(&self.inner, r)).collect()
    }

    /// Returns one operation with its steps.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such operation.
    pub async fn show(&self, id: i64) -> Result<Listed> {
        let sql = format!("{} WHERE o.id = ?", select());
        let rows = self.inner.context.control.snapshot().await?.query(&sql, params![id]).await?;
        read(&self.inner, rows.first().ok_or(Error::NotFound("operation"))?)
    }

    /// Returns the number of open operations, and how many of them are stuck.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn counts(&self) -> Result<(u64, u64)> {
        counts(&mut self.inner.context.control.snapshot().await?).await
    }
}

/// Returns at most 20 operations that need an operator.
pub(in crate::operations) async fn stuck(inner: &Inner) -> Result<Vec<Listed>> {
    let mut tx = inner.context.control.snapshot().await?;
    if counts(&mut tx).await?.1 == 0 {
        return Ok(Vec::new());
    }
    let sql = format!("{} WHERE {} ORDER BY o.id LIMIT 20", select(), stuck_sql());
    tx.query(&sql, &[]).await?.iter().map(|r| read(inner, r)).collect()
}

/// Returns the number of open operations, and how many of them are stuck.
async fn counts(tx: &mut Tx) -> Result<(u64, u64)> {
    let sql = format!(
        "SELECT count(*), coalesce(sum(CASE WHEN {} THEN 1 ELSE 0 END), 0) FROM operations o WHERE o.state IN ('running', 'unwinding')",
        stuck_sql()
    );
    let rows = tx.query(&sql, &[]).await?;
    let row = rows.first().ok_or(Error::NotFound("operation"))?;
    let count = |index| Ok::<_, Error>(u64::try_from(row.integer(index)?).unwrap_or(0));
    Ok((count(0)?, count(1)?))
}

fn read(inner: &Inner, r: &SqlRow) -> Result<Listed> {
    let (id, kind) = (r.integer(0)?, r.text(1)?);
    let (state, cursor) = (State::parse(r.text(5)?)?, r.integer(6)?);
    let known = inner.kind(kind);
    let done = usize::try_from(cursor).unwrap_or(0);
    let open = !state.is_over();
    Ok(Listed {
        id,
        kind: kind.to_owned(),
        what: r.text(2)?.to_owned(),
        tenant: r.opt_integer(3)?.map(TenantId::from_raw),
        slug: r.opt_text(4)?.map(Into::into),
        state,
        cursor,
        steps: known.map_or_else(Vec::new, |kind| steps(&kind.steps(), state, done)),
        progress: match inner.live(id) {
            Some(live) => live.progress.get(),
            None => parsed(r.opt_text(7)?)?,
        },
        result: parsed(r.opt_text(8)?)?,
        cancel_requested: r.integer(9)? != 0,
        past_return: known.is_some_and(|kind| kind.past_return(done)),
        stuck: r.integer(10)? != 0,
        resting: open && r.integer(11)? != 0,
        actor: r.text(12)?.to_owned(),
        error: r.opt_text(13)?.map(Into::into),
        reason: r.opt_text(14)?.map(Into::into),
        attempts: r.integer(15)?,
        started_at_us: r.integer(16)?,
        updated_at_us: r.integer(17)?,
        code: r.opt_text(18)?.map(Into::into),
    })
}

fn parsed<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Result<Option<T>> {
    let value = text.map(serde_json::from_str).transpose();
    value.map_err(|e| Error::Internal(format!("journal: {e}")))
}

fn steps(steps: &[StepInfo], state: State, cursor: usize) -> Vec<StepShown> {
    let at = |index: usize| match state {
        State::Done => StepState::Done,
        State::Undone => StepState::Undone,
        State::Running if index < cursor => StepState::Done,
        State::Running if index == cursor => StepState::Now,
        State::Running => StepState::Waiting,
        State::Unwinding if index + 1 < cursor => StepState::Done,
        State::Unwinding if index + 1 == cursor => StepState::Undoing,
        State::Unwinding => StepState::Undone,
    };
    steps.iter().enumerate().map(|(index, s)| StepShown { name: s.name, state: at(index) }).collect()
}

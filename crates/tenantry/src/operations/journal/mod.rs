//! Rows of the journal. Every write names the worker's lease: a worker that lost its lease changes nothing.
//!
//! The driver and recovery call it inside their transactions. It runs no step.

pub(super) mod attempts;
pub(crate) mod claims;
pub(crate) mod lease;
pub(super) mod show;
mod watch;

use super::{
    erased::AnyOperation,
    progress::{Amount, Cancel, Progress},
};
use crate::{
    Error, Result,
    control::{Control, Write, params},
    platform::databases::Databases,
};
use attempts::stuck_sql;
use lease::LEASE_US;
use tenantry_engine::{Kind, name::TenantId};

/// State of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The operation goes forward. `cursor` is the first step not known to be done.
    Running,
    /// The operation goes back. The first `cursor` steps may still have effects.
    Unwinding,
    /// Every step is done.
    Done,
    /// Every step is undone; nothing of the operation is left.
    Undone,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Unwinding => "unwinding",
            Self::Done => "done",
            Self::Undone => "undone",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let all = [Self::Running, Self::Unwinding, Self::Done, Self::Undone];
        let unknown = || Error::Internal(format!("operation state {text:?}"));
        all.into_iter().find(|s| s.as_str() == text).ok_or_else(unknown)
    }

    /// Returns true if the operation is done or undone.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Undone)
    }
}

/// An operation with the lease that allows this worker to continue it.
pub(super) struct Job {
    pub(super) id: i64,
    pub(super) owner: String,
    pub(super) cursor: usize,
    pub(super) operation: Box<dyn AnyOperation>,
    /// Number of workers that have tried the operation, including this one.
    pub(super) attempts: i64,
    pub(super) live: Live,
    /// Databases of the apps that were loaded when this worker began.
    pub(super) databases: Databases,
    /// Effects that the operation leaves behind; `None` if it was not abandoned, so that a failing step stops it.
    pub(super) left: Option<Vec<Left>>,
}

/// An effect that an abandoned operation could neither finish nor undo.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Left {
    /// Name of the step.
    pub step: &'static str,
    /// Reason for the failure. Private detail.
    pub why: String,
}

impl Job {
    /// Records a failure and continues if the operation was abandoned. Otherwise returns the error.
    pub(super) fn leave(&mut self, step: &'static str, error: Stop) -> Result<(), Stop> {
        match (&mut self.left, error) {
            (Some(left), Stop::Failed(error)) => {
                tracing::warn!(operation = self.id, step, %error, "left behind by an abandoned operation");
                let why = error.to_string();
                self.operation.left_behind(step, &why);
                left.push(Left { step, why });
                Ok(())
            }
            (_, error) => Err(error),
        }
    }
}

/// State shared between a running operation and the requests that watch it.
#[derive(Debug, Clone, Default)]
pub(super) struct Live {
    pub(super) progress: Progress,
    pub(super) cancel: Cancel,
}

/// Reason why a worker stops.
pub(super) enum Stop {
    /// Another worker has the lease now; this one must change nothing more.
    Lost,
    /// A step failed.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(e: Error) -> Self {
        Self::Failed(e)
    }
}

impl From<tenantry_engine::Error> for Stop {
    fn from(e: tenantry_engine::Error) -> Self {
        Self::Failed(e.into())
    }
}

fn number(cursor: usize) -> i64 {
    i64::try_from(cursor).unwrap_or(i64::MAX)
}

/// Returns the state to store in the row. It is empty once the operation is over, because it may hold a password's
/// hash.
fn data(operation: &dyn AnyOperation, state: State) -> Result<String> {
    if state.is_over() {
        return Ok("{}".into());
    }
    operation.data().map_err(|e| Error::Internal(format!("journal: {e}")))
}

/// Returns the outcome to store in the row of a finished operation.
fn result(operation: &dyn AnyOperation, state: State) -> Result<Option<String>> {
    let outcome = (state == State::Done).then(|| operation.outcome()).filter(|value| !value.is_null());
    let text = outcome.map(|value| serde_json::to_string(&value)).transpose();
    text.map_err(|e| Error::Internal(format!("journal: {e}")))
}

/// Records a new operation and takes its lease.
pub(super) async fn insert(
    write: &mut Write,
    operation: &dyn AnyOperation,
    cursor: usize,
    state: State,
    owner: &str,
) -> Result<i64> {
    if let Some(tenant) = operation.tenant() {
        claims::refuse_migrating(write, tenant).await?;
    }
    let at = write.at_us();
    let (lease, until) =
        if state.is_over() { (None, None) } else { (Some(owner.to_owned()), Some(at + LEASE_US)) };
    let sql = "INSERT INTO operations (kind, what, tenant, state, cursor, data, by_actor, by_impersonator, result, \
        lease_owner, lease_until, started_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";
    let by = operation.by();
    let values = params![
        operation.kind(),
        operation.what(),
        operation.tenant().map(TenantId::get),
        state.as_str(),
        number(cursor),
        data(operation, state)?,
        by.actor.as_str(),
        by.impersonator.clone(),
        result(operation, state)?,
        lease,
        until,
        at,
        at
    ];
    match write.query(sql, values).await {
        Ok(rows) => Ok(rows.first().ok_or(Error::NotFound("operation"))?.integer(0)?),
        Err(e) if matches!(e.kind(), Kind::Unique(_)) => Err(busy(write, operation.tenant()).await?),
        Err(e) => Err(e.into()),
    }
}

/// Returns an error that names the operation open on the tenant, and tells how to end it if it is stuck.
async fn busy(write: &mut Write, tenant: Option<TenantId>) -> Result<Error> {
    let sql = format!(
        "SELECT id, kind, {} FROM operations o WHERE tenant = ? AND state IN ('running', 'unwinding')",
        stuck_sql()
    );
    let rows = write.query(&sql, params![tenant.map(TenantId::get)]).await?;
    let Some(open) = rows.first() else {
        return Ok(Error::Occupied("another operation is working on this tenant".into()));
    };
    let (id, kind, stuck) = (open.integer(0)?, open.text(1)?, open.integer(2)? != 0);
    Ok(Error::Occupied(match stuck {
        false => format!("{kind} {id} is working on this tenant; see `tenantry operation show {id}`"),
        true => format!(
            "{kind} {id} on this tenant is stuck; see `tenantry operation show {id}`, and end it with \
             `tenantry operation retry {id}` or `tenantry operation abandon {id}`"
        ),
    }))
}

/// Saves the position of the job, in the transaction of the steps that reached it.
pub(super) async fn save(
    write: &mut Write,
    job: &Job,
    operation: &dyn AnyOperation,
    cursor: usize,
    state: State,
) -> Result<(), Stop> {
    let at = write.at_us();
    let (lease, until) =
        if state.is_over() { (None, None) } else { (Some(job.owner.clone()), Some(at + LEASE_US)) };
    let sql = "UPDATE operations SET tenant = ?, state = ?, cursor = ?, data = ?, progress = NULL, result = ?, \
        lease_owner = ?, lease_until = ?, updated_at = ? WHERE id = ? AND lease_owner = ?";
    let values = params![
        operation.tenant().map(TenantId::get),
        state.as_str(),
        number(cursor),
        data(operation, state)?,
        result(operation, state)?,
        lease,
        until,
        at,
        job.id,
        job.owner.as_str()
    ];
    if write.execute(sql, values).await? == 1 { Ok(()) } else { Err(Stop::Lost) }
}

/// Checks that the worker still has its lease and that the operation was not cancelled. A transaction calls this before
/// its steps, whose own errors would otherwise hide that another worker has already done them.
pub(super) async fn hold(write: &mut Write, id: i64, owner: &str, cancel: &Cancel) -> Result<(), Stop> {
    let sql = "SELECT cancel_requested FROM operations WHERE id = ? AND lease_owner = ?";
    let rows = write.query(sql, params![id, owner]).await?;
    let row = rows.first().ok_or(Stop::Lost)?;
    listen(row.integer(0)?, cancel);
    Ok(cancel.check()?)
}

fn listen(requested: i64, cancel: &Cancel) {
    if requested != 0 {
        cancel.request();
    }
}

/// Checks for a cancellation without writing.
pub(super) async fn hear(control: &Control, id: i64, cancel: &Cancel) -> Result<()> {
    let mut tx = control.snapshot().await?;
    let rows = tx.query("SELECT cancel_requested FROM operations WHERE id = ?", params![id]).await?;
    listen(rows.first().map_or(Ok(0), |row| row.integer(0))?, cancel);
    Ok(())
}

/// Extends the lease of a long step and records its progress.
pub(super) async fn renew(
    control: &Control,
    id: i64,
    owner: &str,
    progress: Option<&Amount>,
) -> Result<(), Stop> {
    let text = progress.map(serde_json::to_string).transpose();
    let text = text.map_err(|e| Error::Internal(format!("journal: {e}")))?;
    let mut write = control.begin().await?;
    let at = write.at_us();
    let sql = "UPDATE operations SET lease_until = ?, progress = ?, updated_at = ? WHERE id = ? AND lease_owner = ?";
    if write.execute(sql, params![at + LEASE_US, text, at, id, owner]).await? != 1 {
        return Err(Stop::Lost);
    }
    Ok(write.commit_unaudited().await?)
}

/// Releases the lease of an operation that cannot continue now. The reconciler retries after `pause_us`.
pub(super) async fn release(
    control: &Control,
    id: i64,
    owner: &str,
    error: &Error,
    pause_us: i64,
) -> Result<()> {
    let mut write = control.begin().await?;
    let until = write.at_us() + pause_us;
    let sql = "UPDATE operations SET lease_owner = NULL, lease_until = ?, progress = NULL, error = ?, \
        error_public = ?, error_code = ?, updated_at = ? WHERE id = ? AND lease_owner = ?";
    let at = write.at_us();
    let values = params![until, told(error), error.public_title(), error.code(), at, id, owner];
    write.execute(sql, values).await?;
    write.commit_unaudited().await
}

/// Records why an operation goes back.
pub(super) async fn note(write: &mut Write, id: i64, error: &Error) -> Result<()> {
    let sql = "UPDATE operations SET error = ?, error_public = ?, error_code = ? WHERE id = ?";
    write.execute(sql, params![told(error), error.public_title(), error.code(), id]).await?;
    Ok(())
}

/// Returns the text of an error for operators, with its remedy.
fn told(error: &Error) -> String {
    match error.remedy() {
        None => error.to_string(),
        Some(remedy) => format!("{error} (remedy: {remedy})"),
    }
}

/// Returns the committed state of an operation.
pub(super) async fn state(control: &Control, id: i64) -> Result<State> {
    let mut tx = control.snapshot().await?;
    let rows = tx.query("SELECT state FROM operations WHERE id = ?", params![id]).await?;
    State::parse(rows.first().ok_or(Error::NotFound("operation"))?.text(0)?)
}

/// The columns of an operation's row on which the answer to a request depends.
pub(super) struct Found {
    pub(super) kind: String,
    pub(super) tenant: Option<TenantId>,
    pub(super) state: State,
    pub(super) cursor: usize,
}

/// Reads the columns on which the answer to a request depends.
pub(super) async fn find(write: &mut Write, id: i64) -> Result<Found> {
    let sql = "SELECT kind, tenant, state, cursor FROM operations WHERE id = ?";
    let rows = write.query(sql, params![id]).await?;
    let row = rows.first().ok_or(Error::NotFound("operation"))?;
    Ok(Found {
        kind: row.text(0)?.to_owned(),
        tenant: row.opt_integer(1)?.map(TenantId::from_raw),
        state: State::parse(row.text(2)?)?,
        cursor: usize::try_from(row.integer(3)?).unwrap_or(0),
    })
}

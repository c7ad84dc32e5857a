//! The journal as people see it: command line, staff pages, suites. Reads only.

use super::journal::State;
use crate::{Result, control::params};
use tenantry_engine::{SqlRow, Tx, name::TenantId};

/// An operation as people see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Id.
    pub id: i64,
    /// What it does.
    pub kind: String,
    /// To whom.
    pub tenant: Option<TenantId>,
    /// Where it stands.
    pub state: State,
    /// Steps done, or while unwinding steps to undo.
    pub cursor: i64,
    /// Who started it.
    pub actor: String,
    /// Why it went back, or cannot go on. Private detail.
    pub error: Option<String>,
    /// Workers that have tried.
    pub attempts: i64,
    /// Microseconds since 1970, UTC.
    pub started_at_us: i64,
    /// Last change.
    pub updated_at_us: i64,
}

/// Newest first; `open` only those that are not over.
pub async fn list(tx: &mut Tx, open: bool, limit: u32) -> Result<Vec<Listed>> {
    let states = if open { "state IN ('running', 'unwinding')" } else { "1" };
    let sql = format!(
        "SELECT id, kind, tenant, state, cursor, by_actor, error, attempts, started_at, updated_at \
         FROM operations WHERE {states} ORDER BY id DESC LIMIT ?"
    );
    let read = |r: &SqlRow| {
        Ok(Listed {
            id: r.integer(0)?,
            kind: r.text(1)?.to_owned(),
            tenant: r.opt_integer(2)?.map(TenantId::from_raw),
            state: State::parse(r.text(3)?)?,
            cursor: r.integer(4)?,
            actor: r.text(5)?.to_owned(),
            error: r.opt_text(6)?.map(Into::into),
            attempts: r.integer(7)?,
            started_at_us: r.integer(8)?,
            updated_at_us: r.integer(9)?,
        })
    };
    tx.query(&sql, params![i64::from(limit.clamp(1, 1000))]).await?.iter().map(read).collect()
}

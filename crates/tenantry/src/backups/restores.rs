//! Restores beside a live tenant, and what became of them.
//!
//! Written by the operations `restore`, `restore_swap` and `restore_discard`, inside their
//! transactions; read by people's verbs.

use super::BackupId;
use crate::{
    Error, Result,
    control::{Write, params},
};
use serde::{Deserialize, Serialize};
use tenantry_engine::{SqlRow, Tx, name::TenantId, place::Place};

/// How a restore stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Restored beside the live one; nobody is routed to it.
    Beside,
    /// In use; what it replaced is kept.
    Swapped,
    /// Was in use; what it replaced is in use again.
    Undone,
    /// Thrown away.
    Discarded,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Beside => "beside",
            Self::Swapped => "swapped",
            Self::Undone => "undone",
            Self::Discarded => "discarded",
        }
    }
}

/// One store of a restore.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// In use.
    pub live: Place,
    /// A database of its own: the restored one or, once swapped, the one that was in use before.
    pub other: Place,
}

/// A restore of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restore {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub tenant: TenantId,
    /// What was restored.
    pub backup: BackupId,
    /// How it stands.
    pub state: State,
    /// Its stores.
    pub stores: Vec<Pair>,
    /// When it came to this state, microseconds.
    pub at_us: i64,
}

fn read(r: &SqlRow) -> Result<Restore> {
    let all = [State::Beside, State::Swapped, State::Undone, State::Discarded];
    let text = r.text(3)?;
    let damaged = |what: &str| Error::Internal(format!("restore: {what}"));
    Ok(Restore {
        id: r.integer(0)?,
        tenant: TenantId::from_raw(r.integer(1)?),
        backup: r.text(2)?.parse()?,
        state: all.into_iter().find(|s| s.as_str() == text).ok_or_else(|| damaged(text))?,
        stores: serde_json::from_str(r.text(4)?).map_err(|e| damaged(&e.to_string()))?,
        at_us: r.integer(5)?,
    })
}

/// The latest restore of a tenant in this state; none: there is none.
pub async fn latest(tx: &mut Tx, tenant: TenantId, state: State) -> Result<Option<Restore>> {
    let sql = "SELECT id, tenant, backup, state, places, at FROM restores WHERE tenant = ? AND state = ? \
        ORDER BY id DESC LIMIT 1";
    tx.query(sql, params![tenant.get(), state.as_str()]).await?.first().map(read).transpose()
}

/// Records one that is beside.
pub(crate) async fn insert(
    write: &mut Write,
    tenant: TenantId,
    backup: &BackupId,
    stores: &[Pair],
) -> Result<i64> {
    let sql =
        "INSERT INTO restores (tenant, backup, state, places, at) VALUES (?, ?, 'beside', ?, ?) RETURNING id";
    let at = write.at_us();
    let rows = write.query(sql, params![tenant.get(), backup.as_str(), places(stores)?, at]).await?;
    Ok(rows.first().ok_or(Error::NotFound("restore"))?.integer(0)?)
}

/// Brings it to another state, with the places it has then.
pub(crate) async fn set(write: &mut Write, id: i64, state: State, stores: &[Pair]) -> Result<()> {
    let sql = "UPDATE restores SET state = ?, places = ?, at = ? WHERE id = ?";
    let at = write.at_us();
    write.execute(sql, params![state.as_str(), places(stores)?, at, id]).await?;
    Ok(())
}

fn places(stores: &[Pair]) -> Result<String> {
    serde_json::to_string(stores).map_err(|e| Error::Internal(e.to_string()))
}

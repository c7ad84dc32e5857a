//! Records of restores that are staged for live tenants, and their states.
//!
//! Written by the operations `restore`, `restore_swap` and `restore_discard`, inside their transactions; read by the
//! verbs.

use crate::backups::BackupId;
use crate::{
    Error, Result,
    control::{Write, params},
};
use serde::{Deserialize, Serialize};
use tenantry_engine::{SqlRow, Tx, name::TenantId, place::Place};

/// State of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A staged copy; no request is routed to it.
    #[serde(rename = "beside")]
    Staged,
    /// In use; the replaced data is retained.
    Swapped,
    /// Was in use; the replaced data is in use again.
    Undone,
    /// Thrown away.
    Discarded,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "beside",
            Self::Swapped => "swapped",
            Self::Undone => "undone",
            Self::Discarded => "discarded",
        }
    }
}

/// One store of a restore.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The place in use.
    pub live: Place,
    /// The tenant's own database: the restored one or, after a swap, the one that was in use before.
    pub other: Place,
}

/// A restore of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restore {
    /// Its id.
    pub id: i64,
    /// The tenant.
    pub tenant: TenantId,
    /// The backup that was restored.
    pub backup: BackupId,
    /// State of the restore.
    pub state: State,
    /// Its stores.
    pub stores: Vec<Pair>,
    /// When it entered this state, in microseconds.
    pub at_us: i64,
}

fn read(r: &SqlRow) -> Result<Restore> {
    let all = [State::Staged, State::Swapped, State::Undone, State::Discarded];
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

/// Returns the latest restore of a tenant in this state, if there is one.
///
/// # Errors
/// Those of the control store.
pub(crate) async fn latest(tx: &mut Tx, tenant: TenantId, state: State) -> Result<Option<Restore>> {
    let sql = "SELECT id, tenant, backup, state, places, at FROM restores WHERE tenant = ? AND state = ? \
        ORDER BY id DESC LIMIT 1";
    tx.query(sql, params![tenant.get(), state.as_str()]).await?.first().map(read).transpose()
}

/// Records a staged restore.
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

/// Changes the state of a restore, with its present places.
pub(crate) async fn set(write: &mut Write, id: i64, state: State, stores: &[Pair]) -> Result<()> {
    let sql = "UPDATE restores SET state = ?, places = ?, at = ? WHERE id = ?";
    let at = write.at_us();
    write.execute(sql, params![state.as_str(), places(stores)?, at, id]).await?;
    Ok(())
}

fn places(stores: &[Pair]) -> Result<String> {
    serde_json::to_string(stores).map_err(|e| Error::Internal(e.to_string()))
}

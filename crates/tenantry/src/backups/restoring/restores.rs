//! Records of restores that are staged for live tenants, and their states.
//!
//! The operations `restore`, `restore_swap` and `restore_discard` write them inside their transactions; the verbs read
//! them.

use crate::backups::BackupId;
use crate::{
    Error, Result,
    control::{Write, clock::SECOND_US, params},
};
use serde::{Deserialize, Serialize};
use tenantry_engine::{SqlRow, Tx, name::TenantId, place::Place};

/// State of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The restore is a staged copy; no request is routed to it.
    #[serde(rename = "beside")]
    Staged,
    /// The restore is in use; the replaced data is retained.
    Swapped,
    /// The restore was in use; the replaced data is in use again.
    Undone,
    /// The restore was discarded.
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
    /// Id of the restore.
    pub id: i64,
    /// Id of the tenant.
    pub tenant: TenantId,
    /// Id of the restored backup.
    pub backup: BackupId,
    /// State of the restore.
    pub state: State,
    /// Places of each restored store.
    pub stores: Vec<Pair>,
    /// Time at which the restore entered this state, in microseconds since 1970, UTC.
    pub at_us: i64,
    /// Time at which the platform discards the restore if it is still staged, in microseconds since 1970, UTC; `None`
    /// for never.
    pub expires_at_us: Option<i64>,
}

const COLUMNS: &str = "id, tenant, backup, state, places, at, expires_at";

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
        expires_at_us: r.opt_integer(6)?,
    })
}

/// Returns the latest restore of a tenant in this state, if there is one.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn latest(tx: &mut Tx, tenant: TenantId, state: State) -> Result<Option<Restore>> {
    let sql =
        format!("SELECT {COLUMNS} FROM restores WHERE tenant = ? AND state = ? ORDER BY id DESC LIMIT 1");
    tx.query(&sql, params![tenant.get(), state.as_str()]).await?.first().map(read).transpose()
}

/// Returns staged restores that have expired, the longest expired first.
pub(crate) async fn expired(tx: &mut Tx, now_us: i64, most: u32) -> Result<Vec<Restore>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM restores WHERE state = 'beside' AND expires_at IS NOT NULL AND expires_at <= ? \
         ORDER BY expires_at LIMIT ?"
    );
    tx.query(&sql, params![now_us, i64::from(most)]).await?.iter().map(read).collect()
}

/// Records a staged restore. If a number of hours is given, the restore expires after that time.
pub(crate) async fn insert(
    write: &mut Write,
    tenant: TenantId,
    backup: &BackupId,
    stores: &[Pair],
    hours: Option<u32>,
) -> Result<i64> {
    let sql = "INSERT INTO restores (tenant, backup, state, places, at, expires_at) \
        VALUES (?, ?, 'beside', ?, ?, ?) RETURNING id";
    let at = write.at_us();
    let expires_at = hours.map(|hours| write.retain_from_us() + i64::from(hours) * 3600 * SECOND_US);
    let values = params![tenant.get(), backup.as_str(), places(stores)?, at, expires_at];
    let rows = write.query(sql, values).await?;
    Ok(rows.first().ok_or(Error::NotFound("restore"))?.integer(0)?)
}

/// Changes the state of a restore, and records its current places.
pub(crate) async fn set(write: &mut Write, id: i64, state: State, stores: &[Pair]) -> Result<()> {
    let sql = "UPDATE restores SET state = ?, places = ?, at = ? WHERE id = ?";
    let at = write.at_us();
    write.execute(sql, params![state.as_str(), places(stores)?, at, id]).await?;
    Ok(())
}

fn places(stores: &[Pair]) -> Result<String> {
    serde_json::to_string(stores).map_err(|e| Error::Internal(e.to_string()))
}

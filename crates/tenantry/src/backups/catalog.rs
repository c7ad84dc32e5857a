//! The backup catalog: existing backups and their states.
//!
//! Operations and verification write it; the verbs, retention and the background pass read it. If it is lost, `rescan`
//! rebuilds it from the manifests.

use super::{
    id::BackupId,
    manifest::{Manifest, Reason},
};
use crate::{
    Error, Result,
    control::{Write, params},
};
use serde::Serialize;
use tenantry_engine::{
    SqlRow, Tx,
    name::{Slug, TenantId},
};

/// State of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The backup is being made.
    Running,
    /// The backup is intact, as far as is known.
    Good,
    /// The backup could not be made.
    Failed,
    /// The backup was intact once, but verification found damage.
    Damaged,
}

impl State {
    /// Returns the name of the state in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Good => "good",
            Self::Failed => "failed",
            Self::Damaged => "damaged",
        }
    }

    /// Parses the name of a state in the catalog.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let all = [Self::Running, Self::Good, Self::Failed, Self::Damaged];
        let unknown = || Error::Internal(format!("state of a backup {text:?}"));
        all.into_iter().find(|s| s.as_str() == text).ok_or_else(unknown)
    }
}

/// A backup, as the catalog records it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Id of the backup.
    pub id: BackupId,
    /// Id of the tenant that was backed up; `None` for the platform's own stores.
    pub tenant: Option<TenantId>,
    /// Slug of the tenant at the time of the backup.
    pub slug: Option<Slug>,
    /// State of the backup.
    pub state: State,
    /// Reason why the backup was made.
    pub reason: Reason,
    /// Name of the schedule that made the backup.
    pub schedule: Option<String>,
    /// Id of the run over many tenants that made the backup.
    pub run: Option<i64>,
    /// Time of the data in the backup, in microseconds since 1970, UTC.
    pub at_us: i64,
    /// Number of rows in the backup.
    pub rows: u64,
    /// Size in bytes before compression.
    pub bytes: u64,
    /// Size in bytes in the backup store.
    pub stored_bytes: u64,
    /// Actor that requested the backup.
    pub by: String,
    /// Reason for the failure, or description of the damage.
    pub error: Option<String>,
    /// Time of the last verification, in microseconds since 1970, UTC.
    pub verified_at_us: Option<i64>,
}

const COLUMNS: &str = "id, tenant, slug, state, reason, schedule, run, at, rows, bytes, stored_bytes, by_actor, \
    error, verified_at";

fn read(r: &SqlRow) -> Result<Listed> {
    let count = |index| Ok::<_, Error>(u64::try_from(r.integer(index)?).unwrap_or(0));
    Ok(Listed {
        id: r.text(0)?.parse()?,
        tenant: r.opt_integer(1)?.map(TenantId::from_raw),
        slug: r.opt_text(2)?.map(Slug::parse).transpose()?,
        state: State::parse(r.text(3)?)?,
        reason: Reason::parse(r.text(4)?)?,
        schedule: r.opt_text(5)?.map(Into::into),
        run: r.opt_integer(6)?,
        at_us: r.integer(7)?,
        rows: count(8)?,
        bytes: count(9)?,
        stored_bytes: count(10)?,
        by: r.text(11)?.to_owned(),
        error: r.opt_text(12)?.map(Into::into),
        verified_at_us: r.opt_integer(13)?,
    })
}

/// Conditions and size of a page of backups.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only backups of this tenant.
    pub tenant: Option<TenantId>,
    /// Only backups of the platform's own stores.
    pub system: bool,
    /// Only backups in this state.
    pub state: Option<State>,
    /// Only backups of this run.
    pub run: Option<i64>,
    /// Only backups older than this one, the last backup of the previous page.
    pub before: Option<BackupId>,
    /// Largest number of backups, 1 to 1000.
    pub limit: u32,
}

/// SQL for the number that the backup `?3` gets from the date in its id: the number of the last backup before it.
const OF_ITS_DATE: &str = "(SELECT coalesce(max(number), 0) FROM backups WHERE id < ?3)";

/// Returns backups, newest first. The order follows their numbers, so a wrong clock does not decide which backup is the
/// newest.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Listed>> {
    let whose = match (filter.tenant, filter.system) {
        (Some(_), _) => "tenant = ?1",
        (None, true) => "tenant IS NULL AND CAST(?1 AS BIGINT) IS NULL",
        (None, false) => "CAST(?1 AS BIGINT) IS NULL",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM backups WHERE {whose} AND (state = ?2 OR ?2 IS NULL) AND (\
         (number, id) < (coalesce((SELECT number FROM backups WHERE id = ?3), {OF_ITS_DATE}), ?3) OR ?3 IS NULL) \
         AND (run = ?5 OR ?5 IS NULL) ORDER BY number DESC, id DESC LIMIT ?4"
    );
    let values = params![
        filter.tenant.map(TenantId::get),
        filter.state.map(|s| s.as_str().to_owned()),
        filter.before.as_ref().map(|id| id.as_str().to_owned()),
        i64::from(filter.limit.clamp(1, 1000)),
        filter.run
    ];
    tx.query(&sql, values).await?.iter().map(read).collect()
}

/// Returns the backup with this id.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such backup.
pub(crate) async fn by_id(tx: &mut Tx, id: &BackupId) -> Result<Listed> {
    let sql = format!("SELECT {COLUMNS} FROM backups WHERE id = ?");
    let rows = tx.query(&sql, params![id.as_str()]).await?;
    rows.first().map(read).transpose()?.ok_or(Error::NotFound("backup"))
}

/// A backup that is about to be made.
#[derive(Debug, Clone)]
pub(crate) struct New<'a> {
    pub(crate) id: &'a BackupId,
    pub(crate) tenant: Option<(TenantId, &'a Slug)>,
    pub(crate) reason: Reason,
    pub(crate) schedule: Option<&'a str>,
    pub(crate) run: Option<i64>,
    pub(crate) by: &'a str,
}

pub(crate) async fn begin(write: &mut Write, new: New<'_>) -> Result<()> {
    let sql = "INSERT INTO backups (id, tenant, slug, state, reason, schedule, run, at, by_actor, number) \
        VALUES (?, ?, ?, 'running', ?, ?, ?, ?, ?, (SELECT coalesce(max(number), 0) + 1 FROM backups))";
    let at = write.at_us();
    let values = params![
        new.id.as_str(),
        new.tenant.map(|(id, _)| id.get()),
        new.tenant.map(|(_, slug)| slug.as_str().to_owned()),
        new.reason.as_str(),
        new.schedule.map(str::to_owned),
        new.run,
        at,
        new.by
    ];
    write.execute(sql, values).await?;
    Ok(())
}

/// Records that a backup is intact, with the facts of its manifest.
pub(crate) async fn good(write: &mut Write, manifest: &Manifest) -> Result<()> {
    let sql = "UPDATE backups SET state = 'good', at = ?, rows = ?, bytes = ?, stored_bytes = ?, error = NULL \
        WHERE id = ?";
    let values = params![
        manifest.at.as_microsecond(),
        number(manifest.rows()),
        number(manifest.raw_bytes()),
        number(manifest.stored_bytes()),
        manifest.id.as_str()
    ];
    write.execute(sql, values).await?;
    Ok(())
}

/// Records that a backup could not be made.
pub(crate) async fn failed(write: &mut Write, id: &BackupId, error: &str) -> Result<()> {
    let sql = "UPDATE backups SET state = 'failed', error = ? WHERE id = ?";
    write.execute(sql, params![error, id.as_str()]).await?;
    Ok(())
}

/// Records the result of a verification. A backup without damage is good.
pub(crate) async fn verified(write: &mut Write, id: &BackupId, damage: Option<&str>) -> Result<()> {
    let sql = "UPDATE backups SET state = ?, error = ?, verified_at = ? WHERE id = ?";
    let state = if damage.is_some() { State::Damaged } else { State::Good };
    let at = write.at_us();
    write.execute(sql, params![state.as_str(), damage.map(str::to_owned), at, id.as_str()]).await?;
    Ok(())
}

/// Deletes the row of a removed backup.
pub(crate) async fn forget(write: &mut Write, id: &BackupId) -> Result<()> {
    write.execute("DELETE FROM backups WHERE id = ?", params![id.as_str()]).await?;
    Ok(())
}

/// Adds a backup from its manifest. Returns false if the catalog knew it already. The date in its id determines its
/// number. If that date is in the future, it is unknown when the backup was made, and the backup counts as the oldest.
pub(crate) async fn take_up(write: &mut Write, manifest: &Manifest) -> Result<bool> {
    let ahead = manifest.id.is_ahead_of(write.at_us());
    let number = if ahead { "-1" } else { OF_ITS_DATE };
    let sql = format!(
        "INSERT INTO backups (tenant, slug, id, state, reason, schedule, at, by_actor, number) \
         VALUES (?1, ?2, ?3, 'good', ?4, ?5, ?6, ?7, {number}) \
         ON CONFLICT (id) DO UPDATE SET state = 'good' WHERE backups.state IN ('running', 'failed')"
    );
    let whose = manifest.tenant.as_ref();
    let values = params![
        whose.map(|t| t.id.get()),
        whose.map(|t| t.slug.as_str().to_owned()),
        manifest.id.as_str(),
        manifest.reason.as_str(),
        manifest.schedule.clone(),
        manifest.at.as_microsecond(),
        manifest.by.as_str()
    ];
    if write.execute(&sql, values).await? == 0 {
        return Ok(false);
    }
    good(write, manifest).await.map(|()| true)
}

/// Returns true if the id in the manifest now belongs to another tenant than the one that was backed up. A manifest
/// that does not record when its tenant was created belongs to the present tenant if the backup is not older than that
/// tenant.
pub(crate) async fn is_of_another(tx: &mut Tx, manifest: &Manifest) -> Result<bool> {
    let Some(whose) = &manifest.tenant else { return Ok(false) };
    let rows = tx.query("SELECT created_at FROM tenants WHERE id = ?", params![whose.id.get()]).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let created = row.integer(0)?;
    let is_its = whose.created_at_us.map_or(manifest.at.as_microsecond() >= created, |at| at == created);
    Ok(!is_its)
}

pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

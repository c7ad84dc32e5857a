//! Purge verbs: purge one tenant, purge the tenants that are due, show a certificate.
//!
//! Staff, the command line and the background pass call them. The operation `purge` removes the data, and its first
//! step decides whether it may.

pub mod operation;

use crate::{
    Error, Platform, Result,
    access::{Actor, Confirmed, sessions::Origin},
    backups::purged,
    control::{clock::SECOND_US, params},
    purges::operation::{CERTIFIED, PurgeWish, Survey},
    tenants::{self, Retirement, State},
    topology::PlacementState,
};
use serde_json::Value;
use tenantry_engine::name::{Slug, TenantId};

/// Certificate of a purged tenant: the audit row that records what was removed, where and when.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Certificate {
    /// Id of the audit row.
    pub row: i64,
    /// Time of the purge, in microseconds since 1970, UTC.
    pub at_us: i64,
    /// Label of the account, key or program that purged the tenant.
    pub by: String,
    /// What was removed and what stays, place by place.
    pub detail: Value,
    /// Hash of the audit row, which the log's chain protects.
    pub hash: String,
}

/// Result of a run of purges.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct PurgeRun {
    /// Slug and operation id of each started purge.
    pub started: Vec<(Slug, i64)>,
    /// Slug of each tenant that could not be purged now, with the reason.
    pub refused: Vec<(Slug, String)>,
    /// Number of due tenants that are left for a later run.
    pub left: u64,
}

/// Largest number of due tenants that a run counts.
const COUNTED: u32 = 10_000;

/// The purges of tenants. A purge removes all data of a tenant.
pub struct Purges<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the purges: survey, start, show a certificate.
    pub fn purges(&self) -> Purges<'_> {
        Purges { platform: self }
    }
}

impl Purges<'_> {
    /// Lists every place that holds data of a tenant, and what a purge does to it. This is the dry run.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant.
    pub async fn survey(&self, slug: &Slug) -> Result<Survey> {
        let id = self.platform.tenants().id_of(slug).await?;
        self.platform.operations().survey(id).await
    }

    /// Starts the purge of a cancelled tenant, and returns the operation's id. Slug and id are both required and must
    /// name the same tenant (`wrong-id-deleted`). With `early`, the retention need not be over.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] unless the tenant is cancelled and, if not `early`, its retention is over.
    pub async fn start(&self, actor: &Confirmed, slug: &Slug, id: TenantId, early: bool) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        let tenant = tenants::by_slug(&mut self.platform.control().snapshot().await?, slug).await?;
        if tenant.id != id {
            return Err(Error::invalid("id", format!("is not the id of {slug}: nothing was done")));
        }
        match tenant.state {
            State::Cancelled => {}
            State::Active | State::Suspended => {
                return Err(Error::Conflict(format!("{slug} is not closed: cancel it first")));
            }
            State::Gone => return Err(Error::Conflict(format!("{slug} was purged already"))),
            _ => return Err(Error::Conflict(format!("{slug} is {} now", tenant.state.as_str()))),
        }
        // Check this first: otherwise the final backup would be made for nothing.
        let ends = Retirement::of(&mut self.platform.control().snapshot().await?, id).await?;
        if !early && ends.is_none_or(|ends| !ends.is_over(self.platform.control().due_us())) {
            return Err(Error::Conflict(self.not_due(slug, ends)));
        }
        let policy = &self.platform.config().retention;
        let final_backup = match policy.final_backup
            && policy.backups_days > 0
            && has_database(self.platform, slug).await?
        {
            true => Some(self.platform.backups().take_final(actor, slug).await?.to_string()),
            false => None,
        };
        let wish = PurgeWish {
            tenant: id,
            slug: slug.clone(),
            early,
            final_backup,
            backups_days: policy.backups_days,
        };
        self.platform.operations().purge(by, wish).await
    }

    /// Explains why a tenant may not be purged yet, with the remedy.
    fn not_due(&self, slug: &Slug, ends: Option<Retirement>) -> String {
        match ends {
            Some(ends) if ends.is_over(self.platform.control().now_us()) => format!(
                "the retention of {slug} is over by the system clock only, which jumped or ran unseen: compare it with \
                 another clock, then run: tenantry clock accept"
            ),
            _ => format!("{slug} is kept for now: its retention is not over"),
        }
    }

    /// Starts the purge of tenants whose retention is over, at most `retention.max_purges_per_run`. A tenant that
    /// cannot be purged does not stop the others.
    ///
    /// # Errors
    /// Returns the errors of the control store. Tenants that cannot be purged are in the result.
    pub async fn start_due(&self, actor: &Actor) -> Result<PurgeRun> {
        actor.require_staff()?;
        let actor = self.platform.access().confirm(actor, None, &Origin::default()).await?;
        let due = self.due().await?;
        let most = usize::try_from(self.platform.config().retention.max_purges_per_run).unwrap_or(usize::MAX);
        let mut run = PurgeRun { left: due.len().saturating_sub(most) as u64, ..PurgeRun::default() };
        for (slug, id) in due.into_iter().take(most) {
            match self.start(&actor, &slug, id, false).await {
                Ok(operation) => run.started.push((slug, operation)),
                Err(error) => run.refused.push((slug, error.to_string())),
            }
        }
        Ok(run)
    }

    /// Returns the tenants whose retention is over, the longest overdue first.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn due(&self) -> Result<Vec<(Slug, TenantId)>> {
        let control = self.platform.control();
        let mut tx = control.snapshot().await?;
        let mut due = vec![];
        for id in tenants::due(&mut tx, control.due_us(), COUNTED).await? {
            due.push((tenants::by_id(&mut tx, id).await?.slug, id));
        }
        Ok(due)
    }

    /// Begins a run of purges if one is due and there are tenants to purge. The reconciler calls it. Of two concurrent
    /// processes, only one begins a run.
    pub(crate) async fn start_when_due(&self) -> Result<()> {
        let policy = &self.platform.config().retention;
        if policy.max_purges_per_run == 0 || self.due().await?.is_empty() {
            return Ok(());
        }
        if !self.claim_run(i64::from(policy.run_every_hours) * 3600 * SECOND_US).await? {
            return Ok(());
        }
        let platform = self.platform.clone();
        // A task of its own, because backups take time and the pass must continue.
        tokio::spawn(async move {
            match crate::caught(platform.purges().start_due(&Actor::platform())).await {
                Ok(run) => tracing::info!(
                    started = run.started.len(),
                    refused = ?run.refused,
                    left = run.left,
                    "purged tenants whose retention is over"
                ),
                Err(error) => tracing::error!(%error, "run of purges failed"),
            }
        });
        Ok(())
    }

    async fn claim_run(&self, every_us: i64) -> Result<bool> {
        let mut write = self.platform.control().begin().await?;
        let now = write.at_us();
        let sql = "INSERT INTO settings (key, value, updated_at) VALUES ('retention.last_run', 'null', ?1) \
            ON CONFLICT (key) DO UPDATE SET updated_at = ?1 WHERE settings.updated_at <= ?1 - ?2 OR settings.updated_at > ?1";
        let claimed = write.execute(sql, params![now, every_us]).await? == 1;
        write.commit_unaudited().await?;
        Ok(claimed)
    }

    /// Returns the certificate of a purged tenant, by slug or id.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant or it was not purged.
    pub async fn certificate(&self, slug_or_id: &str) -> Result<Certificate> {
        let absent = || Error::NotFound("certificate");
        let mut tx = self.platform.control().snapshot().await?;
        let id = match slug_or_id.parse() {
            Ok(id) => TenantId::from_raw(id),
            Err(_) => {
                let slug = Slug::parse(slug_or_id).map_err(|_| absent())?;
                tenants::by_slug(&mut tx, &slug).await.map_err(|_| absent())?.id
            }
        };
        let sql = "SELECT id, at, actor, detail, hash FROM audit WHERE tenant = ? AND action = ? \
            ORDER BY id DESC LIMIT 1";
        let rows = tx.query(sql, params![id.get(), CERTIFIED]).await?;
        let Some(row) = rows.first() else {
            // The catalog may be older than the purge, so ask the backup store.
            let certificate =
                purged::read(self.platform.backup_service().store()?, id).await?.ok_or_else(absent)?;
            let purged::StoredCertificate { row, at_us, by, detail, hash, .. } = certificate;
            return Ok(Certificate { row, at_us, by, detail, hash });
        };
        let detail = serde_json::from_str(row.text(3)?);
        Ok(Certificate {
            row: row.integer(0)?,
            at_us: row.integer(1)?,
            by: row.text(2)?.to_owned(),
            detail: detail.map_err(|e| Error::Internal(format!("certificate of tenant {id}: {e}")))?,
            hash: row.text(4)?.to_owned(),
        })
    }
}

/// Returns true if the tenant has a database, so that a final backup would not be empty.
async fn has_database(platform: &Platform, slug: &Slug) -> Result<bool> {
    let listed = platform.tenants().show(slug).await?;
    for placement in listed.placements.iter().filter(|p| p.state == PlacementState::Ready) {
        if platform.0.engine.exists(&placement.place).await.unwrap_or(false) {
            return Ok(true);
        }
    }
    Ok(false)
}

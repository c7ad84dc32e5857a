//! Everything that needs an operator, in one list: backups, schemas, operations, tenants, disks and servers.
//!
//! The staff pages and the staff API call it. It reads the catalog and this process's state, and opens no database.

use crate::{
    Error, Platform, Result,
    access::Actor,
    control::{clock::DAY_US, params},
    operations::{Filter, Listed, State as Progress},
    proofs::{Report, record},
    tenants::{State, databases::fit},
};
use serde::Serialize;
use tenantry_engine::name::{ServerName, Slug};

/// Largest number of entries of one kind that name a tenant or an operation.
const EACH: usize = 20;
/// Number of newest operations that are searched for failures of the last day.
const RECENT: u32 = 500;
/// A tenant that closes within this time is listed.
const SOON_US: i64 = 7 * DAY_US;

/// Urgency of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Data or availability is at risk.
    Bad,
    /// An operator should look at it.
    Warn,
    /// For information only.
    Note,
}

/// The kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// A backup schedule is overdue.
    BackupOverdue,
    /// Backups failed in the last day.
    BackupsFailed,
    /// Backups are damaged.
    BackupsDamaged,
    /// Active tenants have no good backup.
    WithoutBackup,
    /// The restore drill is overdue, or the last one failed.
    Drill,
    /// Databases lack migrations of the loaded apps.
    SchemaBehind,
    /// Databases have migrations that this process has not loaded.
    SchemaAhead,
    /// A migration of one of the platform's stores, or of a pool, was refused.
    SchemaRefused,
    /// An operation failed repeatedly and waits for an operator.
    OperationStuck,
    /// An operation failed in the last day and was undone.
    OperationFailed,
    /// A tenant is closed for maintenance.
    Maintenance,
    /// Tenants are suspended.
    Suspended,
    /// Tenants of a plan have databases on servers that do not fit it.
    Misplaced,
    /// No server of a store fits a plan on offer.
    PlanWithoutServer,
    /// A cancelled tenant closes within a week.
    ClosingSoon,
    /// The retention of closed tenants is over, so they can be purged.
    PurgeDue,
    /// Files without a placement, or placements without a file.
    Orphans,
    /// A disk is nearly full.
    DiskLow,
    /// A server does not answer.
    Unreachable,
    /// An attached database is lost, replaced or does not answer.
    Attachment,
    /// Background work fails.
    Background,
    /// The platform gave up sending letters.
    LettersFailed,
    /// The newest proof of isolation found violations.
    IsolationBroken,
}

/// An entry of the list: something that needs an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Kind of problem.
    pub problem: Trouble,
    /// Urgency of the problem.
    pub level: Level,
    /// Number of affected things.
    pub count: u64,
    /// Bytes that are free on the affected disk or server.
    pub free_bytes: Option<u64>,
    /// Slug of the affected tenant.
    pub tenant: Option<String>,
    /// Id of the affected operation.
    pub operation: Option<i64>,
    /// Number of the proof of isolation that found it.
    pub proof: Option<i64>,
    /// Name of the affected schedule, server, store or work, or a reason.
    pub detail: Option<String>,
    /// Time of the event or deadline, in microseconds since 1970, UTC.
    pub at_us: Option<i64>,
}

/// The list of everything that needs an operator: `platform.attention()`.
pub struct Attention<'a>(&'a Platform);

impl Platform {
    /// Returns the list of everything that needs an operator.
    pub fn attention(&self) -> Attention<'_> {
        Attention(self)
    }
}

impl Need {
    fn new(problem: Trouble, level: Level) -> Self {
        Self {
            problem,
            level,
            count: 1,
            free_bytes: None,
            tenant: None,
            operation: None,
            proof: None,
            detail: None,
            at_us: None,
        }
    }

    /// Returns the entry for a server without room.
    fn low(server: &ServerName, free_bytes: Option<u64>) -> Self {
        Self { free_bytes, ..Self::new(Trouble::DiskLow, Level::Bad).detail(server.as_str()) }
    }

    fn counted(problem: Trouble, level: Level, count: u64) -> Option<Self> {
        (count > 0).then(|| Self { count, ..Self::new(problem, level) })
    }

    /// Returns the command that solves the problem, if there is one.
    pub fn command(&self) -> Option<String> {
        let plan = self.detail.as_deref().filter(|_| self.problem == Trouble::Misplaced)?;
        Some(format!("tenantry plan place {plan}"))
    }

    fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

impl Attention<'_> {
    /// Returns everything that needs an operator, the most urgent first.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and the errors of the control store.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<Need>> {
        actor.require_staff()?;
        let mut found = self.machine();
        found.extend(self.proofs().await?);
        found.extend(self.backups().await?);
        found.extend(self.schemas().await?);
        found.extend(self.operations().await?);
        found.extend(self.tenants().await?);
        found.extend(self.places().await?);
        found.extend(self.attachments().await?);
        found.sort_by_key(|need| need.level);
        Ok(found)
    }

    /// Returns the entries that this process derives from its servers, disks and background work.
    fn machine(&self) -> Vec<Need> {
        let platform = self.0;
        let silent = platform.reachable().into_iter().filter(|(_, answers)| !answers);
        let silent =
            silent.map(|(name, _)| Need::new(Trouble::Unreachable, Level::Bad).detail(name.as_str()));
        let full = platform.disks().into_iter().filter(|(_, _, is_low)| *is_low);
        let full = full.map(|(name, free, _)| Need::low(&name, Some(free)));
        let (rooms, reserve) = (platform.remembered_rooms(), platform.config().limits.disk_reserve);
        let rooms = rooms.iter().filter(|room| room.is_low(reserve));
        let rooms = rooms.map(|room| Need::low(&room.server, room.free()));
        let passes = platform.background_passes().into_iter().filter(|pass| pass.failed > 0);
        let passes = passes.map(|pass| Need {
            count: pass.failed,
            ..Need::new(Trouble::Background, Level::Warn).detail(pass.work)
        });
        let orphans = Need::counted(Trouble::Orphans, Level::Warn, platform.orphans().seen());
        silent.chain(full).chain(rooms).chain(passes).chain(orphans).collect()
    }

    async fn backups(&self) -> Result<Vec<Need>> {
        let status = self.0.backups().status().await?;
        let overdue = status.schedules.iter().filter(|schedule| schedule.overdue);
        let mut found: Vec<_> = overdue
            .map(|schedule| Need {
                at_us: schedule.good_us,
                ..Need::new(Trouble::BackupOverdue, Level::Bad).detail(&schedule.name)
            })
            .collect();
        found.extend(Need::counted(Trouble::BackupsDamaged, Level::Bad, status.damaged));
        found.extend(Need::counted(Trouble::BackupsFailed, Level::Warn, status.failed_day));
        found.extend(Need::counted(Trouble::WithoutBackup, Level::Warn, status.tenants_without));
        let drill = status.drill;
        if drill.overdue || drill.error.is_some() {
            let need = Need { at_us: drill.good_us, ..Need::new(Trouble::Drill, Level::Warn) };
            found.push(Need { detail: drill.error, ..need });
        }
        Ok(found)
    }

    /// Returns the violations that the newest proofs found.
    async fn proofs(&self) -> Result<Vec<Need>> {
        let mut tx = self.0.control().snapshot().await?;
        let failed = record::failed(&mut tx, EACH as i64).await?;
        let need = |(listed, report): (record::Listed, Report)| {
            let first = report.findings.first();
            let tenant = first.and_then(|one| one.tenant.as_ref().map(ToString::to_string)).or(listed.tenant);
            let detail = first.map(|one| format!("{}, store {}: {}", one.place, one.store, one.detail));
            Need {
                count: listed.findings,
                tenant,
                proof: Some(listed.id),
                detail,
                at_us: Some(listed.at_us),
                ..Need::new(Trouble::IsolationBroken, Level::Bad)
            }
        };
        Ok(failed.into_iter().map(need).collect())
    }

    async fn schemas(&self) -> Result<Vec<Need>> {
        let migrations = self.0.migrations();
        let standing = migrations.standing().await?;
        let behind = Need::counted(Trouble::SchemaBehind, Level::Bad, standing.behind);
        let ahead = Need::counted(Trouble::SchemaAhead, Level::Bad, standing.ahead);
        let mut found: Vec<_> = behind.into_iter().chain(ahead).collect();
        for refused in migrations.refused().await.iter() {
            found.push(Need {
                count: refused.count,
                ..Need::new(Trouble::SchemaRefused, Level::Bad).detail(refused.place.store.as_str())
            });
        }
        Ok(found)
    }

    async fn operations(&self) -> Result<Vec<Need>> {
        let operations = self.0.operations();
        let since_us = self.0.now_us() - DAY_US;
        let about = |problem, level, one: Listed| Need {
            tenant: one.slug,
            operation: Some(one.id),
            at_us: Some(one.updated_at_us),
            ..Need::new(problem, level).detail(one.what)
        };
        let open = operations.list(&Filter { open: true, limit: RECENT, ..Filter::default() }).await?;
        let stuck = open.into_iter().filter(|one| one.stuck).take(EACH);
        let mut found: Vec<_> = stuck.map(|one| about(Trouble::OperationStuck, Level::Bad, one)).collect();
        let recent = operations.list(&Filter { limit: RECENT, ..Filter::default() }).await?;
        let failed = recent.into_iter().filter(|one| {
            one.state == Progress::Undone && !one.cancel_requested && one.updated_at_us > since_us
        });
        found.extend(failed.take(EACH).map(|one| about(Trouble::OperationFailed, Level::Warn, one)));
        Ok(found)
    }

    /// Returns the attached databases that are not well.
    async fn attachments(&self) -> Result<Vec<Need>> {
        let unwell = self.0.unwell_attachments(EACH as u32).await?;
        let need = |one: crate::attachments::Attachment| Need {
            tenant: Some(one.tenant.to_string()),
            at_us: Some(one.health_at_us),
            ..Need::new(Trouble::Attachment, Level::Bad).detail(format!(
                "{}: {}",
                one.store,
                one.health.as_str()
            ))
        };
        Ok(unwell.into_iter().map(need).collect())
    }

    /// Returns the plans whose labels the servers of their tenants do not have.
    async fn places(&self) -> Result<Vec<Need>> {
        let (config, mut tx) = (self.0.config(), self.0.control().snapshot().await?);
        let mut found = vec![];
        for plan in fit::labelled(&mut tx, config).await? {
            let need = |problem| Need::new(problem, Level::Warn).detail(&plan.code);
            let count = plan.count(&mut tx).await?;
            if count > 0 {
                let first = plan.page(&mut tx, 0, 1).await?.pop().map(|(_, slug)| slug.to_string());
                found.push(Need { count, tenant: first, ..need(Trouble::Misplaced) });
            }
            let unmet = plan.unmet(config);
            if !plan.archived && !unmet.is_empty() {
                found.push(Need { count: unmet.len() as u64, ..need(Trouble::PlanWithoutServer) });
            }
        }
        Ok(found)
    }

    async fn tenants(&self) -> Result<Vec<Need>> {
        let control = self.0.control();
        let mut tx = control.snapshot().await?;
        let mut found = vec![];
        let sql = "SELECT slug, maintenance FROM tenants WHERE maintenance IS NOT NULL AND state = 'active' \
            ORDER BY id LIMIT ?";
        for row in tx.query(sql, params![EACH as i64]).await? {
            let need = Need::new(Trouble::Maintenance, Level::Warn).detail(row.text(1)?);
            found.push(Need { tenant: Some(slug(row.text(0)?)?), ..need });
        }
        let sql = "SELECT slug, closes_at FROM tenants WHERE closes_at IS NOT NULL \
            AND state IN ('active', 'suspended') AND closes_at <= ? ORDER BY closes_at LIMIT ?";
        for row in tx.query(sql, params![control.now_us() + SOON_US, EACH as i64]).await? {
            let need = Need { at_us: Some(row.integer(1)?), ..Need::new(Trouble::ClosingSoon, Level::Note) };
            found.push(Need { tenant: Some(slug(row.text(0)?)?), ..need });
        }
        let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
        let sql = "SELECT count(*) FROM tenants WHERE state = ?";
        let suspended = crate::users::count(&mut tx, sql, params![State::Suspended.as_str()]).await?;
        found.extend(Need::counted(Trouble::Suspended, Level::Note, count(suspended)));
        let sql = "SELECT count(*) FROM tenants WHERE state = 'cancelled' AND purges_at <= ?";
        let due = crate::users::count(&mut tx, sql, params![control.due_us()]).await?;
        found.extend(Need::counted(Trouble::PurgeDue, Level::Note, count(due)));
        let sql = "SELECT count(*) FROM mails WHERE state = 'failed'";
        let letters = crate::users::count(&mut tx, sql, &[]).await?;
        found.extend(Need::counted(Trouble::LettersFailed, Level::Warn, count(letters)));
        Ok(found)
    }
}

/// Checks and returns the slug of a row.
fn slug(text: &str) -> Result<String> {
    Ok(Slug::parse(text).map_err(Error::from)?.to_string())
}

//! The background pass over backups: starts scheduled runs and caches the status.
//!
//! The platform's only timer calls it. It costs one small read per schedule while nothing is due. There are no timers
//! per tenant.

use crate::{
    Error, Result,
    audit::By,
    backups::{
        Backups,
        expire::{long_gone, remove_all},
        operations::backup_run::BackupRun,
        runs,
        schedule::due,
        status,
        verbs::Selection,
    },
    config::ScheduleConfig,
    control::clock::{DAY_US, SECOND_US},
};

/// Largest age of the cached status, in microseconds.
const STATUS_US: i64 = 60 * SECOND_US;

impl Backups<'_> {
    /// Runs one pass. It starts runs and does not wait for them.
    pub(crate) async fn pass(&self) -> Result<()> {
        for schedule in &self.platform.config().backups.schedules {
            if let Err(error) = self.serve(schedule).await {
                tracing::error!(%error, schedule = %schedule.name, "schedule of backups");
            }
        }
        if let Err(error) = self.platform.restores().serve_drill().await {
            tracing::error!(%error, "restore drill");
        }
        let (control, backups) = (self.platform.control(), self.platform.backup_service());
        let keep_us = i64::from(self.platform.config().retention.backups_days) * DAY_US;
        for tenant in long_gone(control, control.due_us() - keep_us).await? {
            if let Err(error) = remove_all(&self.platform.context(), &By::system(), tenant).await {
                tracing::error!(%error, %tenant, "backups of a purged tenant stay for now");
            }
        }
        let now = control.now_us();
        if backups.remembered().get().is_none_or(|(at, _)| (now - at).abs() >= STATUS_US) {
            backups.remembered().put(now, status::status(control, backups).await?);
        }
        Ok(())
    }

    /// Starts the run that is due under this schedule, if any.
    async fn serve(&self, schedule: &ScheduleConfig) -> Result<()> {
        let (control, name) = (self.platform.control(), schedule.name.as_str());
        let now = control.now_us();
        let served = runs::served(&mut control.snapshot().await?, name, now).await?;
        // If a clock that was ahead recorded the schedule, record it again: otherwise nothing would be due until that
        // time.
        let Some(served) = served.filter(|served| served.since_us <= now) else {
            let mut write = control.begin().await?;
            runs::see(&mut write, name).await?;
            return write.commit_unaudited().await;
        };
        let Some(slot) = due(&schedule.cron, served.since_us, served.begun_us, now) else {
            return Ok(());
        };
        let selection = Selection {
            tenants: schedule.tenants.clone(),
            stores: schedule.stores.clone(),
            system: self.names_system_store(schedule),
        };
        let run = BackupRun::new(By::system(), selection, Some((name.to_owned(), slot)));
        match self.platform.operations().spawn(run).await {
            // Another process was faster.
            Ok(_) | Err(Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns true if the schedule includes the platform's own stores. A schedule for named tenants does so only if it
    /// names such a store.
    fn names_system_store(&self, schedule: &ScheduleConfig) -> bool {
        let system = self.platform.backup_service();
        match &schedule.stores {
            Some(stores) => system.system().iter().any(|place| stores.contains(&place.store)),
            None => schedule.tenants.is_none(),
        }
    }
}

//! `[backups]`: where backups are stored, how long they are retained, and when they are made automatically.
//!
//! The module `read` reads the section, and `check` checks it. Keys of an object store are never in the file: they come
//! from the environment when the store is opened.

pub use crate::backups::upkeep::schedule::Cron;
use crate::config::{
    model::{Config, Scope},
    objects::target::ObjectTarget,
    reader::Section,
    servers::ServerConfig,
};
use std::{collections::HashSet, str::FromStr};
use tenantry_engine::name::{PlanName, Slug, StoreName};

/// The section `[backups]`.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupsConfig {
    /// Target in which backups are stored.
    pub target: ObjectTarget,
    /// zstd compression level, from 1 (fast) to 19 (small).
    pub compression: i32,
    /// Number of tenants that a run backs up at the same time.
    pub parallel: usize,
    /// Retention of backups that do not belong to a schedule with its own rule.
    pub keep: Keep,
    /// Times at which a backup is restored to scratch, to prove that it can be restored; `None` for never
    /// automatically.
    pub drill: Option<Cron>,
    /// Number of hours after which the platform discards a backup that a tenant's manager has staged; 0 for never.
    pub comparison_hours: u32,
    /// Times at which backups are made automatically.
    pub schedules: Vec<ScheduleConfig>,
}

/// Default time of the restore drill, after most nightly backups.
const DRILL: &str = "30 4 * * *";

/// Number of backups of a tenant that are retained: the newest one of each of the last days, weeks and months that have
/// a backup. The newest good backup is always retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Keep {
    /// Number of days.
    pub daily: u32,
    /// Number of weeks, beginning on Monday.
    pub weekly: u32,
    /// Number of months.
    pub monthly: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { daily: 7, weekly: 4, monthly: 12 }
    }
}

/// A section `[[backups.schedules]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleConfig {
    /// Name of the schedule, for status and catalog.
    pub name: PlanName,
    /// Times of the schedule, in UTC.
    pub cron: Cron,
    /// Tenants to back up; `None` for all.
    pub tenants: Option<Vec<Slug>>,
    /// Stores to back up, of tenants and of the platform; `None` for all.
    pub stores: Option<Vec<StoreName>>,
    /// Retention of the schedule's backups.
    pub keep: Keep,
}

impl BackupsConfig {
    /// Returns the defaults for this data directory.
    pub(in crate::config) fn defaults_in(data_dir: &std::path::Path) -> Self {
        Self {
            target: ObjectTarget::Directory(data_dir.join("backups")),
            compression: 3,
            parallel: 2,
            keep: Keep::default(),
            drill: Cron::parse(DRILL).ok(),
            comparison_hours: 72,
            schedules: vec![],
        }
    }

    /// Returns the schedule with this name.
    pub fn schedule(&self, name: &str) -> Option<&ScheduleConfig> {
        self.schedules.iter().find(|schedule| schedule.name.as_str() == name)
    }
}

pub(in crate::config) fn read(section: &Section<'_>, data_dir: &std::path::Path) -> BackupsConfig {
    let default = BackupsConfig::defaults_in(data_dir);
    let keep = keep(&section.section("keep"), default.keep);
    let compression = section.number("compression", 1..=19).map(|n| n as i32);
    BackupsConfig {
        target: super::target::read(section, data_dir).unwrap_or(default.target),
        compression: compression.unwrap_or(default.compression),
        parallel: section.number("parallel", 1..=64).map_or(default.parallel, |n| n as usize),
        keep,
        drill: match section.has("drill") && section.is_text("drill", "off") {
            true => None,
            false => section.parsed("drill").or(default.drill),
        },
        comparison_hours: section
            .number("comparison_hours", 0..=8_760)
            .map_or(default.comparison_hours, |n| n as u32),
        schedules: section.array("schedules").iter().filter_map(|s| schedule(s, keep)).collect(),
    }
}

fn keep(section: &Section<'_>, default: Keep) -> Keep {
    let number = |key, default: u32| section.number(key, 0..=10_000).map_or(default, |n| n as u32);
    let keep = Keep {
        daily: number("daily", default.daily),
        weekly: number("weekly", default.weekly),
        monthly: number("monthly", default.monthly),
    };
    section.check_keys();
    keep
}

fn schedule(section: &Section<'_>, default: Keep) -> Option<ScheduleConfig> {
    let (name, cron) = (section.parsed("name"), section.parsed("cron"));
    for (key, absent) in [("name", !section.has("name")), ("cron", !section.has("cron"))] {
        if absent {
            section.problem(key, "is missing");
        }
    }
    let tenants = match section.is_text("tenants", "all") {
        true => None,
        false => section.list("tenants"),
    };
    let stores = section.list("stores");
    let keep = keep(&section.section("keep"), default);
    section.check_keys();
    Some(ScheduleConfig { name: name?, cron: cron?, tenants, stores, keep })
}

/// Checks the consistency with the rest of the file.
pub(in crate::config) fn check(config: &Config, report: &mut dyn FnMut(&str, String)) {
    let backups = &config.backups;
    let directories = || config.servers.iter().filter_map(ServerConfig::path);
    if backups.target.overlaps_any(directories()) || backups.target.overlaps(&config.files.target) {
        report("backups.target", "must not be where databases or files are".into());
    }
    if config.files.target.overlaps_any(directories()) {
        report("files.target", "must not be where databases are".into());
    }
    let mut names = HashSet::new();
    for (index, schedule) in backups.schedules.iter().enumerate() {
        let path = |key: &str| format!("backups.schedules.{}.{key}", index + 1);
        if !names.insert(&schedule.name) {
            report(&path("name"), format!("`{}` is given twice", schedule.name));
        }
        for store in schedule.stores.iter().flatten() {
            if config.store(store.as_str()).is_none() {
                report(&path("stores"), format!("there is no store `{store}`"));
            }
        }
        let tenant_store = |s: &StoreName| config.store(s.as_str()).is_some_and(|s| s.scope == Scope::Tenant);
        if schedule.tenants.is_some() && schedule.stores.as_ref().is_some_and(|s| !s.iter().any(tenant_store))
        {
            report(&path("stores"), "names no tenant store, but tenants are named".into());
        }
    }
}

impl FromStr for Cron {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

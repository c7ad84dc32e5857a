//! State of the backups for Prometheus (`silent-backup-failure`). The background pass computes it, so that a scrape
//! costs nothing.

use std::fmt::Write;
use tenantry::backups::status::Status;

/// Appends the exposition text.
pub(in crate::http) fn append(text: &mut String, status: &Status, now_us: i64) {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let overdue = i64::try_from(status.overdue()).unwrap_or(i64::MAX);
    let mut gauge = |name: &str, help: &str, value: i64| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    };
    if let Some(age) = status.age_seconds(now_us) {
        gauge("tenantry_backup_age_seconds", "Seconds since the newest good backup.", age);
    }
    if let Some(at) = status.drill.good_us {
        let age = (now_us - at).max(0) / 1_000_000;
        gauge(
            "tenantry_restore_drill_age_seconds",
            "Seconds since a restore to scratch last succeeded.",
            age,
        );
    }
    let failed = i64::from(status.drill.error.is_some());
    gauge("tenantry_restore_drill_failed", "1 when the last restore to scratch failed.", failed);
    let late = i64::from(status.drill.overdue);
    gauge(
        "tenantry_restore_drill_overdue",
        "1 when no restore to scratch succeeded since its last slot.",
        late,
    );
    gauge("tenantry_backup_overdue_schedules", "Schedules whose last slot was not served whole.", overdue);
    gauge("tenantry_backup_failed_day", "Backups that failed in the last day.", count(status.failed_day));
    gauge("tenantry_backup_damaged", "Backups known to be damaged.", count(status.damaged));
    gauge("tenantry_backup_good", "Good backups.", count(status.good));
    gauge("tenantry_backup_stored_bytes", "Bytes that good backups take.", count(status.stored_bytes));
    gauge("tenantry_backup_tenants_without", "Tenants without a good backup.", count(status.tenants_without));
}

//! The metrics of the platform: operations, migrations, disks, background work and backups (`silent-backup-failure`).
//!
//! A scrape opens no tenant's database. Values that are expensive to compute come from the background passes.

use super::exposition::Exposition;
use crate::http::{App, problem::Result};
use std::collections::HashMap;
use tenantry::{
    ConnectionCounts, Platform, ReplicaReport, ReplicaStanding, backups::status::Status, name::TenantId,
};

/// Returns all metrics as Prometheus text.
pub(in crate::http) async fn text(app: &App) -> Result<String> {
    let mut slugs = HashMap::new();
    for id in app.metrics().busiest_tenants() {
        if let Ok(tenant) = app.platform().access().directory().tenant(TenantId::from_raw(id)).await {
            slugs.insert(id, tenant.slug.to_string());
        }
    }
    let mut text = Exposition::default();
    app.metrics().render(&mut text, |id| slugs.get(&id).cloned());
    operations(&mut text, app.platform()).await?;
    migrations(&mut text, app.platform()).await?;
    machine(&mut text, app.platform()).await?;
    if let Some(status) = app.platform().backups().remembered_status() {
        backups(&mut text, &status, app.platform().now_us());
    }
    Ok(text.into_text())
}

async fn operations(text: &mut Exposition, platform: &Platform) -> Result<()> {
    let (open, stuck) = platform.operations().counts().await?;
    text.gauge("tenantry_operations_open", "Operations that are not over.", open);
    text.gauge("tenantry_operations_stuck", "Open operations that failed again and again.", stuck);
    let orphans = platform.orphans().seen();
    text.gauge("tenantry_orphans", "Files without placement and placements without file.", orphans);
    Ok(())
}

async fn migrations(text: &mut Exposition, platform: &Platform) -> Result<()> {
    let standing = platform.migrations().standing().await?;
    let behind = "Databases of tenants that lack migrations this server has loaded.";
    text.gauge("tenantry_tenants_behind", behind, standing.behind);
    let ahead = "Databases of tenants with migrations this server has not loaded.";
    text.gauge("tenantry_tenants_ahead", ahead, standing.ahead);
    let help = "Rows because of which a migration of a store or a pool is refused.";
    let refused = platform.migrations().refused().await;
    let rows = refused.iter().map(|refused| (&refused.place.store, refused.count));
    text.gauges("tenantry_store_refused_rows", help, "store", rows);
    Ok(())
}

/// Adds the metrics of the clock, the disks and the background work.
async fn machine(text: &mut Exposition, platform: &Platform) -> Result<()> {
    let ahead = "Seconds that the system clock is ahead of the time that was witnessed.";
    text.gauge("tenantry_clock_ahead_seconds", ahead, platform.clock_state().await?.ahead_seconds());
    let disks = platform.disks();
    let free = "Bytes free on the disk of a server.";
    let values = disks.iter().map(|(server, free, _)| (server, free));
    text.gauges("tenantry_server_free_bytes", free, "server", values);
    let full = "1 when the disk has less room than limits.disk_reserve.";
    let values = disks.iter().map(|(server, _, full)| (server, u8::from(*full)));
    text.gauges("tenantry_server_disk_full", full, "server", values);
    let reachable = "1 when the database server answered when it was last needed, 0 when it did not.";
    let servers = platform.reachable();
    let values = servers.iter().map(|(server, answers)| (server, u8::from(*answers)));
    text.gauges("tenantry_server_reachable", reachable, "server", values);
    connections(text, platform);
    attached(text, platform);
    rooms(text, platform);
    replicas(text, platform);
    let passes = platform.background_passes();
    let failed = "Passes of background work that failed since the last one that succeeded.";
    let values = passes.iter().map(|pass| (pass.work, pass.failed));
    text.gauges("tenantry_background_failed", failed, "work", values);
    let age = "Seconds since the latest pass of background work ended.";
    let values = passes.iter().map(|pass| (pass.work, pass.age_s));
    text.gauges("tenantry_background_age_seconds", age, "work", values);
    Ok(())
}

/// Adds the connections to PostgreSQL servers.
fn connections(text: &mut Exposition, platform: &Platform) {
    type Count = fn(&ConnectionCounts) -> usize;
    let counts: [(&str, &str, Count); 4] = [
        ("most", "Connections to the server that this process may have.", |of| of.most),
        ("open", "Connections to the server that this process has.", |of| of.open),
        ("idle", "Connections to the server that no statement uses.", |of| of.idle),
        ("waiting", "Statements that wait for a connection to the server.", |of| of.waiting),
    ];
    let servers = platform.connections();
    for (name, help, count) in counts {
        let values = servers.iter().map(|(server, counts)| (server, count(counts)));
        text.gauges(&format!("tenantry_server_connections_{name}"), help, "server", values);
    }
}

/// Adds the attached databases, together: a metric for each of them would have a label for each tenant.
fn attached(text: &mut Exposition, platform: &Platform) {
    let (open, connections) = platform.attached_databases();
    text.gauge("tenantry_attached_open", "Attached databases that this process has open.", open);
    let help = "Connections of this process to attached databases.";
    text.gauge("tenantry_attached_connections", help, connections);
}

/// Adds the sizes of the databases of PostgreSQL servers.
fn rooms(text: &mut Exposition, platform: &Platform) {
    let rooms = platform.remembered_rooms();
    let help = "Bytes of all databases of the server, as of the last ten minutes.";
    let used = rooms.iter().map(|room| (&room.server, room.used));
    text.gauges("tenantry_server_used_bytes", help, "server", used);
    let help = "Bytes that the databases of the server may take, if its capacity is configured.";
    let capacities = rooms.iter().filter_map(|room| Some((&room.server, room.capacity?)));
    text.gauges("tenantry_server_capacity_bytes", help, "server", capacities);
}

/// Adds the metrics of the read replicas of PostgreSQL servers.
fn replicas(text: &mut Exposition, platform: &Platform) {
    let reports = platform.replicas();
    let labels = |of: &ReplicaReport| format!("{{server=\"{}\",replica=\"{}\"}}", of.server, of.replica);
    let follows = "1 while the replica follows its primary; 0 when it is away, promoted, or not asked yet.";
    text.family("tenantry_replica_follows", "gauge", follows);
    for of in &reports {
        let follows = u8::from(of.standing == ReplicaStanding::Following);
        text.sample("tenantry_replica_follows", &labels(of), follows);
    }
    let lag = "Seconds that the replica was behind when it was last asked, if that is known.";
    text.family("tenantry_replica_lag_seconds", "gauge", lag);
    for (of, lag) in reports.iter().filter_map(|of| Some((of, of.lag?))) {
        text.sample("tenantry_replica_lag_seconds", &labels(of), lag.as_secs_f64());
    }
    type Count = fn(&ReplicaReport) -> u64;
    let counts: [(&str, &str, Count); 4] = [
        ("tenantry_replica_reads_total", "Reads that the replica answered.", |of| of.reads),
        ("tenantry_replica_skipped_total", "Reads that the replica was not fit for.", |of| of.skipped),
        (
            "tenantry_replica_awaited_total",
            "Those of them whose caller had written at another process what the replica had not replayed yet.",
            |of| of.awaited,
        ),
        ("tenantry_replica_repeated_total", "Reads that failed there and were repeated.", |of| of.repeated),
    ];
    for (name, help, count) in counts {
        text.family(name, "counter", help);
        reports.iter().for_each(|of| text.sample(name, &labels(of), count(of)));
    }
}

fn backups(text: &mut Exposition, status: &Status, now_us: i64) {
    if let Some(age) = status.age_seconds(now_us) {
        text.gauge("tenantry_backup_age_seconds", "Seconds since the newest good backup.", age);
    }
    if let Some(at) = status.drill.good_us {
        let help = "Seconds since a restore to scratch last succeeded.";
        text.gauge("tenantry_restore_drill_age_seconds", help, (now_us - at).max(0) / 1_000_000);
    }
    let failed = "1 when the last restore to scratch failed.";
    text.gauge("tenantry_restore_drill_failed", failed, u8::from(status.drill.error.is_some()));
    let overdue = "1 when no restore to scratch succeeded since its last slot.";
    text.gauge("tenantry_restore_drill_overdue", overdue, u8::from(status.drill.overdue));
    let overdue = "Schedules whose last slot was not served whole.";
    text.gauge("tenantry_backup_overdue_schedules", overdue, status.overdue());
    text.gauge("tenantry_backup_failed_day", "Backups that failed in the last day.", status.failed_day);
    text.gauge("tenantry_backup_damaged", "Backups known to be damaged.", status.damaged);
    text.gauge("tenantry_backup_good", "Good backups.", status.good);
    text.gauge("tenantry_backup_stored_bytes", "Bytes that good backups take.", status.stored_bytes);
    text.gauge("tenantry_backup_tenants_without", "Tenants without a good backup.", status.tenants_without);
}

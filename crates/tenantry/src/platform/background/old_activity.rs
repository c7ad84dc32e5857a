//! Removes old entries of tenants' activity logs, once a day for each tenant, if the configuration limits their age.
//!
//! The day's position is in the catalog, so that several servers share the work and a restart repeats none of it. A tenant
//! whose rows are being moved, or whose server is away, has its turn on the next day.

use crate::{
    Platform, Result,
    audit::By,
    control::{clock::DAY_US, params, settings},
    topology::placement,
};
use serde::{Deserialize, Serialize};
use tenantry_engine::{name::TenantId, place::Place};

/// Key of the position in the settings of the platform.
const KEY: &str = "activity_trim";
/// Number of placements in one pass.
const PLACES: i64 = 50;
/// Number of entries in one transaction, and maximum number of transactions for one place in a pass.
const AT_ONCE: u32 = 1_000;
const TRANSACTIONS: u32 = 20;

/// How far the day's work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// Days since 1970, UTC.
    day: i64,
    /// The last placement that had its turn.
    after: i64,
    /// True if all had their turn.
    done: bool,
}

impl Platform {
    /// Removes entries that are older than the configuration allows from some places.
    pub(super) async fn trim_activity(&self) -> Result<()> {
        let days = self.config().retention.activity_days;
        if days == 0 {
            return Ok(());
        }
        let due_us = self.control().due_us();
        let before = due_us - i64::from(days) * DAY_US;
        let Ok(before) = jiff::Timestamp::from_microsecond(before) else { return Ok(()) };
        for (tenant, place) in self.take_turn(due_us.div_euclid(DAY_US)).await? {
            match self.trim_place(&place, before).await {
                Ok(0) => {}
                Ok(removed) => {
                    let mut write = self.control().begin().await?;
                    let detail = serde_json::json!({
                        "store": place.store, "entries": removed, "before": before.to_string(),
                    });
                    write.audit(&By::system(), Some(tenant), "tenant.trim_activity", detail).await?;
                    write.commit().await?;
                }
                Err(error) => {
                    tracing::warn!(%place, %error, "old entries of the activity log stay another day")
                }
            }
        }
        Ok(())
    }

    async fn trim_place(&self, place: &Place, before: jiff::Timestamp) -> Result<u64> {
        let mut removed = 0;
        for _ in 0..TRANSACTIONS {
            let now = self.0.engine.trim_activity(place, before, AT_ONCE).await?;
            removed += now;
            if now < u64::from(AT_ONCE) {
                break;
            }
        }
        Ok(removed)
    }

    /// Moves the day's position on, and returns the places whose turn it is.
    async fn take_turn(&self, day: i64) -> Result<Vec<(TenantId, Place)>> {
        let mut tx = self.control().snapshot().await?;
        if position(settings::get(&mut tx, KEY).await?, day).done {
            return Ok(vec![]);
        }
        drop(tx);
        let mut write = self.control().begin().await?;
        let mut at = position(settings::get(&mut write, KEY).await?, day);
        if at.done {
            return Ok(vec![]);
        }
        let sql = format!(
            "SELECT {}, id FROM placements WHERE id > ? AND state = 'ready' AND tenant > 0 ORDER BY id LIMIT ?",
            placement::COLUMNS
        );
        let rows = write.query(&sql, params![at.after, PLACES]).await?;
        let mut found = vec![];
        for row in &rows {
            let (tenant, placement) = placement::read(row)?;
            at.after = row.integer(placement::COLUMNS.matches(',').count() + 1)?;
            found.push((tenant, placement.place));
        }
        at.done = (rows.len() as i64) < PLACES;
        settings::note(&mut write, KEY, &serde_json::json!(at)).await?;
        write.commit_unaudited().await?;
        Ok(found)
    }
}

/// Returns the position of the day: the stored one, or the beginning if that is of another day.
fn position(stored: Option<serde_json::Value>, day: i64) -> Position {
    let stored = stored.and_then(|value| serde_json::from_value::<Position>(value).ok());
    stored.filter(|stored| stored.day == day).unwrap_or(Position { day, after: 0, done: false })
}

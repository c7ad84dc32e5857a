//! Removes old entries of tenants' activity logs, once a day for each tenant, if the configuration limits their age.
//!
//! A tenant whose rows are being moved, or whose server is away, has its turn on the next day.

use super::daily::Daily;
use crate::{Platform, Result, audit::By, control::clock::DAY_US};
use tenantry_engine::place::Place;

/// Trimming, fifty places in one pass.
const DAILY: Daily = Daily { key: "activity_trim", places: 50 };
/// Number of entries in one transaction, and maximum number of transactions for one place in a pass.
const AT_ONCE: u32 = 1_000;
const TRANSACTIONS: u32 = 20;

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
        let turn = DAILY.take_turn(self).await?.unwrap_or_default();
        for (tenant, place) in turn.places {
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
}

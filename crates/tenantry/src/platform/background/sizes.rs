//! Notes the sizes of tenants' databases once a day.

use super::daily::Daily;
use crate::{Platform, Result, tenants::sizes};

/// Noting sizes, two hundred places in one pass. It reads the size of each file, or asks the server of each place.
const DAILY: Daily = Daily { key: "sizes", places: 200 };

impl Platform {
    /// Notes the sizes of some places. A place whose server is away has its turn on the next day.
    pub(super) async fn note_sizes(&self) -> Result<()> {
        let Some(turn) = DAILY.take_turn(self).await? else { return Ok(()) };
        let mut measured = vec![];
        for (tenant, place) in turn.places {
            match self.0.engine.size_bytes(&place).await {
                Ok(bytes) => measured.push((tenant, place.store, bytes)),
                Err(error) => tracing::debug!(%place, %error, "its size is noted on another day"),
            }
        }
        sizes::note(self.control(), turn.day, &measured).await?;
        match turn.is_last {
            true => sizes::sum_up(self.control(), turn.day).await,
            false => Ok(()),
        }
    }
}

//! Work that every place of a tenant has once a day. The day's position is in the catalog, so that several servers share
//! the work and a restart repeats none of it.

use crate::{
    Platform, Result,
    control::{clock::DAY_US, params, settings},
    topology::placement,
};
use serde::{Deserialize, Serialize};
use tenantry_engine::{name::TenantId, place::Place};

/// A kind of daily work.
pub(super) struct Daily {
    /// Key of the position in the settings of the platform.
    pub(super) key: &'static str,
    /// Number of placements in one pass.
    pub(super) places: i64,
}

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

/// The places whose turn it is.
#[derive(Default)]
pub(super) struct Turn {
    /// Days since 1970, UTC.
    pub(super) day: i64,
    pub(super) places: Vec<(TenantId, Place)>,
    /// True if no place of the day comes later.
    pub(super) is_last: bool,
}

impl Daily {
    /// Moves the day's position on. Returns no turn if all places had theirs.
    pub(super) async fn take_turn(&self, platform: &Platform) -> Result<Option<Turn>> {
        let (control, key) = (platform.control(), self.key);
        let day = control.due_us().div_euclid(DAY_US);
        let mut tx = control.snapshot().await?;
        if position(settings::get(&mut tx, key).await?, day).done {
            return Ok(None);
        }
        drop(tx);
        let mut write = control.begin().await?;
        let mut at = position(settings::get(&mut write, key).await?, day);
        if at.done {
            return Ok(None);
        }
        let sql = format!(
            "SELECT {}, id FROM placements WHERE id > ? AND state = 'ready' AND tenant > 0 ORDER BY id LIMIT ?",
            placement::COLUMNS
        );
        let rows = write.query(&sql, params![at.after, self.places]).await?;
        let mut turn = Turn { day, ..Turn::default() };
        for row in &rows {
            let (tenant, placement) = placement::read(row)?;
            at.after = row.integer(placement::COLUMNS.matches(',').count() + 1)?;
            turn.places.push((tenant, placement.place));
        }
        at.done = (rows.len() as i64) < self.places;
        turn.is_last = at.done;
        settings::note(&mut write, key, &serde_json::json!(at)).await?;
        write.commit_unaudited().await?;
        Ok(Some(turn))
    }
}

/// Returns the position of the day: the stored one, or the beginning if that is of another day.
fn position(stored: Option<serde_json::Value>, day: i64) -> Position {
    let stored = stored.and_then(|value| serde_json::from_value::<Position>(value).ok());
    stored.filter(|stored| stored.day == day).unwrap_or(Position { day, after: 0, done: false })
}

//! Positions of a database's ledger at which schemas were verified (`known-schema`).

use super::Known;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Ledger positions at which schemas were verified. There are a few slots, because several stores may share a database.
/// A schema that lost its slot is compared again.
#[derive(Debug, Default)]
pub(crate) struct Verified([AtomicU64; 4]);

impl Verified {
    /// Returns the ledger position at which the schema was verified; `None` if it was not verified or has lost its
    /// slot.
    pub(crate) fn position(&self, known: &Known) -> Option<i64> {
        let found = self
            .0
            .iter()
            .map(|slot| slot.load(Relaxed))
            .find(|slot| slot >> 32 == u64::from(known.number()))?;
        Some((found & u64::from(u32::MAX)).cast_signed())
    }

    /// Records that the schema was verified when the ledger was at `position`.
    pub(crate) fn set(&self, known: &Known, position: i64) {
        let Ok(position) = u32::try_from(position) else { return };
        let number = u64::from(known.number());
        let is_own = |slot: &&AtomicU64| matches!(slot.load(Relaxed) >> 32, own if own == number || own == 0);
        let slot = self.0.iter().find(is_own).or(self.0.get(known.number() as usize % self.0.len()));
        if let Some(slot) = slot {
            slot.store(number << 32 | u64::from(position), Relaxed);
        }
    }
}

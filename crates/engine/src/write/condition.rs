//! A condition for a write that databases cannot check.

use crate::error::{Error, Kind, Result};
use std::{fmt, sync::Arc};

/// A check that the facts on which a write was based still hold. It runs under the lock of the place, shortly before
/// the commit, so it must not wait. If it fails, the write is refused with [`Kind::Outdated`].
#[derive(Clone)]
pub struct WriteCondition(Arc<dyn Fn() -> bool + Send + Sync>);

impl WriteCondition {
    /// Returns a condition that holds while `holds` returns true.
    pub fn new(holds: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(holds))
    }

    /// Fails if the condition of a write no longer holds. The caller must hold the lock of the place.
    ///
    /// # Errors
    /// Returns [`Kind::Outdated`] if the condition no longer holds.
    pub(crate) fn check(condition: Option<&Self>) -> Result<()> {
        match condition.is_none_or(|condition| (condition.0)()) {
            true => Ok(()),
            false => Err(Error::new(Kind::Outdated, "that on which the write was decided may have changed")),
        }
    }
}

impl fmt::Debug for WriteCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteCondition")
    }
}

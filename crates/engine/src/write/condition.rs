//! A condition that a write depends on and that no database knows.

use crate::error::{Error, Kind, Result};
use std::{fmt, sync::Arc};

/// Whether that on which a write was decided still holds. It is asked once more under the lock of the place, shortly before
/// the commit, so it must not wait. If it does not hold, the write is refused with [`Kind::Outdated`].
#[derive(Clone)]
pub struct WriteCondition(Arc<dyn Fn() -> bool + Send + Sync>);

impl WriteCondition {
    /// Returns a condition that holds while `holds` returns true.
    pub fn new(holds: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(holds))
    }

    /// Refuses a write whose condition no longer holds. The caller holds the lock of the place.
    ///
    /// # Errors
    /// Returns [`Kind::Outdated`].
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

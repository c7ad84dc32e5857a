//! Signals between a running step and the requests that wait for it: progress in one direction, cancellation in the
//! other.

use crate::{Error, Result};
use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Amount of work that a step has done, and the total.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Amount {
    /// Amount done.
    pub done: u64,
    /// Total amount; 0 if it is not known.
    pub total: u64,
    /// Unit of `done` and `total`: `bytes`, `rows` or `tenants`.
    pub unit: Cow<'static, str>,
}

/// Progress reported by a step. Cheap to clone and to set. The driver writes it to the journal about once a second.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Option<Amount>>>);

impl Progress {
    /// Sets the progress to `done` of `total` (0 if not known) in `unit`.
    pub(crate) fn set(&self, done: u64, total: u64, unit: &'static str) {
        self.put(Some(Amount { done, total, unit: Cow::Borrowed(unit) }));
    }

    pub(super) fn put(&self, amount: Option<Amount>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = amount;
    }

    pub(super) fn get(&self) -> Option<Amount> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A request to cancel an operation. Long steps check it regularly. Cheap to clone and to check.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    requested: AtomicBool,
    /// True if the operation is already unwinding or past its point of no return, so that a request has no effect.
    refused: AtomicBool,
}

impl Cancel {
    /// Checks for a cancellation. Never fails while steps are being undone.
    ///
    /// # Errors
    /// Returns [`Error::Cancelled`] if a cancellation was requested and is still possible. The step must return it; the
    /// operation is then undone.
    pub(crate) fn check(&self) -> Result<()> {
        let stop = self.0.requested.load(Ordering::Relaxed) && !self.0.refused.load(Ordering::Relaxed);
        if stop { Err(Error::Cancelled) } else { Ok(()) }
    }

    pub(super) fn request(&self) {
        self.0.requested.store(true, Ordering::Relaxed);
    }

    /// Refuses cancellations from now on.
    pub(super) fn refuse(&self) {
        self.0.refused.store(true, Ordering::Relaxed);
    }
}

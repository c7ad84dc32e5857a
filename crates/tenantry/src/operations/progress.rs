//! What a running step and those who wait for it tell each other: how far it is, and that it should stop.

use crate::{Error, Result};
use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Amount {
    /// So much is done.
    pub done: u64,
    /// Of so much; 0: not known.
    pub total: u64,
    /// Of what: `bytes`, `rows`, `tenants`.
    pub unit: Cow<'static, str>,
}

/// Where a step says how far it is. Cheap to clone and to call; the driver writes it to the journal
/// about once a second.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Option<Amount>>>);

impl Progress {
    /// `done` of `total` (0: not known) in `unit`.
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

/// Whether the operation should stop. Long steps ask now and then. Cheap to clone and to call.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    requested: AtomicBool,
    /// It goes back already, or is past its point of no return.
    deaf: AtomicBool,
}

impl Cancel {
    /// [`Error::Cancelled`] when somebody asked for it and it can still be had: return it, and the
    /// operation is undone. Never while undoing.
    pub(crate) fn check(&self) -> Result<()> {
        let stop = self.0.requested.load(Ordering::Relaxed) && !self.0.deaf.load(Ordering::Relaxed);
        if stop { Err(Error::Cancelled) } else { Ok(()) }
    }

    pub(super) fn request(&self) {
        self.0.requested.store(true, Ordering::Relaxed);
    }

    pub(super) fn be_deaf(&self) {
        self.0.deaf.store(true, Ordering::Relaxed);
    }
}

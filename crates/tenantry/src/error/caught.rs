//! Turns a panic of a future into an error, so that a task outlives it and its caller learns of it.
//!
//! Called by background work, by the driver of operations, and by the server.

use super::{Error, Result};
use futures_util::FutureExt;
use std::{any::Any, panic::AssertUnwindSafe};

/// Awaits `work`.
///
/// # Errors
/// Those of `work`; [`Error::Internal`] when it panics. What it was changing may be half changed then, so the caller
/// must treat it like a failure in the middle.
pub async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let panicked = |panic: Box<dyn Any + Send>| Err(Error::Internal(panic_text(&*panic)));
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(panicked)
}

/// Returns the message of a panic, for the log.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("of an unknown type"))
}

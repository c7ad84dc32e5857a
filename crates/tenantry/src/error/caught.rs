//! Turns a panic of a future into an error, so that a task survives the panic and its caller learns of it.
//!
//! Background work, the driver of operations and the server use it.

use super::{Error, Result};
use futures_util::FutureExt;
use std::{any::Any, panic::AssertUnwindSafe};

/// Awaits `work`.
///
/// # Errors
/// Returns the errors of `work`, and [`Error::Internal`] if it panics. In that case, the data that it was changing may
/// be half changed, so the caller must treat the panic like a failure halfway.
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

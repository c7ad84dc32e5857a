//! Makes a value with blocking methods usable in async code.

use crate::error::{Error, Kind, Result};
use tokio::{runtime::Handle, task::spawn_blocking};

/// A value that moves to a blocking thread for each piece of work and returns afterwards. If the caller's future is
/// dropped during the work, the value is dropped on that thread.
#[derive(Debug)]
pub(crate) struct Mobile<T: Send + 'static>(Option<Box<T>>);

impl<T: Send + 'static> Mobile<T> {
    /// Makes the value on a blocking thread.
    pub(crate) async fn make(make: impl FnOnce() -> Result<T> + Send + 'static) -> Result<Self> {
        let made = spawn_blocking(make).await.map_err(panicked)??;
        Ok(Self(Some(Box::new(made))))
    }

    /// Wraps a value that was made on a blocking thread.
    pub(crate) fn of(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    /// Runs `work` on a blocking thread.
    ///
    /// # Errors
    /// Returns the errors of `work`, and [`Kind::Internal`] if the caller did not wait for an earlier piece of work.
    pub(crate) async fn run<R: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut T) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let mut value = self.0.take().ok_or_else(lost)?;
        let work = move || {
            let done = work(&mut value);
            (value, done)
        };
        let (value, done) = spawn_blocking(work).await.map_err(panicked)?;
        self.0 = Some(value);
        done
    }
}

impl<T: Send + 'static> Mobile<T> {
    /// Runs the last piece of work, which consumes the value.
    ///
    /// # Errors
    /// Returns the errors of [`Mobile::run`].
    pub(crate) async fn end<R: Send + 'static>(
        mut self,
        work: impl FnOnce(T) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let value = self.0.take().ok_or_else(lost)?;
        spawn_blocking(move || work(*value)).await.map_err(panicked)?
    }
}

impl<T: Send + 'static> Drop for Mobile<T> {
    fn drop(&mut self) {
        // Drop the value on a blocking thread, because closing a database may write to the disk.
        if let (Some(value), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(value));
        }
    }
}

fn lost() -> Error {
    Error::new(Kind::Internal, "earlier work on this value was given up")
}

fn panicked(error: tokio::task::JoinError) -> Error {
    Error::with_source(Kind::Internal, "background work", error)
}

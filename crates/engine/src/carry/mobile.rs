//! Lets async code use a value whose methods block.

use crate::error::{Error, Kind, Result};
use tokio::{runtime::Handle, task::spawn_blocking};

/// A value that goes to a blocking thread for each piece of work and comes back. If the caller goes away meanwhile, the
/// value ends on that thread.
#[derive(Debug)]
pub(crate) struct Mobile<T: Send + 'static>(Option<Box<T>>);

impl<T: Send + 'static> Mobile<T> {
    /// Makes the value on a blocking thread.
    pub(crate) async fn make(make: impl FnOnce() -> Result<T> + Send + 'static) -> Result<Self> {
        let made = spawn_blocking(make).await.map_err(panicked)??;
        Ok(Self(Some(Box::new(made))))
    }

    /// Takes a value that was made on a blocking thread.
    pub(crate) fn of(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    /// Runs `work` on a blocking thread.
    ///
    /// # Errors
    /// Returns the errors of `work`, and [`Kind::Internal`] if an earlier piece of work was not waited for.
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
    /// Runs the last piece of work, which takes the value.
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
        // Closing a database may write to the disk.
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

//! Fault points of operations, for test suites (T6). Without the feature `faults`, every call does nothing.
//!
//! A fault is `operation:step:point:action`: point `before|after|undo-before|undo-after` with action `fail`, `panic`,
//! `kill` or `wait-MS`, or point `run|undo` with action `repeat`. The environment variable `TENANTRY_FAULT` holds a
//! comma-separated list of faults. Each fault fires once.

#[cfg(feature = "faults")]
mod armed {
    use crate::{Error, Result};
    use futures_util::future::BoxFuture;
    use std::sync::{Arc, Mutex, PoisonError};

    /// Callback for every fault point, called with `operation:step:point`. The worker waits for its result.
    type Watch = Arc<dyn Fn(String) -> BoxFuture<'static, Result<()>> + Send + Sync>;

    /// Faults that have not fired yet.
    #[derive(Default)]
    pub struct Faults {
        waiting: Mutex<Vec<[String; 4]>>,
        watch: Mutex<Option<Watch>>,
    }

    impl Faults {
        pub(in crate::operations) fn from_env() -> Self {
            let faults = Self::default();
            let text = std::env::var("TENANTRY_FAULT").unwrap_or_default();
            text.split(',').filter(|f| !f.is_empty()).for_each(|f| faults.arm(f));
            faults
        }

        /// Installs a callback for every point, for suites that decide when and how a worker continues.
        pub fn watch(&self, watch: Watch) {
            *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        }

        /// Adds a fault.
        ///
        /// # Panics
        /// Panics if the fault is not four words separated by colons: a suite that arms nothing proves nothing.
        pub fn arm(&self, fault: &str) {
            let words: Vec<String> = fault.split(':').map(Into::into).collect();
            let words = <[String; 4]>::try_from(words).expect("operation:step:point:action");
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(words);
        }

        /// Returns the number of faults that have not fired.
        pub fn waiting(&self) -> usize {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
        }

        fn strikes(&self, operation: &str, step: &str, point: &str) -> Option<String> {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let at = waiting.iter().position(|f| f[0] == operation && f[1] == step && f[2] == point)?;
            let [_, _, _, action] = waiting.swap_remove(at);
            Some(action)
        }

        #[allow(clippy::panic, reason = "a suite that arms a panic wants one")]
        pub(in crate::operations) async fn pass(
            &self,
            operation: &str,
            step: &str,
            point: &str,
        ) -> Result<()> {
            let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(watch) = watch {
                watch(format!("{operation}:{step}:{point}")).await?;
            }
            let Some(action) = self.strikes(operation, step, point) else { return Ok(()) };
            match action.strip_prefix("wait-").map(str::parse) {
                Some(Ok(ms)) => {
                    tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
                    Ok(())
                }
                _ if action == "kill" => kill(),
                _ if action == "panic" => panic!("fault at {operation}:{step}:{point}"),
                _ => Err(Error::Internal(format!("fault at {operation}:{step}:{point}"))),
            }
        }

        pub(in crate::operations) fn repeats(&self, operation: &str, step: &str, point: &str) -> bool {
            self.strikes(operation, step, point).is_some()
        }
    }

    /// Kills this process with SIGKILL, as an operator or the kernel would: nothing is flushed and no destructor runs.
    fn kill() -> ! {
        let pid = std::process::id().to_string();
        drop(std::process::Command::new("kill").args(["-9", &pid]).status());
        std::process::abort()
    }
}

#[cfg(feature = "faults")]
pub use armed::Faults;

/// Stand-in without effect: this build has no fault points.
#[cfg(not(feature = "faults"))]
#[derive(Debug, Default)]
pub struct Faults;

#[cfg(not(feature = "faults"))]
#[allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    reason = "same shape as the armed one"
)]
impl Faults {
    pub(in crate::operations) fn from_env() -> Self {
        Self
    }

    pub(in crate::operations) async fn pass(&self, _: &str, _: &str, _: &str) -> crate::Result<()> {
        Ok(())
    }

    pub(in crate::operations) fn repeats(&self, _: &str, _: &str, _: &str) -> bool {
        false
    }
}

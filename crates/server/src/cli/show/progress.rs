//! Progress of a run over many tenants: a bar on a terminal; elsewhere at most one line for each ten percent.

use indicatif::{ProgressBar, ProgressStyle};
use std::{cell::Cell, io::IsTerminal, time::Duration};

/// Pause between two redraws of the spinner.
pub(super) const TICK: Duration = Duration::from_millis(120);

/// The progress of a run, on standard error.
pub(in crate::cli) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    /// Number of tenths for which a line was already printed.
    told: Cell<u64>,
}

impl Progress {
    /// Creates a progress display with nothing done. `what` names the run.
    pub(in crate::cli) fn new(what: &str) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{prefix} {spinner} {wide_bar} {pos}/{len} tenants {eta}")?;
        let bar = ProgressBar::new(0).with_style(style).with_prefix(what.to_owned());
        bar.enable_steady_tick(TICK);
        Ok(Self { bar, is_terminal: std::io::stderr().is_terminal(), told: Cell::new(0) })
    }

    /// Restarts the display under another name.
    pub(in crate::cli) fn restart(&self, what: &str, total: u64) {
        self.bar.set_prefix(what.to_owned());
        self.told.set(0);
        self.at(0, total);
    }

    /// Shows how many tenants are done.
    pub(in crate::cli) fn at(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        let tenths = done * 10 / total.max(1);
        // The command's own last line reports the end.
        if !self.is_terminal && total >= 10 && tenths > self.told.get() && done < total {
            self.told.set(tenths);
            tell!("{}: {done} of {total} tenants", self.bar.prefix());
        }
    }

    /// Counts one more tenant as done.
    pub(in crate::cli) fn one_more(&self) {
        self.at(self.bar.position() + 1, self.bar.length().unwrap_or(0));
    }

    /// Prints lines above the bar.
    pub(in crate::cli) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}

/// Clears the bar, so that the text that follows can use its line.
impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

//! Shows a running operation: a bar on a terminal, plain lines elsewhere.
//!
//! Every command that starts an operation uses it, and so does `tenantry operation watch`. The operation may run in
//! this process or in any other.

use super::{progress::TICK, table};
use anyhow::{Result, anyhow};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use std::{io::IsTerminal, pin::pin};
use tenantry::{
    Platform,
    operations::{Amount, Listed, State, StepState},
};
use tokio::signal::unix::{SignalKind, signal};

/// Follows an operation of this process to its end, and returns it if it is done. The first Ctrl-C cancels the
/// operation.
///
/// # Errors
/// Returns an error if the operation was undone, or rests after a failure that will be retried.
pub(in crate::cli) async fn watch_operation(platform: &Platform, id: i64) -> Result<Listed> {
    judged(to_its_end(platform, id).await?)
}

/// Follows an operation of this process to its end, and returns it, however it ended. The first Ctrl-C cancels the
/// operation.
///
/// # Errors
/// Returns an error after a second Ctrl-C, or if the operation cannot be followed.
pub(in crate::cli) async fn to_its_end(platform: &Platform, id: i64) -> Result<Listed> {
    // Register the signal before anything is shown; an earlier Ctrl-C ends the process.
    let mut interrupts = signal(SignalKind::interrupt())?;
    let face = Face::new();
    let bar = face.bar.clone();
    let mut follow = pin!(shown(platform, id, face));
    tokio::select! {
        over = &mut follow => over,
        _ = interrupts.recv() => {
            bar.suspend(|| tell!("cancelling; press Ctrl-C again to leave it as it is"));
            platform.operations().cancel(&crate::cli::user::operator(), id).await?;
            tokio::select! {
                over = &mut follow => over,
                _ = interrupts.recv() => Err(anyhow!(
                    "left as it is: a running server or the next command continues it\n  \
                     look again with: tenantry operation watch {id}"
                )),
            }
        }
    }
}

/// Follows an operation wherever it runs, until it is over or rests. Returns `None` after Ctrl-C, which only stops the
/// watching.
pub(in crate::cli) async fn follow(platform: &Platform, id: i64) -> Result<Option<Listed>> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    tokio::select! {
        over = shown(platform, id, Face::new()) => over.map(Some),
        _ = interrupts.recv() => {
            tell!("operation {id} continues unwatched; look again with: tenantry operation watch {id}");
            Ok(None)
        }
    }
}

async fn shown(platform: &Platform, id: i64, mut face: Face) -> Result<Listed> {
    let mut changes = pin!(platform.operations().watch(id));
    let mut last = None;
    while let Some(change) = changes.next().await {
        let now = change?;
        face.show(&now);
        last = Some(now);
    }
    last.ok_or_else(|| anyhow!("operation {id} cannot be followed"))
}

/// Returns an operation that is done. For any other, returns an error that states why it is not done.
pub(in crate::cli) fn judged(over: Listed) -> Result<Listed> {
    let why = over.error.as_deref().or(over.reason.as_deref()).unwrap_or("no reason is recorded");
    match over.state {
        State::Done => Ok(over),
        State::Undone => Err(anyhow!("{}: {why}\n  it was undone", over.what)),
        _ => Err(anyhow!(
            "{}: {why}; it will be tried again\n  remedy: tenantry operation show {}",
            over.what,
            over.id
        )),
    }
}

/// The display of an operation: a bar on standard error, or lines if that is not a terminal.
struct Face {
    bar: ProgressBar,
    is_terminal: bool,
    /// Step and tenths of the last printed line, if there is no bar.
    printed: Option<(&'static str, u64)>,
}

impl Face {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(TICK);
        Self { bar, is_terminal: std::io::stderr().is_terminal(), printed: None }
    }

    fn show(&mut self, now: &Listed) {
        let step = step(now);
        if self.is_terminal {
            self.bar.set_prefix(now.what.clone());
            draw(&self.bar, step, now.progress.as_ref());
        } else {
            self.print(now, step);
        }
    }

    fn print(&mut self, now: &Listed, step: &'static str) {
        let tenths = now.progress.as_ref().map_or(0, |p| p.done * 10 / p.total.max(1));
        if self.printed != Some((step, tenths)) && !step.is_empty() {
            let far = now.progress.as_ref().map(|p| format!(": {}", text(p))).unwrap_or_default();
            tell!("{}: {step}{far}", now.what);
            self.printed = Some((step, tenths));
        }
    }
}

/// Clears the bar, so that the text that follows can use its line.
impl Drop for Face {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn draw(bar: &ProgressBar, step: &'static str, progress: Option<&Amount>) {
    let template = match progress {
        Some(p) if p.total > 0 => "{prefix} {msg} {wide_bar} {percent}% {eta}",
        _ => "{prefix} {spinner} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    match progress {
        Some(p) => {
            bar.set_length(p.total);
            bar.set_position(p.done);
            bar.set_message(format!("{step}, {}", text(p)));
        }
        None => bar.set_message(step),
    }
}

/// Returns the name of the step that runs or is being undone. It is empty if the operation has ended.
fn step(now: &Listed) -> &'static str {
    let at_work = |state| matches!(state, StepState::Now | StepState::Undoing);
    now.steps.iter().find(|step| at_work(step.state)).map_or("", |step| step.name)
}

/// Formats a progress: `12.0 MiB of 40.0 MiB`, `300 rows`.
pub(in crate::cli) fn text(amount: &Amount) -> String {
    let number = |n: u64| match &*amount.unit {
        "bytes" => table::bytes(n),
        _ => n.to_string(),
    };
    let unit = if amount.unit == "bytes" { String::new() } else { format!(" {}", amount.unit) };
    match amount.total {
        0 => format!("{}{unit}", number(amount.done)),
        total => format!("{} of {}{unit}", number(amount.done), number(total)),
    }
}

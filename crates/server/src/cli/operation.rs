//! `tenantry operation …`: list, show, watch, cancel, retry and abandon operations.

use super::{
    args::Paged,
    setup::Place,
    table::{self, at_second},
    user::operator,
    watch,
};
use crate::wire::operation::Operation as Shown;
use anyhow::{Result, anyhow};
use clap::Subcommand;
use std::process::ExitCode;
use tenantry::{
    Platform,
    name::Slug,
    operations::{Filter, Listed, State, StepState},
};

/// Verbs of `tenantry operation`.
#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// List operations, newest first.
    List {
        /// Only operations that have not ended.
        #[arg(long)]
        open: bool,
        /// Only operations on this tenant.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<Slug>,
        /// Page of the list.
        #[command(flatten)]
        page: Paged,
    },
    /// Show an operation with its steps and progress.
    Show {
        /// Id of the operation.
        id: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop an operation and undo its steps so far.
    Cancel {
        /// Id of the operation.
        id: i64,
    },
    /// Try an operation that waits after a failure again now.
    Retry {
        /// Id of the operation.
        id: i64,
    },
    /// End an operation that is stuck. What cannot be done or undone is left behind and recorded in the journal.
    Abandon {
        /// Id of the operation.
        id: i64,
        /// Confirm: abandon the operation instead of only describing what would be left behind.
        #[arg(long)]
        yes: bool,
    },
    /// Follow an operation until it ends.
    Watch {
        /// Id of the operation.
        id: i64,
    },
}

pub(super) async fn run(place: &Place, verb: &Operation) -> Result<ExitCode> {
    // A command that shows or cancels an operation which a crash left must not resume it.
    let platform = match verb {
        Operation::List { .. } | Operation::Show { .. } => place.reading().await?,
        _ => place.looking().await?,
    };
    match verb {
        Operation::List { open, tenant, page } => list(&platform, *open, tenant.as_ref(), page).await,
        Operation::Show { id, json } => print(&platform.operations().show(*id).await?, *json),
        Operation::Cancel { id } => {
            platform.operations().cancel(&operator(), *id).await?;
            say!("operation {id} is asked to stop; follow it with: tenantry operation watch {id}");
            say!("Where no server runs: tenantry operation retry {id}");
            Ok(ExitCode::SUCCESS)
        }
        Operation::Retry { id } => {
            platform.operations().retry(&operator(), *id).await?;
            watched(&platform, *id).await
        }
        Operation::Abandon { id, yes } => abandon(&platform, *id, *yes).await,
        Operation::Watch { id } => watched(&platform, *id).await,
    }
}

/// Abandons an operation. Without `yes`, the error states what would be left behind.
async fn abandon(platform: &Platform, id: i64, yes: bool) -> Result<ExitCode> {
    let before = platform.operations().show(id).await?;
    if !yes {
        let way =
            if before.past_return { "finished as far as it can be" } else { "undone as far as it can be" };
        return Err(anyhow!(
            "{} ({}) would be {way}; files and fences that it cannot remove stay\n  remedy: tenantry operation abandon \
             {id} --yes",
            before.what,
            before.error.as_deref().unwrap_or("it has not failed")
        ));
    }
    let over = platform.operations().abandon(&operator(), id).await?;
    print(&over, false)
}

/// Exit status after Ctrl-C: 128 plus the number of SIGINT.
const INTERRUPTED: u8 = 130;

async fn watched(platform: &Platform, id: i64) -> Result<ExitCode> {
    match watch::follow(platform, id).await? {
        Some(over) => ended(&over),
        None => Ok(ExitCode::from(INTERRUPTED)),
    }
}

async fn list(platform: &Platform, open: bool, tenant: Option<&Slug>, page: &Paged) -> Result<ExitCode> {
    let tenant = match tenant {
        Some(slug) => Some(platform.tenants().id_of(slug).await?),
        None => None,
    };
    let filter = Filter { open, tenant, before: page.after, limit: page.limit, ..Filter::default() };
    let listed = platform.operations().list(&filter).await?;
    if page.json {
        return table::page(listed, page.limit, |shown: &Shown| shown.id);
    }
    let header = ["id", "what", "tenant", "state", "step", "progress", "by", "started", "error"];
    table::print(&header, listed.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn row(o: &Listed) -> Vec<String> {
    vec![
        o.id.to_string(),
        o.what.clone(),
        o.slug.clone().unwrap_or_else(|| "-".into()),
        state(o),
        at_work(o).unwrap_or("-").into(),
        o.progress.as_ref().map_or_else(|| "-".into(), watch::text),
        o.actor.clone(),
        at_second(o.started_at_us),
        o.error.clone().unwrap_or_else(|| "-".into()),
    ]
}

/// Describes the state in words: `running`, `running (stuck)`, `unwinding (rests)`.
fn state(o: &Listed) -> String {
    let name = match o.state {
        State::Running if o.cancel_requested => "cancelling",
        State::Running => "running",
        State::Unwinding => "unwinding",
        // The error states what was left behind.
        State::Done if o.error.is_some() => "done (abandoned)",
        State::Done => "done",
        State::Undone => "undone",
    };
    match (o.stuck, o.resting) {
        (true, _) => format!("{name} (stuck)"),
        (false, true) => format!("{name} (rests)"),
        _ => name.into(),
    }
}

fn at_work(o: &Listed) -> Option<&'static str> {
    let now = |state| matches!(state, StepState::Now | StepState::Undoing);
    o.steps.iter().find(|step| now(step.state)).map(|step| step.name)
}

fn print(o: &Listed, json: bool) -> Result<ExitCode> {
    if json {
        return table::json(&Shown::from(o.clone()));
    }
    say!("operation {}: {}", o.id, o.what);
    let tenant = o.slug.clone().or(o.tenant.map(|id| id.to_string()));
    let started = format!("{} by {}", at_second(o.started_at_us), o.actor);
    let lines = [
        ("tenant", tenant),
        ("state", Some(state(o))),
        ("started", Some(started)),
        ("changed", Some(at_second(o.updated_at_us))),
        ("attempts", Some(o.attempts.to_string())),
        ("progress", o.progress.as_ref().map(watch::text)),
        ("result", o.result.as_ref().map(ToString::to_string)),
        ("error", o.error.clone()),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            say!("  {name:9} {value}");
        }
    }
    for step in &o.steps {
        say!("  {} {}", mark(step.state), step.name);
    }
    advise(o);
    Ok(ExitCode::SUCCESS)
}

fn mark(state: StepState) -> &'static str {
    match state {
        StepState::Done => "[x]",
        StepState::Now => "[>]",
        StepState::Undoing => "[<]",
        StepState::Waiting | StepState::Undone => "[ ]",
    }
}

/// Prints the commands that the operation currently accepts.
fn advise(o: &Listed) {
    if o.state.is_over() {
        return;
    }
    if o.resting {
        say!("  try again now: tenantry operation retry {}", o.id);
    }
    if o.stuck {
        say!("  give it up:    tenantry operation abandon {}", o.id);
    }
    match (o.state, o.past_return) {
        (State::Running, false) => say!("  stop it:       tenantry operation cancel {}", o.id),
        (State::Running, true) => say!("  past its point of no return: it will be finished"),
        _ => {}
    }
}

/// Prints an operation that has ended. The exit status is 1 unless the operation is done.
fn ended(o: &Listed) -> Result<ExitCode> {
    print(o, false)?;
    Ok(if o.state == State::Done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

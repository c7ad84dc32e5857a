//! `tenantry reload`: makes every running server of the data directory load its apps again, and prints the answers.

use super::{Question, ask_all, none_runs};
use crate::cli::setup::Place;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::{io, process::ExitCode};
use tenantry::{Platform, Reloaded};
use tokio::task::JoinHandle;

/// Answer of a server to a request to reload.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The server uses these apps now.
    Reloaded(Reloaded),
    /// The server continues with the previous apps, for this reason.
    Refused(String),
}

/// Reloads the apps for a command.
pub(super) async fn answer(platform: &Platform) -> Answer {
    match reload(platform).await {
        Ok(reloaded) => Answer::Reloaded(reloaded),
        Err(error) => Answer::Refused(error.public_title()),
    }
}

/// Reloads the apps. A failure is logged, and the previous apps stay in use.
async fn reload(platform: &Platform) -> tenantry::Result<Reloaded> {
    let done = tenantry::caught(platform.reload()).await;
    if let Err(error) = &done {
        tracing::error!(%error, "the apps were not reloaded; those loaded before stay in use");
    }
    done
}

/// Reloads at every SIGHUP, until the task is aborted.
pub(in crate::cli) fn on_hangup(platform: &Platform) -> io::Result<JoinHandle<()>> {
    let mut signals = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    let platform = platform.clone();
    Ok(tokio::spawn(async move {
        while signals.recv().await.is_some() {
            drop(reload(&platform).await);
        }
    }))
}

/// Asks all servers. The exit status is 1 if one refused.
pub(in crate::cli) async fn run(place: &Place) -> Result<ExitCode> {
    let told = ask_all::<Answer>(place, Question::Reload).await?;
    if told.is_empty() {
        return Ok(none_runs());
    }
    let mut refused = 0;
    for one in told {
        let name = one.server;
        match one.answer {
            Ok(Answer::Reloaded(reloaded)) => say!("server {name}: {}", described(&reloaded)),
            Ok(Answer::Refused(why)) => {
                say!("server {name}: not reloaded, it continues with the previous apps: {why}");
                refused += 1;
            }
            Err(error) => {
                say!("server {name}: no answer: {error}");
                refused += 1;
            }
        }
    }
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn described(reloaded: &Reloaded) -> String {
    let versions = reloaded.stores.iter().map(|(store, version)| format!("{store} {version}"));
    let versions = versions.collect::<Vec<_>>().join(", ");
    match reloaded.changed {
        true => format!("reloaded, schema versions now: {versions}"),
        false => format!("reloaded, schema versions as before: {versions}"),
    }
}

//! The command line: raw arguments → meaning → work on the platform → text or JSON.
//!
//! Only `main` calls it. Commands work with and without a running server: they use the same platform library and the
//! same locks in the control store.

#[macro_use]
mod show;

mod analytics;
mod args;
mod attachments;
mod backup;
mod licence;
mod migrate;
mod operation;
mod parse;
mod plan;
mod proof;
mod restore;
mod running;
mod server;
mod setup;
mod sizes;
mod tenant;
mod user;

pub use args::Cli;
pub use parse::parse;
use running::{monitoring, reload};
use server::{
    audit, check, checklist, clock, completions, demo, nodes, project, serve, servers, shared_import, sql,
    upgrade,
};
use show::{out, progress, table, watch};

use anyhow::Result;
use args::Command;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the command line and returns its exit status.
pub fn main(cli: Cli) -> ExitCode {
    tenantry::descriptors::raise_limit();
    if !writes_sources(&cli.command) {
        // From here on, this process creates files that only its own operating-system user can open.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(cli)));
    out::status(done.unwrap_or_else(|error| {
        tell!("error: {:#}", setup::explained(error));
        ExitCode::FAILURE
    }))
}

/// Returns true for commands that write files which people share: configuration, models and migrations.
fn writes_sources(command: &Command) -> bool {
    matches!(command, Command::Init | Command::App(_) | Command::Migrate(migrate::Migrate::Make(_)))
}

/// Turns a write beyond the file size limit (`ulimit -f`) into an error. By default, its signal ends the process.
fn outlive_file_limit() -> Result<()> {
    let exceeded = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    // The handler stays installed after the listener is dropped.
    drop(signal(exceeded)?);
    Ok(())
}

/// Runs one command.
async fn run(cli: Cli) -> Result<ExitCode> {
    outlive_file_limit()?;
    let place = setup::Place { config: cli.config, data: cli.data };
    match cli.command {
        Command::Init => project::init(),
        Command::Demo(options) => demo::run(&place, &options).await,
        Command::Serve(listen) => serve::run(&place, &listen).await,
        Command::Reload => reload::run(&place).await,
        Command::Monitoring(whole) => monitoring::run(&place, &whole).await,
        Command::Check { tenant, no_pages } => check::run(&place, tenant.as_ref(), !no_pages).await,
        Command::Checklist(whole) => checklist::run(&place, &whole).await,
        Command::Node(verb) => nodes::run(&place, &verb).await,
        Command::Server(verb) => servers::run(&place, &verb).await,
        Command::Attach(options) => attachments::attach(&place, &options).await,
        Command::Detach(options) => attachments::detach(&place, &options).await,
        Command::Attachments(verb) => attachments::run(&place, &verb).await,
        Command::Secrets(verb) => attachments::secrets(&place, &verb).await,
        Command::Schema(options) => attachments::schema(&place, &options).await,
        Command::Inspect(options) => attachments::inspect::run(&place, &options).await,
        Command::Clock(verb) => clock::run(&place, &verb).await,
        Command::App(verb) => project::app(&place, &verb),
        Command::Migrate(verb) => migrate::run(&place, &verb).await,
        Command::Tenant(verb) => tenant::run(&place, &verb).await,
        Command::Plan(verb) => plan::run(&place, &verb).await,
        Command::Licence(verb) => licence::run(&place, &verb).await,
        Command::User(verb) => user::run(&place, &verb).await,
        Command::Sql(options) => sql::run(&place, &options).await,
        Command::Analytics(options) => analytics::run(&place, &options).await,
        Command::Sizes(options) => sizes::run(&place, &options).await,
        Command::Backup(verb) => backup::run(&place, &verb).await,
        Command::Restore(verb) => restore::run(&place, &verb).await,
        Command::UpgradeToPostgres(options) => upgrade::run(&place, &options).await,
        Command::ImportSharedDatabase(options) => shared_import::run(&place, &options).await,
        Command::Operation(verb) => operation::run(&place, &verb).await,
        Command::Proof(verb) => proof::run(&place, &verb).await,
        Command::Audit(verb) => audit::run(&place, &verb).await,
        Command::Completions { shell } => completions::run(shell),
    }
}

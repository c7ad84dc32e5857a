//! The command line: raw arguments → meaning → work on the platform → text or JSON.
//!
//! Called by `main` only. Commands work beside a running server and without one: they go through the
//! same platform library and the same locks in the control store.

#[macro_use]
mod out;

mod args;
mod backup;
mod life;
mod migrations;
mod operations;
mod project;
mod server;
mod setup;
mod table;
mod tenant;
mod watch;

pub use args::Cli;
use backup::{backup_args, backups, restore};
use server::{audit, check, clock, demo, reload, serve};
use tenant::{moving, plans, settings, sql, tenants, users};

use anyhow::Result;
use args::{Audit, Command, Maintenance};
use std::process::ExitCode;

/// Runs the command line to its end: the status to exit with, after everything that is to be said was said.
pub fn main(cli: Cli) -> ExitCode {
    tenantry::descriptors::raise_limit();
    if !writes_sources(&cli.command) {
        // What is made from here on is for the user who runs the platform alone.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(cli)));
    out::status(done.unwrap_or_else(|error| {
        tell!("error: {error:#}");
        ExitCode::FAILURE
    }))
}

/// Commands that write files which people share: configuration, models and migrations.
fn writes_sources(command: &Command) -> bool {
    matches!(command, Command::Init | Command::Startapp { .. } | Command::Makemigrations(_))
}

/// Runs one command. Errors carry their remedy in the text.
async fn run(cli: Cli) -> Result<ExitCode> {
    let place = setup::Place { config: cli.config, data: cli.data };
    match cli.command {
        Command::Demo(listen) => demo::run(&place, &listen).await,
        Command::Serve(listen) => serve::run(&place, &listen).await,
        Command::Init => project::init(),
        Command::Startapp { name } => project::startapp(&place, &name),
        Command::Makemigrations(make) => migrations::make(&place, &make),
        Command::Migrate => migrations::system(&place).await,
        Command::MigrateTenants(options) => migrations::tenants(&place, &options).await,
        Command::Reload => reload::run(&place).await,
        Command::Check { tenant, no_pages } => check::run(&place, tenant.as_deref(), !no_pages).await,
        Command::ListTenants { json } => tenants::list(&place, json).await,
        Command::CreateTenant(options) => tenants::create(&place, &options).await,
        Command::AddOwner(options) => users::add_owner(&place, &options).await,
        Command::ShowTenant { tenant, json } => tenants::show(&place, &tenant, json).await,
        Command::SuspendTenant { tenant, reason } => tenants::suspend(&place, &tenant, &reason).await,
        Command::ResumeTenant { tenant } => tenants::resume(&place, &tenant).await,
        Command::Move(options) => moving::to(&place, &options).await,
        Command::Promote(options) => moving::promote(&place, &options).await,
        Command::Demote(options) => moving::demote(&place, &options).await,
        Command::Release(options) => moving::release(&place, &options).await,
        Command::Maintenance { action: Maintenance::On { tenant, reason } } => {
            tenants::maintenance(&place, &tenant, Some(&reason)).await
        }
        Command::Maintenance { action: Maintenance::Off { tenant } } => {
            tenants::maintenance(&place, &tenant, None).await
        }
        Command::Settings { tenant, changes } => settings::run(&place, &tenant, &changes).await,
        Command::Backup(options) => backups::make(&place, &options).await,
        Command::Backups { action } => backups::run(&place, &action).await,
        Command::Restore(options) => restore::run(&place, &options).await,
        Command::Life(act) => life::run(&place, &act).await,
        Command::CreateDb { tenant, company } => {
            tenants::create_db(&place, &tenant.or(company).unwrap_or_default()).await
        }
        Command::AttachTenantDb(options) => tenants::attach(&place, &options).await,
        Command::Clock { action } => clock::run(&place, action.is_some()).await,
        Command::InitPlans => plans::init(&place).await,
        Command::CreateSuperuser { email, password } => users::superuser(&place, &email, password).await,
        Command::UnlockUser { email } => users::unlock(&place, &email).await,
        Command::SetPassword { email, password } => users::set_password(&place, &email, password).await,
        Command::SetPlan { tenant, plan, state, ends_at } => {
            plans::set(&place, &tenant, plan.as_deref(), state.as_deref(), ends_at).await
        }
        Command::Sql(options) => sql::run(&place, &options).await,
        Command::Operations { action } => operations::run(&place, &action).await,
        Command::Audit { action: Audit::Verify } => audit::verify(&place).await,
        Command::Audit { action: Audit::List { limit, json } } => audit::list(&place, limit, json).await,
    }
}

//! `tenantry tenant …`: tenants, their databases, their copies and their end.

pub(in crate::cli) mod args;
mod copies;
mod create;
mod end;
mod list;
pub(super) mod moving;
mod purge;
mod settings;
mod state;

use super::setup::Place;
use anyhow::Result;
use args::Tenant;
use std::process::ExitCode;
use tenantry::DumpFormat;

/// Runs a verb on tenants.
pub(super) async fn run(place: &Place, verb: &Tenant) -> Result<ExitCode> {
    match verb {
        Tenant::List(whole) => list::list(place, whole.json).await,
        Tenant::Show(shown) => list::show(place, &shown.tenant, shown.json).await,
        Tenant::Create(options) => create::create(place, options).await,
        Tenant::Rename { tenant, to } => state::rename(place, tenant, to).await,
        Tenant::Settings { tenant, changes } => settings::run(place, tenant, changes).await,
        Tenant::AddOwner(options) => create::add_owner(place, options).await,
        Tenant::Suspend { tenant, reason } => state::suspend(place, tenant, reason).await,
        Tenant::Resume(of) => state::resume(place, &of.tenant).await,
        Tenant::Maintenance(action) => state::maintenance(place, action).await,
        Tenant::Clone(options) => copies::clone_tenant(place, options).await,
        Tenant::Export { tenant, out, format: args::Format::Zip } => {
            copies::export(place, tenant, out.as_deref()).await
        }
        Tenant::Export { tenant, out, format: args::Format::PgDump } => {
            copies::dump(place, tenant, DumpFormat::PgDump, out.as_deref()).await
        }
        Tenant::Export { tenant, out, format: args::Format::Mongodump } => {
            copies::dump(place, tenant, DumpFormat::Mongodump, out.as_deref()).await
        }
        Tenant::Import(options) => copies::import(place, options).await,
        Tenant::CreateDatabase(of) => create::create_databases(place, &of.tenant).await,
        Tenant::AttachDatabase(options) => create::attach(place, options).await,
        Tenant::Move(options) => moving::to(place, options).await,
        Tenant::Promote(options) => moving::promote(place, options).await,
        Tenant::Demote(options) => moving::demote(place, options).await,
        Tenant::Release(options) => moving::release(place, options).await,
        Tenant::Cancel(options) => end::cancel(place, options).await,
        Tenant::RevokeCancellation(of) => end::revoke(place, &of.tenant).await,
        Tenant::Purge(options) => purge::purge(place, options).await,
        Tenant::Certificate { tenant, json } => purge::certificate(place, tenant, *json).await,
    }
}

//! Commands on the life of a tenant after it was made: its name, copies of it, its end.

mod args;
mod copies;
mod end;
mod purge;

pub(crate) use args::Life;

use super::setup::{Place, explain};
use anyhow::Result;
use std::process::ExitCode;
use tenantry::name::Slug;

/// Runs one of them.
pub(super) async fn run(place: &Place, act: &Life) -> Result<ExitCode> {
    match act {
        Life::Rename { tenant, to } => rename(place, tenant, to).await,
        Life::Export { tenant, out } => copies::export(place, tenant, out.as_deref()).await,
        Life::Import(options) => copies::import(place, options).await,
        Life::Clone(options) => copies::clone_tenant(place, options).await,
        Life::Retire(options) => end::retire(place, options).await,
        Life::Keep { tenant } => end::keep(place, tenant).await,
        Life::Purge(options) => purge::purge(place, options).await,
        Life::Certificate { tenant, json } => purge::certificate(place, tenant, *json).await,
    }
}

async fn rename(place: &Place, tenant: &str, to: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (slug, to) = (Slug::parse(tenant)?, Slug::parse(to)?);
    platform.rename_tenant(&super::users::operator(), &slug, &to).await.map_err(explain)?;
    say!("{slug} is now {to}; nobody else gets the name {slug}");
    Ok(ExitCode::SUCCESS)
}

//! `tenantry tenant rename`, `suspend`, `resume` and `maintenance`.

use super::args::Maintenance;
use crate::cli::{setup::Place, user::operator};
use anyhow::Result;
use std::process::ExitCode;
use tenantry::name::Slug;

/// Gives a tenant another slug.
pub(super) async fn rename(place: &Place, slug: &Slug, to: &Slug) -> Result<ExitCode> {
    let platform = place.platform().await?;
    platform.tenants().rename(&operator(), slug, to).await?;
    say!("{slug} is now {to}; no other tenant can take the slug {slug}");
    Ok(ExitCode::SUCCESS)
}

/// Suspends a tenant.
pub(super) async fn suspend(place: &Place, slug: &Slug, reason: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    platform.tenants().suspend(&operator(), slug, reason).await?;
    say!("suspended {slug}; undo it with: tenantry tenant resume {slug}");
    Ok(ExitCode::SUCCESS)
}

/// Ends the suspension of a tenant.
pub(super) async fn resume(place: &Place, slug: &Slug) -> Result<ExitCode> {
    let platform = place.platform().await?;
    platform.tenants().resume(&operator(), slug).await?;
    say!("resumed {slug}");
    Ok(ExitCode::SUCCESS)
}

/// Closes a tenant to its members for a reason, or opens it again.
pub(super) async fn maintenance(place: &Place, action: &Maintenance) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (slug, reason) = match action {
        Maintenance::On { tenant, reason } => (tenant, Some(reason.as_str())),
        Maintenance::Off(of) => (&of.tenant, None),
    };
    platform.tenants().set_maintenance(&operator(), slug, reason).await?;
    match reason {
        Some(_) => say!("{slug} is in maintenance; end it with: tenantry tenant maintenance off {slug}"),
        None => say!("{slug} is open again"),
    }
    Ok(ExitCode::SUCCESS)
}

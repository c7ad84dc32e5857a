//! `tenantry tenant cancel` and `tenantry tenant revoke-cancellation`.

use super::args;
use crate::cli::{setup::Place, table::at, user::operator};
use anyhow::{Result, anyhow, bail};
use dialoguer::Input;
use std::{
    io::{IsTerminal, stdin},
    process::ExitCode,
};
use tenantry::{name::Slug, tenants::Terms};

/// Cancels a tenant, and prints the dates of its retention.
pub(super) async fn cancel(place: &Place, options: &args::Cancel) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = &options.tenant;
    if options.dry_run {
        return super::purge::survey(&platform, slug).await;
    }
    let id = platform.tenants().id_of(slug).await?;
    confirm(slug, options.yes.as_deref(), "cancel")?;
    let usual = Terms::from(&platform.config().retention);
    let terms = Terms {
        grace_days: options.grace_days.unwrap_or(usual.grace_days),
        retention_days: options.retention_days.unwrap_or(usual.retention_days),
    };
    let reason = options.reason.as_deref();
    let ends = platform.tenants().cancel(&operator(), id, Some(terms), reason).await?;
    say!("{slug} is cancelled");
    say!("  works until      {}", at(ends.closes_at_us));
    say!("  may be purged on {}", at(ends.purges_at_us));
    say!("revoke it with: tenantry tenant revoke-cancellation {slug}");
    Ok(ExitCode::SUCCESS)
}

/// Revokes a cancellation.
pub(super) async fn revoke(place: &Place, slug: &Slug) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let id = platform.tenants().id_of(slug).await?;
    platform.tenants().revoke_cancellation(&operator(), id).await?;
    say!("the cancellation of {slug} is revoked: the tenant continues as before");
    Ok(ExitCode::SUCCESS)
}

/// Requires the operator to repeat the slug, on the command line or at the terminal (`wrong-id-deleted`).
pub(super) fn confirm(slug: &Slug, yes: Option<&str>, what: &str) -> Result<()> {
    let said: String = match yes {
        Some(said) => said.to_owned(),
        None if stdin().is_terminal() => {
            let question = Input::new().with_prompt(format!("To {what} {slug}, type its slug"));
            question.allow_empty(true).interact_text().map_err(|e| anyhow!("nothing was done: {e}"))?
        }
        None => {
            bail!("there is no terminal to ask for a confirmation\n  remedy: confirm with --yes {slug}")
        }
    };
    if said != slug.as_str() {
        bail!("{said:?} is not {slug}: nothing was done");
    }
    Ok(())
}

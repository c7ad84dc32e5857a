//! `tenantry tenant purge`, its dry run, and `certificate`.

use super::{args, end};
use crate::cli::{
    setup::{Place, explained},
    table::{self, at},
    user::operator,
    watch,
};
use crate::wire;
use anyhow::Result;
use std::process::ExitCode;
use tenantry::{
    Platform,
    access::sessions::Origin,
    counted,
    name::Slug,
    purges::operation::{Fate, Trace},
};

/// Purges one tenant, or all tenants that are due. A dry run only prints what would be purged.
pub(super) async fn purge(place: &Place, options: &args::Purge) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let Some(slug) = &options.tenant else { return due(&platform, options.dry_run).await };
    if options.dry_run {
        return survey(&platform, slug).await;
    }
    let found = platform.tenants().show(slug).await?;
    let name = Some(found.name.as_str()).filter(|name| !name.is_empty());
    let name = name.map(|name| format!(", {name}")).unwrap_or_default();
    say!("{} (id {}{name}): {}", found.slug, found.id, found.state.as_str());
    end::confirm(slug, options.yes.as_deref(), "remove for good")?;
    let actor = platform.access().confirm(&operator(), None, &Origin::default()).await?;
    let id = platform.purges().start(&actor, slug, found.id, options.early).await?;
    watch::watch_operation(&platform, id).await?;
    say!("purged {slug}; see what was removed with: tenantry tenant certificate {slug}");
    Ok(ExitCode::SUCCESS)
}

async fn due(platform: &Platform, dry_run: bool) -> Result<ExitCode> {
    let due = platform.purges().due().await?;
    crate::cli::clock::warn(platform).await?;
    if dry_run {
        for (slug, id) in &due {
            say!("{slug} (id {id})");
        }
        let most = platform.config().retention.max_purges_per_run;
        say!(
            "{} due to be purged; one run purges at most {most}",
            table::count(due.len(), "tenant is", "tenants are")
        );
        return Ok(ExitCode::SUCCESS);
    }
    let run = platform.purges().start_due(&operator()).await?;
    let (mut failed, mut purged) = (run.refused.len(), 0);
    for (slug, why) in &run.refused {
        say!("{slug}: {why}");
    }
    for (slug, operation) in &run.started {
        match watch::watch_operation(platform, *operation).await {
            Ok(_) => {
                say!("{slug}: purged");
                purged += 1;
            }
            Err(error) => {
                say!("{slug}: {:#}", explained(error));
                failed += 1;
            }
        }
    }
    say!("purged {}; left for a later run: {}", table::count(purged, "tenant", "tenants"), run.left);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints every place with data of a tenant, and what a purge does to it.
pub(super) async fn survey(platform: &Platform, slug: &Slug) -> Result<ExitCode> {
    let survey = platform.purges().survey(slug).await?;
    say!("{} (id {}): {}", survey.slug, survey.tenant, survey.state);
    if let Some(ends) = survey.ends {
        say!("works until {}, may be purged on {}", at(ends.closes_at_us), at(ends.purges_at_us));
    }
    print(&survey.traces);
    say!("nothing was done");
    Ok(ExitCode::SUCCESS)
}

fn print(traces: &[Trace]) {
    let row = |trace: &Trace| {
        let fate = match trace.fate {
            Fate::Removed => "removed".to_owned(),
            Fate::Retained => match (trace.detail["why"].as_str(), trace.detail["kept_days"].as_u64()) {
                (Some(why), _) => format!("retained: {why}"),
                (None, Some(days)) => format!("retained: for {} after the purge", counted(days, "day")),
                (None, None) => "retained".to_owned(),
            },
            Fate::NotRemoved => {
                format!("NOT REMOVED: {}", trace.detail["why"].as_str().unwrap_or("the purge was abandoned"))
            }
        };
        let bytes = trace.bytes.map_or_else(|| "-".into(), table::bytes);
        vec![trace.what.clone(), trace.place.clone(), trace.count.to_string(), bytes, fate]
    };
    table::print(&["what", "where", "count", "size", "purge"], traces.iter().map(row));
}

/// Prints the certificate of a purged tenant. The exit status is 1 if something was not removed.
pub(super) async fn certificate(place: &Place, tenant: &str, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let certificate = platform.purges().certificate(tenant).await?;
    if json {
        return table::json(&wire::purge::Certificate::from(certificate));
    }
    let detail = &certificate.detail;
    say!("Certificate of deletion");
    say!("  tenant   {} (id {})", detail["slug"].as_str().unwrap_or_default(), detail["tenant"]);
    say!("  purged   {} by {}", at(certificate.at_us), certificate.by);
    say!("  recorded audit row {}, SHA-256 {}", certificate.row, certificate.hash);
    if let Some(backup) = detail["final_backup"].as_str() {
        say!(
            "  a last backup, {backup}, is retained for {}",
            counted(&detail["final_backup_kept_days"], "day")
        );
    }
    say!("");
    let traces: Vec<Trace> = serde_json::from_value(detail["traces"].clone())?;
    print(&traces);
    say!("\nverify the log with: tenantry audit verify");
    let left = traces.iter().any(|trace| trace.fate == Fate::NotRemoved);
    if left || detail["not_removed"].as_array().is_some_and(|steps| !steps.is_empty()) {
        say!(
            "the purge was abandoned, and not everything is removed: remove it by hand; see: tenantry check"
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

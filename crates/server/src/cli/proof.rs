//! `tenantry proof …`: proves the isolation of tenants, and shows the results.

use super::{
    setup::Place,
    table::{self, at},
    user::operator,
    watch,
};
use crate::wire::proof::{Proof as Shown, ProofListed};
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use std::process::ExitCode;
use tenantry::{
    Platform, counted,
    name::Slug,
    proofs::{ProofOptions, Report},
};

/// Verbs of `tenantry proof`.
#[derive(Debug, Subcommand)]
pub(crate) enum Proof {
    /// Check the isolation of all tenants, or of one, against the live databases; exit status 1 if a rule is violated.
    ///
    /// Only reads. The result is kept, and its digest is in the audit log.
    Run(Run),
    /// List the results that are kept, newest first.
    List {
        /// Only results that this tenant is part of.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<Slug>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a result; exit status 1 if a rule is violated, or the audit log has another digest.
    Show {
        /// Number of the result.
        id: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Options of `proof run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Only this tenant, its pools and its servers.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<Slug>,
    /// Number of places that are checked at the same time, from 1 to 16.
    #[arg(long, value_name = "N")]
    parallel: Option<usize>,
    /// Largest number of places that are begun in a second, from 1 to 1000.
    #[arg(long, value_name = "N")]
    per_second: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs a verb on proofs.
pub(super) async fn run(place: &Place, verb: &Proof) -> Result<ExitCode> {
    match verb {
        Proof::Run(options) => start(&place.platform().await?, options).await,
        Proof::List { tenant, json } => list(&place.reading().await?, tenant.as_ref(), *json).await,
        Proof::Show { id, json } => show(&place.reading().await?, *id, *json).await,
    }
}

async fn start(platform: &Platform, options: &Run) -> Result<ExitCode> {
    let usual = ProofOptions::default();
    let wanted = ProofOptions {
        parallel: options.parallel.unwrap_or(usual.parallel),
        per_second: options.per_second.unwrap_or(usual.per_second),
    };
    let id = platform.proofs().start(&operator(), options.tenant.as_ref(), wanted).await?;
    let over = watch::watch_operation(platform, id).await?;
    let proof = over.result.as_ref().and_then(|result| result["proof"].as_i64());
    show(platform, proof.context("the operation recorded no result")?, options.json).await
}

async fn list(platform: &Platform, tenant: Option<&Slug>, json: bool) -> Result<ExitCode> {
    let listed = platform.proofs().list(&operator(), tenant).await?;
    if json {
        let listed: Vec<_> = listed.into_iter().map(ProofListed::from).collect();
        say!("{}", serde_json::to_string_pretty(&listed)?);
        return Ok(ExitCode::SUCCESS);
    }
    let rows = listed.into_iter().map(|one| {
        let tenant = one.tenant.unwrap_or_else(|| "all".into());
        let (findings, unchecked) = (one.findings.to_string(), one.unchecked.to_string());
        vec![one.id.to_string(), at(one.at_us), tenant, findings, unchecked, one.by]
    });
    table::print(&["id", "ended", "tenant", "violations", "not checked", "by"], rows);
    Ok(ExitCode::SUCCESS)
}

async fn show(platform: &Platform, id: i64, json: bool) -> Result<ExitCode> {
    let kept = platform.proofs().get(&operator(), id).await?;
    let is_good = kept.verified && kept.report.holds();
    if json {
        say!("{}", serde_json::to_string_pretty(&Shown::from(kept))?);
    } else {
        print(&kept.report);
        let agrees = if kept.verified { "agrees" } else { "does not agree: do not trust this result" };
        say!(
            "result {id}, digest {}, row {} of the audit log: {agrees}",
            kept.listed.digest,
            kept.listed.audit
        );
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Report) {
    let rows = report.rules.iter().map(|ruled| {
        vec![ruled.rule.says().to_owned(), ruled.checked.to_string(), ruled.violated.to_string()]
    });
    table::print(&["rule", "checked", "violated"], rows);
    for one in &report.findings {
        let tenant = one.tenant.as_ref().map_or("shared", |slug| slug.as_str());
        say!("{tenant}, {} {}: {}\n  remedy: {}", one.store, one.place, one.detail, one.remedy);
    }
    for one in &report.unchecked {
        let tenant = one.tenant.as_ref().map_or("shared", |slug| slug.as_str());
        say!("not checked: {tenant}, {} {}: {}", one.store, one.place, one.reason);
    }
    if report.brought > 0 {
        say!("only the identity was checked of {} that tenants brought", counted(report.brought, "database"));
    }
    say!(
        "{}, {}, {}: {}, {} not checked",
        counted(report.tenants, "tenant"),
        counted(report.places, "place"),
        counted(report.pools, "pool"),
        counted(report.violated, "violation"),
        report.missed
    );
}

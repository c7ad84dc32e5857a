//! `tenantry import-shared-database`: imports a database that all organisations shared.

use crate::cli::{setup::Place, table, user::operator, watch};
use anyhow::{Context as _, Result};
use clap::Args;
use std::{fs, path::PathBuf, process::ExitCode};
use tenantry::{
    counted,
    shared_imports::{Fault, Mapping, NewTenants, Organisation, Report, SharedImport, SharedSource},
};

/// Arguments of `tenantry import-shared-database`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// TOML file that says which collection becomes which model.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// Server of the configuration, a MongoDB deployment.
    #[arg(long, required_unless_present = "files", conflicts_with = "files")]
    server: Option<String>,
    /// Instead of a server: folder of files of mongoexport, in imports/ of the data directory.
    #[arg(long, value_name = "FOLDER")]
    files: Option<String>,
    /// Database with the documents of all organisations.
    #[arg(long)]
    database: String,
    /// Database with the documents that all organisations share. Default: the same database.
    #[arg(long, value_name = "DATABASE")]
    shared_database: Option<String>,
    /// Only count and check.
    #[arg(long)]
    dry_run: bool,
    /// Create a tenant on this plan for each organisation that is unknown here.
    #[arg(long, value_name = "PLAN", requires = "email")]
    create_missing: Option<String>,
    /// E-mail address for letters about the tenants that are created.
    #[arg(long, requires = "create_missing")]
    email: Option<String>,
    /// Leave out documents that cannot become records.
    #[arg(long)]
    skip_invalid: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn wanted(&self) -> Result<SharedImport> {
        let path = &self.mapping;
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let shared_database = self.shared_database.as_ref().unwrap_or(&self.database).clone();
        let (server, files, database) = (self.server.clone(), self.files.clone(), self.database.clone());
        let new = self.create_missing.clone().zip(self.email.clone());
        Ok(SharedImport {
            source: SharedSource { server, files, database, shared_database },
            mapping: Mapping::parse(&text)?,
            dry_run: self.dry_run,
            create_missing: new.map(|(plan, email)| NewTenants { plan, email }),
            skip_invalid: self.skip_invalid,
        })
    }
}

/// Imports the database. The exit status is 1 if something is left to do.
pub(in crate::cli) async fn run(place: &Place, options: &Options) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let id = platform.shared_imports().start(&operator(), options.wanted()?).await?;
    let over = watch::watch_operation(&platform, id).await?;
    let result = over.result.context("the operation recorded no result")?;
    let report: Report = serde_json::from_value(result.clone())?;
    if options.json {
        say!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        print(&report, options.dry_run);
    }
    let is_good = match options.dry_run {
        true => report.permits(),
        false => report.is_complete(),
    };
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Report, dry_run: bool) {
    for (collection, documents) in &report.shared {
        say!("shared: {} of {collection}", counted(*documents, "document"));
    }
    let rows = report.organisations.iter().map(|one| {
        let documents = one.documents.values().sum::<u64>();
        let verified = if dry_run { String::new() } else { one.verified.to_string() };
        vec![one.id.clone(), state(one), documents.to_string(), one.faulty.to_string(), verified]
    });
    table::print(&["organisation", "tenant", "documents", "invalid", "verified"], rows);
    for one in report.organisations.iter().filter(|one| one.stopped.is_some()) {
        say!("{} stopped: {}", one.id, one.stopped.as_deref().unwrap_or_default());
    }
    for one in &report.unmapped {
        let then = if one.refuses { ": name it in the mapping" } else { ", which stays behind" };
        say!("collection that the mapping does not name: {}.{}{then}", one.database, one.collection);
    }
    for one in &report.unknown_fields {
        say!(
            "field of no model: {} of {}, in {}",
            one.field,
            one.collection,
            counted(one.documents, "document")
        );
    }
    report.faults.iter().chain(&report.refused).for_each(invalid);
    for one in &report.differences {
        let of = one.organisation.as_deref().unwrap_or("shared");
        say!("{of}, {} {}: {}", one.collection, one.document, one.what);
    }
    if dry_run {
        say!("nothing was written; {} cannot be imported", counted(report.faulty, "document"));
    } else {
        say!(
            "{} verified, {} changed here, {}, {} not imported",
            counted(report.verified, "record"),
            report.changed_here,
            counted(report.different, "difference"),
            counted(report.faulty, "invalid document")
        );
    }
}

fn state(one: &Organisation) -> String {
    match (&one.slug, one.tenant) {
        (Some(slug), Some(_)) => slug.clone(),
        _ => "unknown here".into(),
    }
}

fn invalid(fault: &Fault) {
    let of = fault.organisation.as_deref().unwrap_or("shared");
    say!("{of}, {} {}: {} {}", fault.collection, fault.document, fault.field, fault.reason);
}

//! The list of benchmarks and their sizes. Called by `main`.

use crate::report::{self, Entry};
use anyhow::Result;
use std::path::PathBuf;

mod backups;
mod density;
mod fleet;
mod library;
mod moving;
mod open;
mod page;
mod records;

/// Names of all benchmarks. Some write several figures, whose names start with that name.
const NAMES: [&str; 13] = [
    "read_one",
    "list_20",
    "insert",
    "page_50",
    "create_tenant",
    "migrate_fleet",
    "open_cold",
    "move_pause",
    "move_pause_10_mb",
    "backup",
    "restore",
    "backup_fleet",
    "density",
];

/// Options of `tenantry-bench run`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The binary `tenantry`.
    #[arg(long)]
    server: PathBuf,
    /// Small counts.
    #[arg(long)]
    quick: bool,
    /// Put the baseline in the place of ours: every ratio should be 1, and how far it is off is the
    /// noise of the harness. Writes no file.
    #[arg(long)]
    against_itself: bool,
    /// Where the figures go.
    #[arg(long, default_value = "bench.json")]
    out: PathBuf,
    /// Where databases are made meanwhile; 100,000 tenants take some gigabytes.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Only these; others keep their figures.
    #[arg(value_parser = NAMES)]
    names: Vec<String>,
}

impl Options {
    /// Returns true if the benchmark was requested.
    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|n| n == name)
    }

    /// Returns a count: the full one, or the small one with `--quick`.
    fn count<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// Runs the requested benchmarks.
pub(crate) fn run(options: &Options) -> Result<()> {
    let scratch = match &options.scratch {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let mut entries: Vec<Entry> = Vec::new();
    entries.extend(records::run(options, scratch.path())?);
    entries.extend(page::run(options, scratch.path())?);
    entries.extend(fleet::run(options, scratch.path())?);
    entries.extend(open::run(options, scratch.path())?);
    entries.extend(moving::run(options, scratch.path())?);
    entries.extend(backups::run(options, scratch.path())?);
    entries.extend(density::run(options, scratch.path())?);
    report::print(&entries);
    if !options.against_itself {
        report::write(&options.out, &entries)?;
    }
    Ok(())
}

/// Returns a number that varies irregularly with `n`, the same on every run.
pub(crate) fn spread(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

//! `backup`, `restore`, `backup_fleet`: compared with the bare loops over the same files in the same minutes.
//!
//! Tenantry does more than the loops: manifest, checksums of every row, hashes of every byte, catalog, journal, audit.
//! The ratio is the price of that.

use super::Options;
use super::library::{Library, slug};
use crate::baseline::copies::Copies;
use crate::home::Home;
use crate::process::peak;
use crate::report::Entry;
use crate::rounds::{Compared, alternate};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The configuration's default level.
const LEVEL: i32 = 3;
/// Number of tenants for `backup` and `restore`.
const TENANTS: u32 = 4;

/// Runs the requested benchmarks; removes their large files.
pub(crate) fn run(options: &Options, scratch: &Path) -> Result<Vec<Entry>> {
    let (one, many) = (scratch.join("backup"), scratch.join("backup-fleet"));
    let mut entries = Vec::new();
    if options.wants("backup") || options.wants("restore") {
        entries.extend(one_by_one(options, &one)?);
        std::fs::remove_dir_all(&one)?;
    }
    if options.wants("backup_fleet") {
        entries.extend(fleet(options, &many)?);
        std::fs::remove_dir_all(&many)?;
    }
    Ok(entries)
}

fn megabytes(files: &[PathBuf]) -> Result<f64> {
    let bytes: u64 = files.iter().map(|f| Ok(std::fs::metadata(f)?.len())).sum::<Result<u64>>()?;
    Ok(bytes as f64 / 1e6)
}

/// Backs up and restores a few tenants of some megabytes each, one after another.
fn one_by_one(options: &Options, dir: &Path) -> Result<Vec<Entry>> {
    eprintln!("backup, restore …");
    let home = Home::new(&dir.join("home"), &options.server)?;
    let library = filled(&home, options.count(60_000, 500))?;
    let names = (1..=TENANTS).map(|n| home.database(&format!("tenant_{}_", slug(n))));
    let files = names.collect::<Result<Vec<_>>>()?;
    let size = megabytes(&files)?;
    let rate = |taken: Result<Duration>| Ok(size / taken?.as_secs_f64());
    let rounds = options.count(5, 1);
    let mut theirs = Copies::new(files.clone(), &dir.join("copies"))?;
    let (backup, restore) = if options.against_itself {
        let mut ours = Copies::new(files, &dir.join("copies-too"))?;
        let backup = alternate(rounds, || rate(theirs.back_up(LEVEL)), || rate(ours.back_up(LEVEL)))?;
        (backup, alternate(rounds, || rate(theirs.restore()), || rate(ours.restore()))?)
    } else {
        let backup = alternate(rounds, || rate(theirs.back_up(LEVEL)), || rate(library.back_up(TENANTS)))?;
        (backup, alternate(rounds, || rate(theirs.restore()), || rate(library.restore(TENANTS)))?)
    };
    library.close();
    eprintln!("  {TENANTS} tenants, {size:.1} MB");
    let entries = [("backup", backup), ("restore", restore)];
    let wanted = entries.into_iter().filter(|(name, _)| options.wants(name));
    Ok(wanted.map(|(name, compared)| Entry::rate(name, "MB/s", compared, options.quick)).collect())
}

/// Creates tenants with `records` records each. Their database files contain everything, because closing empties the
/// `-wal`.
fn filled(home: &Home, records: usize) -> Result<Library> {
    let mut library = Library::open(home)?;
    library.create(TENANTS)?;
    (1..=TENANTS).try_for_each(|n| library.fill(n, records))?;
    library.close();
    Library::open(home)
}

/// Backs up many small tenants in one run of the real command and measures its memory. Once per side: a round takes
/// minutes and is long enough to average out.
fn fleet(options: &Options, dir: &Path) -> Result<Vec<Entry>> {
    eprintln!("backup_fleet …");
    let tenants = options.count(10_000, 20);
    let home = Home::new(&dir.join("home"), &options.server)?;
    let mut library = Library::open(&home)?;
    library.create(tenants)?;
    library.close();
    let files = home.databases("tenant_")?;
    let rate = |taken: Duration| f64::from(tenants) / taken.as_secs_f64();
    let mut theirs = Copies::new(files.clone(), &dir.join("copies"))?;
    if options.against_itself {
        let mut ours = Copies::new(files, &dir.join("copies-too"))?;
        let both = alternate(1, || Ok(rate(theirs.back_up(LEVEL)?)), || Ok(rate(ours.back_up(LEVEL)?)))?;
        return Ok(vec![Entry::rate("backup_fleet", "tenants/s", both, options.quick)]);
    }
    let (_, of_one) = peak(home.start(&["backup", "create", &slug(1)])?).context("tenantry backup")?;
    let baseline = rate(theirs.back_up(LEVEL)?);
    let (taken, of_all) =
        peak(home.start(&["backup", "create", "--all"])?).context("tenantry backup create --all")?;
    let both = Compared { ours: rate(taken), baseline, ratio: rate(taken) / baseline };
    Ok(vec![
        Entry::rate("backup_fleet", "tenants/s", both, options.quick),
        Entry::cost("backup_fleet_peak_memory", "MB", of_all / 1e6, of_one / 1e6, options.quick),
    ])
}

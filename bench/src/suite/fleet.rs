//! `create_tenant`, `migrate_fleet`: operations on many tenants, compared with the bare loops over files.

use super::Options;
use super::library::Library;
use crate::baseline::files::{Creation, Fleet};
use crate::home::Home;
use crate::report::Entry;
use crate::rounds::{Compared, alternate};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Runs the requested benchmarks.
pub(crate) fn run(options: &Options, scratch: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    if options.wants("create_tenant") {
        entries.push(create_tenant(options, &scratch.join("create"))?);
    }
    if options.wants("migrate_fleet") {
        entries.push(migrate_fleet(options, &scratch.join("migrate"))?);
    }
    Ok(entries)
}

/// Returns the closed database of a new tenant, which the bare loops copy, so that both sides handle files with the
/// same contents.
pub(crate) fn template(home: &Home, scratch: &Path) -> Result<PathBuf> {
    let mut library = Library::open(home)?;
    library.create(1)?;
    library.close();
    let found = home.database("tenant_company-1")?;
    let copy = scratch.join("template.db");
    std::fs::copy(&found, &copy).with_context(|| format!("cannot copy {}", found.display()))?;
    Ok(copy)
}

fn create_tenant(options: &Options, dir: &Path) -> Result<Entry> {
    eprintln!("create_tenant …");
    let each = options.count(200, 5);
    let home = Home::new(&dir.join("other"), &options.server)?;
    let template = template(&home, dir)?;
    let mut theirs = Creation::new(&dir.join("copies"), &template)?;
    let compared = if options.against_itself {
        let mut ours = Creation::new(&dir.join("copies-too"), &template)?;
        alternate(options.count(7, 1), || theirs.round(each), || ours.round(each))?
    } else {
        let home = Home::new(&dir.join("home"), &options.server)?;
        let mut ours = Library::open(&home)?;
        let compared = alternate(options.count(7, 1), || theirs.round(each), || ours.create(each))?;
        ours.close();
        compared
    };
    Ok(Entry::rate("create_tenant", "tenants/s", compared, options.quick))
}

fn migrate_fleet(options: &Options, dir: &Path) -> Result<Entry> {
    eprintln!("migrate_fleet …");
    let tenants = options.count(2000, 20);
    let home = Home::new(&dir.join("home"), &options.server)?;
    let template = template(&home, dir)?;
    let mut theirs = Fleet::new(&dir.join("fleet"), &template, tenants)?;
    let rounds = options.count(3, 1);
    let compared = if options.against_itself {
        let mut ours = Fleet::new(&dir.join("fleet-too"), &template, tenants)?;
        alternate(rounds, || theirs.round("patients"), || ours.round("patients"))?
    } else {
        our_migration(&home, tenants, rounds, &mut theirs)?
    };
    Ok(Entry::rate("migrate_fleet", "tenants/s", compared, options.quick))
}

/// Measures the real command from start to end, including the creation of the new template.
fn our_migration(home: &Home, tenants: u32, rounds: usize, theirs: &mut Fleet) -> Result<Compared> {
    let mut library = Library::open(home)?;
    library.skip(1);
    library.create(tenants - 1)?;
    library.close();
    let mut round = 0;
    alternate(
        rounds,
        || theirs.round("patients"),
        || {
            round += 1;
            home.add_field(round)?;
            let started = Instant::now();
            home.run(&["migrate", "tenants"])?;
            Ok(f64::from(tenants) / started.elapsed().as_secs_f64())
        },
    )
}

//! `create_tenant`, `migrate_fleet`: what is done to many tenants, beside the bare loops over files.

use super::Options;
use crate::baseline::files::{Creation, Fleet};
use crate::baseline::store::Store;
use crate::report::Entry;
use crate::rounds::alternate;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Runs those asked for.
pub(crate) fn run(options: &Options, scratch: &Path) -> Result<Vec<Entry>> {
    let template = template(scratch)?;
    let mut entries = Vec::new();
    if options.wants("create_tenant") {
        entries.push(create_tenant(options, scratch, &template)?);
    }
    if options.wants("migrate_fleet") {
        entries.push(migrate_fleet(options, scratch, &template)?);
    }
    Ok(entries)
}

/// A database without rows, checkpointed and closed.
fn template(scratch: &Path) -> Result<PathBuf> {
    let path = scratch.join("template.db");
    drop(Store::open(&path)?);
    Ok(path)
}

fn create_tenant(options: &Options, scratch: &Path, template: &Path) -> Result<Entry> {
    eprintln!("create_tenant …");
    let each = options.count(200, 5);
    let mut theirs = Creation::new(&scratch.join("created"), template)?;
    let mut ours = Creation::new(&scratch.join("created-too"), template)?;
    let compared = alternate(options.count(7, 1), || theirs.round(each), || ours.round(each))?;
    Ok(Entry::rate("create_tenant", "tenants/s", compared, options.quick))
}

fn migrate_fleet(options: &Options, scratch: &Path, template: &Path) -> Result<Entry> {
    eprintln!("migrate_fleet …");
    let tenants = options.count(2000, 20);
    let mut theirs = Fleet::new(&scratch.join("fleet"), template, tenants)?;
    let mut ours = Fleet::new(&scratch.join("fleet-too"), template, tenants)?;
    let compared = alternate(options.count(5, 1), || theirs.round("patients"), || ours.round("patients"))?;
    Ok(Entry::rate("migrate_fleet", "tenants/s", compared, options.quick))
}

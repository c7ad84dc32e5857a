//! `cargo xtask bugs`: the test of the tests (T12). It puts known bugs into a copy of the sources, enables one at a
//! time, and expects a test to fail for each. It never changes the working tree.
//!
//! A bug is a text to find and its replacement, stored in `testkit/bugs/*.toml`. A bug that no longer applies or no
//! longer compiles is an error, never a success. `tidy` checks that each bug still fits and that its tests exist.

mod list;
mod program;
mod sandbox;
mod sow;
mod tests;

use crate::servers::Servers;
use anyhow::{Context, Result, bail, ensure};
use list::Bug;
use program::Outcome;
use sandbox::Sandbox;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

/// Options of `cargo xtask bugs`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Print the bugs without trying them.
    #[arg(long)]
    list: bool,
    /// Skip the check that the tests pass while all bugs are disabled.
    #[arg(long)]
    trust: bool,
    /// Try only bugs whose name contains one of these texts.
    names: Vec<String>,
}

/// Tries every known bug.
///
/// # Errors
/// Returns an error if a known bug is not caught.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let all = list::read(root)?;
    let wanted = |bug: &&Bug| options.names.is_empty() || options.names.iter().any(|n| bug.name.contains(n));
    let bugs: Vec<&Bug> = all.iter().filter(wanted).collect();
    ensure!(!bugs.is_empty(), "no bug has such a name");
    let wrong = list::misfits(root, &all)?;
    ensure!(wrong.is_empty(), "these bugs do not fit:\n{}", wrong.join("\n"));
    if options.list {
        bugs.iter().for_each(|bug| println!("{:<28} {}", bug.name, bug.what));
        return Ok(());
    }
    let servers = Servers::start()?;
    // Put all bugs into the sources, whichever are tried, so that trying others needs no new build.
    let mut sandbox = Sandbox::new(root, &sow::sow(root, &all)?, &servers)?;
    sandbox.build().context("with all bugs asleep")?;
    if !options.trust {
        healthy(&sandbox, &bugs)?;
    }
    let mut missed = Vec::new();
    for bug in &bugs {
        let (began, filters) = (Instant::now(), bug.tests.iter().map(String::as_str).collect::<Vec<_>>());
        let outcome = sandbox.test(&bug.package, &filters, Some(&bug.name))?;
        println!("{:<28} {outcome} in {:.0} s: {}", bug.name, began.elapsed().as_secs_f64(), bug.what);
        if !outcome.is_caught() {
            missed.push(bug.name.as_str());
        }
    }
    println!("T12: {} of {} seeded bugs caught", bugs.len() - missed.len(), bugs.len());
    ensure!(missed.is_empty(), "not caught: {}", missed.join(", "));
    Ok(())
}

/// Returns the listed bugs that do not fit the sources, with reasons. `tidy` calls it.
pub(crate) fn misfits(root: &Path) -> Result<Vec<String>> {
    list::misfits(root, &list::read(root)?)
}

/// Checks that the tests pass while all bugs are disabled. Otherwise a failure would prove nothing.
fn healthy(sandbox: &Sandbox, bugs: &[&Bug]) -> Result<()> {
    let mut tests: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for bug in bugs {
        tests.entry(&bug.package).or_default().extend(bug.tests.iter().map(String::as_str));
    }
    for (package, filters) in tests {
        let filters: Vec<_> = filters.into_iter().collect();
        match sandbox.test(package, &filters, None)? {
            Outcome::Passed(count) => println!("{package}: {count} tests pass with all bugs asleep"),
            outcome => bail!("{package}: {outcome} with all bugs asleep, in {}", filters.join(" ")),
        }
    }
    Ok(())
}

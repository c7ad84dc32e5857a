//! `cargo xtask bugs`: the test of the tests (T12). Puts known bugs into a copy of the sources, one at a
//! time, and wants a test to fail for each. The working tree is never touched.
//!
//! A bug is a text to find and one to put there, kept in `testkit/bugs/*.toml`. One that no longer applies or
//! no longer compiles is an error, never a success.

mod list;
mod sandbox;

use anyhow::{Context, Result, bail, ensure};
use list::Bug;
use sandbox::{Outcome, Sandbox};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

/// Options of `cargo xtask bugs`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only print them.
    #[arg(long)]
    list: bool,
    /// Do not first see whether the tests pass without a bug.
    #[arg(long)]
    trust: bool,
    /// Only bugs whose name contains one of these.
    names: Vec<String>,
}

/// Tries every bug; an error when one is not caught.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let wanted = |bug: &Bug| options.names.is_empty() || options.names.iter().any(|n| bug.name.contains(n));
    let bugs: Vec<Bug> = list::read(root)?.into_iter().filter(wanted).collect();
    ensure!(!bugs.is_empty(), "no bug has such a name");
    list::check(root, &bugs)?;
    if options.list {
        bugs.iter().for_each(|bug| println!("{:<28} {}", bug.name, bug.what));
        return Ok(());
    }
    let sandbox = Sandbox::new(root)?;
    if !options.trust {
        healthy(&sandbox, &bugs)?;
    }
    let mut missed = Vec::new();
    for bug in &bugs {
        let began = Instant::now();
        let outcome = attempt(&sandbox, bug)?;
        println!("{:<28} {outcome} in {:.0} s: {}", bug.name, began.elapsed().as_secs_f64(), bug.what);
        if !outcome.is_caught() {
            missed.push(bug.name.as_str());
        }
    }
    println!("T12: {} of {} seeded bugs caught", bugs.len() - missed.len(), bugs.len());
    ensure!(missed.is_empty(), "not caught: {}", missed.join(", "));
    Ok(())
}

/// Without a bug the same tests pass, else a failure would say nothing.
fn healthy(sandbox: &Sandbox, bugs: &[Bug]) -> Result<()> {
    let mut tests: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for bug in bugs {
        tests.entry(&bug.package).or_default().extend(bug.tests.iter().map(String::as_str));
    }
    for (package, filters) in tests {
        sandbox.build(package).with_context(|| format!("{package} does not build without a bug"))?;
        let filters: Vec<_> = filters.into_iter().collect();
        match sandbox.test(package, &filters)? {
            Outcome::Passed(count) => println!("{package}: {count} tests pass without a bug"),
            outcome => bail!("{package}: {outcome} without a bug, in {}", filters.join(" ")),
        }
    }
    Ok(())
}

fn attempt(sandbox: &Sandbox, bug: &Bug) -> Result<Outcome> {
    let whole = sandbox.plant(bug)?;
    let outcome = sandbox.build(&bug.package).with_context(|| format!("bug {} does not compile", bug.name));
    let filters: Vec<_> = bug.tests.iter().map(String::as_str).collect();
    let outcome = outcome.and_then(|()| sandbox.test(&bug.package, &filters));
    // Whatever came of it, the next bug must be the only one.
    sandbox.restore(bug, &whole)?;
    outcome
}

//! `cargo xtask tidy`: checks the project's rules that the compiler does not check. `.ci/run` calls it. It reads files
//! and `cargo metadata`. The only file that it writes is its own ratchet, and only with `--update`.

mod claims;
pub(crate) mod code;
mod dependencies;
mod edges;
mod habits;
mod length;
mod links;
mod names;
mod profiles;
mod ratchet;
mod text;
mod tree;

use anyhow::{Result, ensure};
use std::path::Path;

/// Options of `cargo xtask tidy`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Lower the entries of the ratchet to what is measured now. Never raises or adds one.
    #[arg(long)]
    update: bool,
    /// Print advice as well as faults.
    #[arg(long)]
    advice: bool,
}

/// Findings of a run.
#[derive(Default)]
pub(crate) struct Report {
    /// Broken rules. Each of them fails the run.
    pub(crate) faults: Vec<String>,
    /// Exceeded soft limits, which are printed on request.
    pub(crate) advice: Vec<String>,
}

/// A source file: its path from the root with `/`, its text, and its text without comments and strings.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) code: String,
}

/// Runs all checks.
///
/// # Errors
/// Returns an error if a rule is broken.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let files = tree::read(root)?;
    let sources: Vec<Source> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, text)| Source { path: path.clone(), text: text.clone(), code: code::bare(text) })
        .collect();
    let mut report = Report::default();
    dependencies::check(root, &mut report)?;
    profiles::check(root, &mut report)?;
    edges::check(root, &sources, &mut report)?;
    text::check(&files, &sources, &mut report);
    links::check(root, &files, &mut report);
    claims::check(&files, &mut report);
    names::check(&files, &mut report);
    report.faults.extend(crate::bugs::misfits(root)?.into_iter().map(|misfit| format!("bug {misfit}")));
    let mut measured = length::measure(&sources);
    measured.extend(habits::measure(&files));
    ratchet::check(root, &measured, options.update, &mut report)?;
    print(&report, options.advice, sources.len());
    ensure!(report.faults.is_empty(), "tidy: {} faults", report.faults.len());
    Ok(())
}

fn print(report: &Report, advice: bool, sources: usize) {
    for line in report.advice.iter().filter(|_| advice) {
        println!("advice: {line}");
    }
    for line in &report.faults {
        println!("fault: {line}");
    }
    println!(
        "tidy: {sources} sources, {} faults, {} pieces of advice",
        report.faults.len(),
        report.advice.len()
    );
}

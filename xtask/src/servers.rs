//! The real database servers of one run; see `testkit/servers`.
//!
//! `test` and `bugs` call it.

use anyhow::{Context, Result};
use tenantry_testservers::{Cluster, VARIABLE, VERSIONS, axe, chromedriver, pgbouncer, postgres};

/// The servers of one run. Dropping it stops them.
pub(crate) struct Servers {
    clusters: Vec<Cluster>,
    given: Option<String>,
}

impl Servers {
    /// Starts a PostgreSQL server of each tested version, or takes the servers that the user names. Also installs the
    /// programs that tests need to start their own servers.
    pub(crate) fn start() -> Result<Self> {
        pgbouncer()?;
        chromedriver()?;
        axe()?;
        postgres(VERSIONS[0])?;
        if let Ok(given) = std::env::var(VARIABLE) {
            return Ok(Self { clusters: Vec::new(), given: Some(given) });
        }
        let mut clusters = Vec::new();
        for version in VERSIONS {
            let programs = postgres(version)?;
            let started = Cluster::start(version, &programs);
            clusters.push(started.with_context(|| format!("PostgreSQL {version} does not start"))?);
        }
        Ok(Self { clusters, given: None })
    }

    /// Returns the environment variable through which the tests find the servers.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        let urls = self.clusters.iter().map(Cluster::url).collect::<Vec<_>>().join(" ");
        (VARIABLE, self.given.clone().unwrap_or(urls))
    }
}

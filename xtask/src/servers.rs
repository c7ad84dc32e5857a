//! The real database servers of one run; see `testkit/servers`.
//!
//! `test` and `bugs` call it.

use anyhow::{Context, Result};
use tenantry_testservers::{
    Cluster, MONGODB_VARIABLE, Mongod, VARIABLE, VERSIONS, axe, chromedriver, mongod, pgbouncer, postgres,
    restorer,
};

/// The servers of one run. Dropping it stops them.
pub(crate) struct Servers {
    clusters: Vec<Cluster>,
    given: Option<String>,
    mongod: Option<Mongod>,
    mongodb_given: Option<String>,
}

impl Servers {
    /// Starts a PostgreSQL server of each tested version and a MongoDB server, or takes the servers that the user names.
    /// Also installs the programs that tests need to start their own servers.
    ///
    /// # Errors
    /// Returns an error if a server cannot be installed or started.
    pub(crate) fn start() -> Result<Self> {
        pgbouncer()?;
        chromedriver()?;
        axe()?;
        restorer()?;
        postgres(VERSIONS[0])?;
        let mongodb_given = std::env::var(MONGODB_VARIABLE).ok();
        let mongod = match mongodb_given {
            Some(_) => None,
            None => Some(Mongod::start(&mongod()?).context("MongoDB does not start")?),
        };
        if let Ok(given) = std::env::var(VARIABLE) {
            return Ok(Self { clusters: Vec::new(), given: Some(given), mongod, mongodb_given });
        }
        let mut clusters = Vec::new();
        for version in VERSIONS {
            let programs = postgres(version)?;
            let started = Cluster::start(version, &programs);
            clusters.push(started.with_context(|| format!("PostgreSQL {version} does not start"))?);
        }
        Ok(Self { clusters, given: None, mongod, mongodb_given })
    }

    /// Returns the environment variables through which the tests find the servers.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        let urls = self.clusters.iter().map(Cluster::url).collect::<Vec<_>>().join(" ");
        let mongodb = self.mongod.as_ref().map(Mongod::url).or_else(|| self.mongodb_given.clone());
        [(VARIABLE, self.given.clone().unwrap_or(urls)), (MONGODB_VARIABLE, mongodb.unwrap_or_default())]
    }
}

//! The platform as a library, for work that is not done over HTTP: creating many tenants, reading from them.

use super::spread;
use crate::home::Home;
use anyhow::{Context, Result, anyhow, ensure};
use std::time::{Duration, Instant};
use tenantry::access::Operator;
use tenantry::access::passwords::Password;
use tenantry::config::Config;
use tenantry::name::Slug;
use tenantry::operations::State;
use tenantry::tenants::NewTenant;
use tenantry::{NewOwner, Platform};
use tokio::runtime::Runtime;

/// Password of every owner.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A platform and its runtime.
pub(crate) struct Library {
    runtime: Runtime,
    platform: Platform,
    made: u32,
}

/// Returns the slug of tenant number `n`.
pub(crate) fn slug(n: u32) -> String {
    format!("company-{n}")
}

/// Returns the e-mail address of its owner, if it has one.
pub(crate) fn owner(n: u32) -> String {
    format!("owner-{n}@example.com")
}

impl Library {
    /// Opens the installation.
    pub(crate) fn open(home: &Home) -> Result<Self> {
        let runtime = Runtime::new()?;
        let config = Config::load(&home.config()).map_err(|problems| anyhow!("{problems}"))?;
        let platform = runtime.block_on(async {
            let platform = Platform::open(config).await?;
            platform.plans().initialise(&Operator::new("system")).await?;
            Ok::<_, tenantry::Error>(platform)
        })?;
        Ok(Self { runtime, platform, made: 0 })
    }

    /// Continues the numbering after existing tenants.
    pub(crate) fn skip(&mut self, made: u32) {
        self.made += made;
    }

    /// Creates the next `count` tenants, one after another, without members; returns how many per second.
    pub(crate) fn create(&mut self, count: u32) -> Result<f64> {
        let started = Instant::now();
        for _ in 0..count {
            self.create_next(false)?;
        }
        Ok(f64::from(count) / started.elapsed().as_secs_f64())
    }

    /// Creates the next `count` tenants, each with an owner, whose password takes time to hash.
    pub(crate) fn create_with_owners(&mut self, count: u32) -> Result<()> {
        (0..count).try_for_each(|_| self.create_next(true))
    }

    fn create_next(&mut self, with_owner: bool) -> Result<()> {
        self.made += 1;
        let n = self.made;
        let tenant = NewTenant { slug: Slug::parse(&slug(n))?, name: slug(n), email: owner(n) };
        let owner = with_owner.then(|| NewOwner {
            email: owner(n),
            name: owner(n),
            password: Password::new(PASSWORD),
        });
        let by = Operator::new("system");
        let tenants = self.platform.tenants();
        let made = tenants.create(&by, tenant, None, owner);
        self.runtime.block_on(made).with_context(|| format!("cannot create {}", slug(n)))?;
        Ok(())
    }

    /// Inserts a tenant's first patient.
    pub(crate) fn insert(&self, n: u32) -> Result<()> {
        let slug = Slug::parse(&slug(n))?;
        self.runtime.block_on(async {
            let tenant = self.platform.tenants().enter(&Operator::new("system"), &slug).await?;
            let row = serde_json::Map::from_iter([("name".to_owned(), "Patient".into())]);
            self.platform.records(&tenant, "patients")?.create(&row).await
        })?;
        Ok(())
    }

    /// Reads a tenant's first patient, from the slug to the JSON; returns the duration.
    pub(crate) fn read(&self, n: u32) -> Result<Duration> {
        let (slug, by) = (Slug::parse(&slug(n))?, Operator::new("system"));
        let started = Instant::now();
        let body = self.runtime.block_on(async {
            let tenant = self.platform.tenants().enter(&by, &slug).await?;
            let want = tenantry::records::Want::default();
            self.platform.records(&tenant, "patients")?.get("1", &want).await
        })?;
        let taken = started.elapsed();
        anyhow::ensure!(!body.body.is_empty(), "an empty record");
        Ok(taken)
    }

    /// Inserts `count` patients into a tenant.
    pub(crate) fn fill(&self, n: u32, count: usize) -> Result<()> {
        const BATCH: usize = 500;
        let slug = Slug::parse(&slug(n))?;
        let patient = |i: usize| {
            let address = format!("{} Green street, house {}", spread(i as u64), i % 97);
            let fields = [("name", format!("Patient {i}")), ("address", address)];
            serde_json::Map::from_iter(fields.map(|(name, value)| (name.to_owned(), value.into())))
        };
        self.runtime.block_on(async {
            let tenant = self.platform.tenants().enter(&Operator::new("system"), &slug).await?;
            let patients = self.platform.records(&tenant, "patients")?;
            for from in (0..count).step_by(BATCH) {
                let rows: Vec<_> = (from..count.min(from + BATCH)).map(patient).collect();
                patients.create_many(&rows).await?;
            }
            Ok(())
        })
    }

    /// Backs up tenants 1 to `count`, one after another; returns the duration.
    pub(crate) fn back_up(&self, count: u32) -> Result<Duration> {
        let started = Instant::now();
        for n in 1..=count {
            let slug = Slug::parse(&slug(n))?;
            self.runtime.block_on(async {
                let asked = self.platform.backups().start(&Operator::new("system"), &slug, None).await?;
                self.finish(asked.operation).await
            })?;
        }
        Ok(started.elapsed())
    }

    /// Stages a restore of the newest backup of tenants 1 to `count`, one after another; returns the duration. The
    /// staged databases are removed outside the measured time.
    pub(crate) fn restore(&self, count: u32) -> Result<Duration> {
        let (mut taken, by) = (Duration::ZERO, Operator::new("system"));
        for n in 1..=count {
            let slug = Slug::parse(&slug(n))?;
            self.runtime.block_on(async {
                let newest = self.platform.backups().of_tenant(&slug, 1).await?.pop().context("no backup")?;
                let started = Instant::now();
                let operation = self.platform.restores().start(&by, &slug, &newest.id, None).await?;
                self.finish(operation).await?;
                taken += started.elapsed();
                self.platform.restores().discard(&by, &slug).await?;
                Ok::<_, anyhow::Error>(())
            })?;
        }
        Ok(taken)
    }

    async fn finish(&self, operation: i64) -> Result<()> {
        let over = self.platform.operations().wait(operation).await?;
        ensure!(over.state == State::Done, "{over:?}");
        Ok(())
    }

    /// Closes the platform.
    pub(crate) fn close(self) {
        self.runtime.block_on(self.platform.shutdown());
    }
}

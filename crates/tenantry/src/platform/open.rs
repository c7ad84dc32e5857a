//! Opens an installation: for use, to inspect its operations, or to read it when nothing can be written.
//!
//! The command line, the server and embedding programs call it. It never changes a tenant's database.

use super::{
    Platform,
    background::Passes,
    data_dir::{in_use::InUse, scratch},
    databases::platform_place,
    health::checklist::DemoPasswords,
    inner::Inner,
    loaded::{Loaded, load_apps},
    own_stores::{missing::heads_file, open_control, prepare_stores},
    servers,
};
use crate::{
    Error, Result,
    access::Access,
    apps::Apps,
    attachments::source,
    config::Config,
    control::{Control, settings::platform_id},
    licences::usage::UsageQueue,
    mail::Mailer,
    operations::{Context, Operations},
    platform::kinds::KINDS,
    records::{copies::Copies, references::leaving::LeavingRows},
    secrets::Secrets,
    tenants::databases::on_demand::CreationQueues,
    topology::{Topology, versions},
};
use arc_swap::ArcSwap;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};
use tenantry_engine::{
    engine::{CacheLimits, Engine, ServerSpec, WorkLimits},
    place::Place,
};

/// Longest time that opening waits for recovery after a crash.
const RECOVERY: Duration = Duration::from_secs(10);

impl Platform {
    /// Opens the installation: creates the directories and system stores of a new one, migrates the system stores, and
    /// finishes or undoes operations that a crash interrupted. Long recoveries continue while the platform is in use.
    /// Does not change tenant databases.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for apps or directories that cannot be used; [`Error::Unavailable`] while the
    /// platform's own stores are being restored.
    pub async fn open(config: Config) -> Result<Self> {
        let platform = Self::open_to_look(config).await?;
        platform.prepare_if_rolled_back().await?;
        platform.0.operations.recover_for(RECOVERY).await?;
        Ok(platform)
    }

    /// Opens the installation like [`Platform::open`], but finishes and undoes no operation. For commands that show or
    /// cancel operations.
    ///
    /// # Errors
    /// Returns the errors of [`Platform::open`].
    pub async fn open_to_look(config: Config) -> Result<Self> {
        let apps = load_apps(&config)?;
        let in_use = InUse::together(&config)?;
        let engine = open_engine(&config)?;
        let control = open_control(&engine, &config).await?;
        crate::backups::make_default_directory(&config)?;
        let refused = prepare_stores(&engine, &config, &apps, &control).await?;
        refused.iter().for_each(|refused| tracing::error!("{refused}"));
        versions::register(&control, apps.stores()).await?;
        let platform = Self::of(config, apps, engine, control, in_use, None).await?;
        platform.0.behind.store(Arc::new(refused));
        platform.0.operations.context().set_platform(&platform.0);
        Ok(platform)
    }

    /// Opens the installation for a command that only reads. If nothing can be written, because the disk is full or
    /// read-only, this migrates no store. If in addition no other process uses the data directory, it reads the
    /// databases as they are on disk. [`Self::refused`] then returns the reason.
    ///
    /// # Errors
    /// Returns the reason why it cannot be opened for writing, if it cannot be read without writing either.
    pub async fn open_to_read(config: Config) -> Result<Self> {
        let refused = match Self::open_to_look(config.clone()).await {
            Ok(platform) => return Ok(platform),
            // These errors name what to correct or restore.
            Err(error @ (Error::Invalid { .. } | Error::Conflict(_))) => return Err(error),
            Err(error) => error,
        };
        match Self::open_without_writing(config, refused.to_string()).await {
            Ok(platform) => Ok(platform),
            Err(error) => {
                tracing::debug!(%error, "the installation cannot be read without writing either");
                Err(refused)
            }
        }
    }

    async fn open_without_writing(config: Config, refused: String) -> Result<Self> {
        let apps = load_apps(&config)?;
        let (in_use, engine) = match InUse::alone(&config) {
            Ok(alone) => (alone, engine_with(&config, Engine::open_read_only)?),
            // A server has the catalog open, so its `-shm` file exists and the catalog can be read.
            Err(_) => (InUse::together(&config)?, engine_with(&config, Engine::open_with)?),
        };
        let place = control_place(&config)?;
        let control =
            Control::open_to_read(&engine, engine.system(&place).await?, Some(heads_file(&config))).await?;
        engine.set_platform(&platform_id(&control).await?)?;
        Self::of(config, apps, engine, control, in_use, Some(refused)).await
    }

    async fn of(
        config: Config,
        apps: Apps,
        engine: Engine,
        control: Control,
        in_use: InUse,
        refused: Option<String>,
    ) -> Result<Self> {
        let topology = Topology::new(control.clone());
        let access = Access::open(control.clone(), topology.clone(), &config)?;
        let mailer = Mailer::open(control.clone(), &config)?;
        let loaded = Loaded::new(&engine, &config, apps, None)?;
        let context = Context::new(control.clone(), topology.clone(), loaded.databases.clone(), &config)?;
        context.backups.begin(platform_id(&control).await?);
        let files = context.files.clone();
        let operations = Operations::new(context, KINDS);
        let leaving = LeavingRows::new(control.clone());
        let copies = Copies::new(&config, &control);
        let secrets = Secrets::new(&config.secrets);
        let inner = Inner {
            replica_lag: config.replica_lag(),
            config,
            engine,
            control,
            topology,
            access,
            mailer,
            operations,
            creating: CreationQueues::default(),
            files,
            loaded: ArcSwap::from_pointee(loaded),
            behind: ArcSwap::from_pointee(Vec::new()),
            reloading: tokio::sync::Mutex::default(),
            orphans: AtomicU64::new(0),
            rooms: ArcSwap::from_pointee(Vec::new()),
            passes: Passes::default(),
            demo_passwords: DemoPasswords::default(),
            leaving,
            copies,
            secrets,
            usage: UsageQueue::default(),
            attachments_checked: AtomicI64::new(0),
            analysing: tokio::sync::Semaphore::new(1),
            refused,
            _in_use: in_use,
        };
        scratch::sweep(&inner.config);
        let inner = Arc::new(inner);
        source::connect(&inner);
        Ok(Self(inner))
    }
}

pub(crate) fn open_engine(config: &Config) -> Result<Engine> {
    engine_with(config, Engine::open_with)
}

type OpenEngine = fn(Vec<ServerSpec>, CacheLimits, WorkLimits) -> tenantry_engine::Result<Engine>;

fn engine_with(config: &Config, open: OpenEngine) -> Result<Engine> {
    let limits = &config.limits;
    let cache = CacheLimits { open_databases: Some(limits.open_databases), ..CacheLimits::default() };
    let deadline = Some(Duration::from_millis(limits.statement_deadline_ms));
    let work =
        WorkLimits { at_once: Some(limits.blocking_threads), per_tenant: limits.tenant_threads, deadline };
    Ok(open(servers::specs(config)?, cache, work)?)
}

fn control_place(config: &Config) -> Result<Place> {
    platform_place(config.store("control").ok_or(Error::NotFound("store"))?)
}

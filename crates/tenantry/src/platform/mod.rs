//! The platform: one value that owns configuration, catalog, engine and files. It is passed on and never global.
//! Commands, the HTTP server and embedding programs all start here.

pub(crate) mod background;
pub mod databases;
pub(crate) mod in_use;
pub(crate) mod loaded;
pub(crate) mod missing;
pub(crate) mod orphans;
pub(crate) mod own_stores;
pub(crate) mod refused;
pub(crate) mod scratch;
mod verbs;

use crate::{
    Error, Result,
    access::Access,
    apps::Apps,
    backups::BackupService,
    config::Config,
    control::Control,
    mail::Mailer,
    operations::{Operations, World},
    platform::{
        databases::platform_place,
        in_use::InUse,
        loaded::{Loaded, ModelEntry, load_apps},
        missing::heads_file,
        own_stores::{open_control, prepare_stores},
        refused::Refused,
    },
    records::{Records, ReferenceLocks, Scope, files::Files},
    reroute::Making,
    topology::{Topology, versions},
};
use arc_swap::ArcSwap;
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tenantry_engine::{
    Descriptors,
    engine::{CacheLimits, Engine, ServerSpec, WorkLimits},
    model::Model,
    name::ServerName,
    place::Place,
};

/// Mode of directories: accessible only to the user who runs the platform.
const PRIVATE: u32 = 0o700;
/// How long opening waits for recovery after a crash.
const RECOVERY: Duration = Duration::from_secs(10);

/// An open installation. Cheap to clone.
#[derive(Clone)]
pub struct Platform(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
    pub(crate) control: Control,
    pub(crate) topology: Topology,
    pub(crate) access: Access,
    pub(crate) mailer: Mailer,
    pub(crate) operations: Operations,
    pub(crate) making: Making,
    pub(crate) files: Files,
    world: World,
    /// Everything compiled from the apps; see [`Platform::loaded`].
    pub(crate) loaded: ArcSwap<Loaded>,
    /// Stores of the platform, and pools, that refuse a migration of the loaded apps.
    pub(crate) behind: ArcSwap<Vec<Refused>>,
    /// Allows one reload at a time.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    /// Number of orphans that the last background pass found.
    pub(crate) orphans: AtomicU64,
    pub(crate) passes: crate::platform::background::Passes,
    pub(crate) exports: crate::export::Running,
    pub(crate) reference_locks: Arc<ReferenceLocks>,
    /// Why nothing can be written, if [`Platform::open_to_read`] had to read without writing.
    refused: Option<String>,
    _in_use: InUse,
}

impl Platform {
    /// Opens the installation: creates the directories and system stores of a new one, migrates the system
    /// stores, and finishes or undoes what a crash left. Long recoveries continue while the platform is in
    /// use. Does not change tenant databases.
    ///
    /// # Errors
    /// [`Error::Invalid`] for apps or directories that cannot be used; [`Error::Unavailable`] while the platform's own
    /// stores are restored.
    pub async fn open(config: Config) -> Result<Self> {
        let platform = Self::open_to_look(config).await?;
        platform.prepare_if_rolled_back().await?;
        platform.0.operations.recover_for(RECOVERY).await?;
        Ok(platform)
    }

    /// Like [`Platform::open`], but finishes and undoes nothing: for commands that show or cancel operations.
    ///
    /// # Errors
    /// Those of [`Platform::open`].
    pub async fn open_to_look(config: Config) -> Result<Self> {
        let apps = load_apps(&config)?;
        let in_use = InUse::together(&config)?;
        let engine = open_engine(&config)?;
        let control = open_control(&engine, &config).await?;
        crate::backups::make_default_directory(&config)?;
        let refused = prepare_stores(&engine, &config, &apps, &control).await?;
        refused.iter().for_each(|refused| tracing::error!("{refused}"));
        versions::register(&control, apps.stores()).await?;
        let platform = Self::of(config, apps, engine, control, in_use).await?;
        platform.0.behind.store(Arc::new(refused));
        Ok(platform)
    }

    /// Opens the installation for a command that only reads. If nothing can be written, because the disk is full or
    /// read-only, it migrates no store, and reads the databases as they are on disk if no other process uses the data
    /// directory. [`Self::refused`] tells that it did so.
    ///
    /// # Errors
    /// The reason why it cannot be opened for writing, if it cannot be read without writing either.
    pub async fn open_to_read(config: Config) -> Result<Self> {
        let refused = match Self::open_to_look(config.clone()).await {
            Ok(platform) => return Ok(platform),
            // It says what to correct or restore.
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
        engine.set_platform(&crate::control::settings::platform_id(&control).await?)?;
        let mut platform = Self::of(config, apps, engine, control, in_use).await?;
        if let Some(inner) = Arc::get_mut(&mut platform.0) {
            inner.refused = Some(refused);
        }
        Ok(platform)
    }

    async fn of(config: Config, apps: Apps, engine: Engine, control: Control, in_use: InUse) -> Result<Self> {
        let topology = Topology::new(control.clone());
        let access = Access::open(control.clone(), topology.clone(), &config)?;
        let mailer = Mailer::open(control.clone(), &config)?;
        let loaded = Loaded::new(&engine, &config, apps, None)?;
        let world = World::new(control.clone(), loaded.databases.clone(), &config)?;
        let files = world.files.clone();
        let operations = Operations::new(world.clone(), crate::kinds::KINDS);
        world.backups.begin(&operations, crate::control::settings::platform_id(&control).await?);
        let reference_locks = Arc::new(ReferenceLocks::open(&config)?);
        let inner = Inner {
            config,
            engine,
            control,
            topology,
            access,
            mailer,
            operations,
            making: Making::default(),
            files,
            world,
            loaded: ArcSwap::from_pointee(loaded),
            behind: ArcSwap::from_pointee(Vec::new()),
            reloading: tokio::sync::Mutex::default(),
            orphans: AtomicU64::new(0),
            passes: crate::platform::background::Passes::default(),
            exports: crate::export::Running::default(),
            reference_locks,
            refused: None,
            _in_use: in_use,
        };
        crate::platform::scratch::sweep(&inner.config);
        Ok(Self(Arc::new(inner)))
    }

    /// Returns the configuration it was opened with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Returns why nothing can be written, if [`Platform::open_to_read`] had to read without writing.
    pub fn refused(&self) -> Option<&str> {
        self.0.refused.as_deref()
    }

    /// Returns the apps that are loaded now, with their models and migrations.
    pub fn apps(&self) -> Arc<Apps> {
        self.loaded().apps.clone()
    }

    /// Returns the services of operations, with the databases of the apps that are loaded now.
    pub(crate) fn world(&self) -> World {
        self.0.world.with(self.loaded().databases.clone())
    }

    pub(crate) fn backup_service(&self) -> &BackupService {
        &self.0.world.backups
    }

    /// Returns the present time by the platform's clock, in microseconds since 1970, UTC.
    pub fn now_us(&self) -> i64 {
        self.0.control.now_us()
    }

    /// Checks that the control store can be read, and takes over what other processes have changed in it.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn refresh(&self) -> Result<()> {
        self.0.control.refresh().await
    }

    /// The control store, for tests: what it changes is neither authorised nor always in the audit log.
    #[doc(hidden)]
    pub fn control(&self) -> &Control {
        &self.0.control
    }

    /// Authentication and authorisation.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// Checks that every secret that serving needs could be read. Commands do not need them.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is missing.
    pub fn check_secrets(&self) -> Result<()> {
        self.0.access.check_secrets()?;
        self.0.mailer.check_secrets()
    }

    /// Operations: the journal's list, and the verbs on them.
    pub fn operations(&self) -> &Operations {
        &self.0.operations
    }

    /// Returns every model that apps declare, sorted by name.
    pub fn models(&self) -> Vec<Arc<Model>> {
        let loaded = self.loaded();
        let declared = loaded.models.values().filter(|entry| !entry.automatic);
        let mut models: Vec<_> = declared.map(|e| e.model.clone()).collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        models
    }

    /// Returns the records of a model in an entered scope. Unknown and hidden models are both absent.
    ///
    /// # Errors
    /// [`Error::NotFound`] for such a model.
    pub fn records<'a>(&'a self, scope: impl Into<Scope<'a>>, model: &str) -> Result<Records<'a>> {
        Records::new(&self.0, scope.into(), model)
    }

    /// How this process divides its file descriptors.
    pub fn descriptors(&self) -> Descriptors {
        Descriptors::of_process(self.0.config.limits.open_databases)
    }

    /// Returns each server with the free bytes of its disk, and whether that is less than `limits.disk_reserve`.
    pub fn disks(&self) -> Vec<(ServerName, u64, bool)> {
        let reserve = self.config().limits.disk_reserve;
        let known = self.0.engine.free_bytes().into_iter().filter_map(|(name, free)| Some((name, free?)));
        known.map(|(name, free)| (name, free, free < reserve)).collect()
    }

    /// Closes databases cleanly. Must be the last call.
    pub async fn shutdown(&self) {
        self.0.engine.shutdown().await;
    }
}

impl Inner {
    /// Returns the places of a model's store: one for a system store, otherwise one per tenant.
    pub(crate) async fn places_of_store(&self, entry: &ModelEntry) -> Result<Vec<Place>> {
        match &entry.place {
            Some(place) => Ok(vec![place.clone()]),
            None => crate::topology::places_of_store(&self.control, &entry.model.store).await,
        }
    }
}

pub(crate) fn open_engine(config: &Config) -> Result<Engine> {
    engine_with(config, Engine::open_with)
}

type OpenEngine = fn(Vec<ServerSpec>, CacheLimits, WorkLimits) -> tenantry_engine::Result<Engine>;

fn engine_with(config: &Config, open: OpenEngine) -> Result<Engine> {
    let mut servers = Vec::new();
    for server in &config.servers {
        make_dir(&server.path)?;
        servers.push(ServerSpec { name: server.name.clone(), root: server.path.clone() });
    }
    let limits = &config.limits;
    let cache = CacheLimits { open_databases: Some(limits.open_databases), ..CacheLimits::default() };
    let deadline = Some(std::time::Duration::from_millis(limits.statement_deadline_ms));
    let work =
        WorkLimits { at_once: Some(limits.blocking_threads), per_tenant: limits.tenant_threads, deadline };
    Ok(open(servers, cache, work)?)
}

fn control_place(config: &Config) -> Result<Place> {
    platform_place(config.store("control").ok_or(Error::NotFound("store"))?)
}

pub(crate) fn make_dir(path: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(path).map_err(|e| {
        match Error::io(path.display(), &e) {
            Error::Unavailable(_) => Error::invalid(
                "platform.data_dir",
                format!("{} cannot be made, or is none: {e}", path.display()),
            ),
            error => error,
        }
    })
}

/// Creates the data directory, or closes an existing one to other users: it holds password hashes and rows.
pub(crate) fn make_data_dir(path: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    make_dir(path)?;
    let mode = std::fs::metadata(path).map_err(|e| Error::io(path.display(), &e))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let private = std::fs::Permissions::from_mode(mode & !0o077);
    match std::fs::set_permissions(path, private) {
        Ok(()) => {
            tracing::warn!(path = %path.display(), "the data directory was open to other users and is closed to them now")
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the data directory is open to other users: chmod it to 0700")
        }
    }
    Ok(())
}

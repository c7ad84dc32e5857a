//! Builder of an installation: a directory, its configuration and its app. A test names only the parts that it is
//! about.

use crate::test_platform::TestPlatform;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use tenantry::{
    Platform, Result,
    apps::Apps,
    config::{Config, Location},
    demo,
    migrations::make,
    place::Isolation,
};
use tenantry_testkit::{
    Settings,
    postgres::{self, Home},
};
use tokio::sync::OnceCell;

/// Names of the isolations.
pub(crate) const ISOLATIONS: [&str; 2] = ["database", "pooled"];

#[derive(Clone)]
pub(crate) struct Installation {
    pub(crate) dir: PathBuf,
    settings: Settings,
    /// The only app; `None` for medadmin.
    app: Option<&'static str>,
    /// PostgreSQL home of the tenants, if the test run places them there.
    home: Arc<OnceCell<Home>>,
    _temporary: Option<Arc<TempDir>>,
}

impl Installation {
    /// Describes an installation in a temporary directory: one server of SQLite, a database for each tenant, medadmin.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let here = Self::at(dir.path());
        Self { _temporary: Some(Arc::new(dir)), ..here }
    }

    /// Describes the same installation in this directory, which outlives it.
    pub(crate) fn at(dir: &Path) -> Self {
        let settings = Settings::default().set("platform", "data_dir = \"data\"");
        Self { dir: dir.to_owned(), settings, app: None, home: Arc::default(), _temporary: None }
    }

    pub(crate) fn set(self, table: &str, line: &str) -> Self {
        Self { settings: self.settings.set(table, line), ..self }
    }

    pub(crate) fn without(self, table: &str) -> Self {
        Self { settings: self.settings.without(table), ..self }
    }

    pub(crate) fn with(self, tables: &str) -> Self {
        Self { settings: self.settings.with(tables), ..self }
    }

    pub(crate) fn isolation(self, isolation: &str) -> Self {
        Self { settings: self.settings.isolation(isolation), ..self }
    }

    pub(crate) fn two_servers(self) -> Self {
        Self { settings: self.settings.two_servers(), ..self }
    }

    pub(crate) fn free_plan(self) -> Self {
        Self { settings: self.settings.free_plan(), ..self }
    }

    /// Uses this app instead of medadmin. The first process creates its migrations.
    pub(crate) fn app(mut self, app: &'static str, models: &[(&str, &str)]) -> Self {
        self.app = Some(app);
        let folder = self.dir.join("apps").join(app);
        if !folder.exists() {
            fs::create_dir_all(folder.join("models")).unwrap();
            fs::write(folder.join("app.toml"), "").unwrap();
            models.iter().for_each(|(model, text)| self.write_model(model, text));
        }
        self.set("apps", &format!("list = [\"{app}\"]"))
    }

    /// Writes a model of the app, without a migration.
    pub(crate) fn write_model(&self, model: &str, text: &str) {
        let models = self.dir.join("apps").join(self.app.unwrap()).join("models");
        fs::write(models.join(format!("{model}.toml")), text).unwrap();
    }

    /// Writes a newer model of the app, and the migration to it. No process has loaded them.
    pub(crate) fn change_model(&self, model: &str, text: &str) {
        self.write_model(model, text);
        self.make();
    }

    /// Creates the missing migrations.
    pub(crate) fn make(&self) {
        make::make(&self.apps(), &make::Options::default(), &mut |_| None).unwrap();
    }

    pub(crate) fn apps(&self) -> Apps {
        Apps::load(&self.config()).unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub(crate) fn config(&self) -> Config {
        Config::parse("tenantry.toml", &self.settings.to_string(), &self.dir)
            .unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Opens a process, or returns the error with which it refuses to start.
    pub(crate) async fn platform(&self) -> Result<Platform> {
        if self.app.is_some_and(|app| !self.dir.join("apps").join(app).join("migrations").exists()) {
            self.make();
        }
        let mut config = self.config();
        if !self.settings.names("servers.") {
            self.switch(&mut config).await;
        }
        Platform::open(config).await
    }

    /// Places stores on PostgreSQL as the switches of the test run demand. A test's pooled tenants stay in a pool.
    async fn switch(&self, config: &mut Config) {
        let (tenants, platforms) = (postgres::switch(), postgres::holds_stores());
        if tenants.is_none() && !platforms {
            return;
        }
        let home = self.home.get_or_init(|| async { Home::new(&postgres::servers()[0]).await }).await;
        let pooled = config.stores.iter().any(|store| store.isolation == Isolation::Pooled);
        let tenants = tenants.map(|text| if pooled { "pooled".into() } else { text });
        let tenants = tenants.map(|text| Isolation::parse(&text).unwrap());
        demo::on_postgres(config, home.url(), tenants, platforms).unwrap();
        for server in &mut config.servers {
            if let Location::Postgres(postgres) = &mut server.location {
                postgres.prefix = home.prefix();
            }
        }
    }

    /// Opens a process. It finishes or undoes the operations of a dead process.
    pub(crate) async fn open(&self) -> TestPlatform {
        TestPlatform::of(self.clone(), self.platform().await.unwrap())
    }

    /// Opens a process, and adds the plans of the configuration.
    pub(crate) async fn start(&self) -> TestPlatform {
        self.open().await.with_plans().await
    }
}

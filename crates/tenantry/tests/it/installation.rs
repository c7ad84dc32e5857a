//! Builder of an installation: a directory, its configuration and its app. A test names only what it is about.

use crate::test_platform::TestPlatform;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use tenantry::{Platform, Result, apps::Apps, config::Config, migrations::make};

/// Names of the isolations.
pub(crate) const ISOLATIONS: [&str; 2] = ["database", "pooled"];

#[derive(Clone)]
pub(crate) struct Installation {
    pub(crate) dir: PathBuf,
    /// Lines of each table of the configuration.
    tables: Vec<(&'static str, Vec<String>)>,
    /// Text after the tables.
    text: String,
    /// The only app. `None`: medadmin.
    app: Option<&'static str>,
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
        let stores = ["stores.control", "stores.shared", "stores.tenant"].map(|table| (table, vec![]));
        let empty = Self {
            dir: dir.to_owned(),
            tables: stores.into(),
            text: String::new(),
            app: None,
            _temporary: None,
        };
        empty.set("platform", "data_dir = \"data\"")
    }

    /// Sets a key of a table of the configuration: `set("retention", "final_backup = false")`.
    pub(crate) fn set(mut self, table: &'static str, line: &str) -> Self {
        let key = |line: &str| line.split_once('=').expect("key = value").0.trim().to_owned();
        if !self.tables.iter().any(|(name, _)| *name == table) {
            self.tables.push((table, vec![]));
        }
        let (_, lines) = self.tables.iter_mut().find(|(name, _)| *name == table).unwrap();
        lines.retain(|other| key(other) != key(line));
        lines.push(line.to_owned());
        self
    }

    /// Removes a table of the configuration.
    pub(crate) fn without(mut self, table: &str) -> Self {
        self.tables.retain(|(name, _)| *name != table);
        self
    }

    /// Adds whole tables to the configuration.
    pub(crate) fn with(mut self, tables: &str) -> Self {
        self.text.push_str(tables);
        self
    }

    /// Separates tenants in this way.
    pub(crate) fn isolation(self, isolation: &str) -> Self {
        self.set("stores.tenant", &format!("isolation = \"{isolation}\""))
    }

    /// Has a second server, `disk`, for tenants.
    pub(crate) fn two_servers(self) -> Self {
        self.set("servers.main", "path = \"databases\"")
            .set("servers.disk", "path = \"more\"")
            .set("stores.tenant", "servers = [\"main\", \"disk\"]")
    }

    /// Has this app instead of medadmin. The first process makes its migrations.
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

    /// Makes the migrations that are missing.
    pub(crate) fn make(&self) {
        make::make(&self.apps(), &make::Options::default(), &mut |_| None).unwrap();
    }

    pub(crate) fn apps(&self) -> Apps {
        Apps::load(&self.config()).unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub(crate) fn config(&self) -> Config {
        let table = |(name, lines): &(&str, Vec<String>)| format!("[{name}]\n{}\n", lines.join("\n"));
        let text = self.tables.iter().map(table).collect::<String>() + &self.text;
        Config::parse("tenantry.toml", &text, &self.dir).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Opens a process that may be refused.
    pub(crate) async fn platform(&self) -> Result<Platform> {
        if self.app.is_some_and(|app| !self.dir.join("apps").join(app).join("migrations").exists()) {
            self.make();
        }
        Platform::open(self.config()).await
    }

    /// Opens a process; it finishes or undoes operations of a dead one.
    pub(crate) async fn open(&self) -> TestPlatform {
        TestPlatform::of(self.clone(), self.platform().await.unwrap())
    }

    /// Opens a process, and adds the plans of the configuration.
    pub(crate) async fn start(&self) -> TestPlatform {
        self.open().await.with_plans().await
    }
}

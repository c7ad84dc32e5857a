//! An installation of the real binary in a separate folder: the app of the benchmarks, migrated by the real commands.
//! Called by the suites.

use crate::process::{Server, free_port};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const CONFIG: &str = include_str!("../app/tenantry.toml");
const APP: &str = include_str!("../app/app.toml");
const MODEL: &str = include_str!("../app/models/patients.toml");
const MIGRATION: &str = include_str!("../app/migrations/0001_initial.toml");

/// A folder with configuration, app and data, and the binary that uses it.
pub(crate) struct Home {
    dir: PathBuf,
    program: PathBuf,
}

impl Home {
    /// Creates configuration, app and its first migration. Opening the installation creates the system stores.
    pub(crate) fn new(dir: &Path, program: &Path) -> Result<Self> {
        // Commands run in the folder, so the path must be valid there too.
        let home = Self { dir: dir.into(), program: program.canonicalize()? };
        let app = dir.join("apps/bench");
        std::fs::create_dir_all(app.join("models"))?;
        std::fs::write(home.config(), CONFIG)?;
        std::fs::write(app.join("app.toml"), APP)?;
        std::fs::write(home.model(), MODEL)?;
        std::fs::create_dir_all(app.join("migrations"))?;
        std::fs::write(app.join("migrations/0001_initial.toml"), MIGRATION)?;
        Ok(home)
    }

    /// Returns the path of the configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("tenantry.toml")
    }

    /// Adds a second server, to which tenants can be moved.
    pub(crate) fn add_server(&self, name: &str) -> Result<()> {
        let text = std::fs::read_to_string(self.config())?;
        let tenant = "[stores.tenant]\n";
        ensure!(text.contains(tenant), "the configuration has changed");
        let text = text.replace(tenant, &format!("{tenant}servers = [\"main\", \"{name}\"]\n"));
        let servers =
            format!("\n[servers.main]\npath = \"databases\"\n[servers.{name}]\npath = \"{name}\"\n");
        let first = "[registration]\n";
        let text = text.replace(first, &format!("{first}placement = \"first\"\n"));
        Ok(std::fs::write(self.config(), text + &servers)?)
    }

    fn model(&self) -> PathBuf {
        self.dir.join("apps/bench/models/patients.toml")
    }

    /// Adds a field to the model, with its migration.
    pub(crate) fn add_field(&self, number: usize) -> Result<()> {
        let field = format!("extra_{number}");
        let text = std::fs::read_to_string(self.model())?;
        std::fs::write(self.model(), format!("{text}\n[fields.{field}]\ntype = \"text\"\n"))?;
        let name = format!("{:04}_{field}", number + 1);
        let migration = format!(
            "app = \"bench\"\nname = \"{name}\"\n\n[[ops]]\nop = \"add_field\"\nstore = \"tenant\"\n\
             model = \"patients\"\nfield = {{ name = \"{field}\", type = \"text\" }}\n"
        );
        Ok(std::fs::write(self.dir.join(format!("apps/bench/migrations/{name}.toml")), migration)?)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.config()).current_dir(&self.dir).stdin(Stdio::null());
        command
    }

    /// Runs a command of the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<()> {
        let done = self.command().args(arguments).output().context("cannot run tenantry")?;
        let told = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "tenantry {}: {}\n{told}", arguments.join(" "), done.status);
        Ok(())
    }

    /// Starts a command of the binary and discards its output.
    pub(crate) fn start(&self, arguments: &[&str]) -> Result<Child> {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().context("cannot run tenantry")
    }

    /// Returns the file of the database whose name starts with `name`: the catalog appends a generation.
    pub(crate) fn database(&self, name: &str) -> Result<PathBuf> {
        self.databases(name)?.into_iter().next().with_context(|| format!("no database {name}"))
    }

    /// Returns the files of all databases whose names start with `name`.
    pub(crate) fn databases(&self, name: &str) -> Result<Vec<PathBuf>> {
        let dir = self.dir.join("data/databases");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let path = entry?.path();
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            if stem.starts_with(name) && path.extension().is_some_and(|e| e == "db") {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// Serves until dropped. The request log is written as by default, and discarded.
    pub(crate) fn serve(&self) -> Result<Server> {
        let port = free_port()?;
        let mut command = self.command();
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}")]).stderr(Stdio::null());
        Server::start(command, port)
    }
}

//! A copy of the sources with a separate target directory, into which bugs are put.

use super::program::{self, Outcome};
use super::sow::AWAKE;
use super::tests::Tests;
use crate::{
    servers::Servers,
    test::{ALL_BUT_BROWSER, FEATURES},
};
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The copy of the sources.
pub(crate) struct Sandbox {
    sources: PathBuf,
    target: PathBuf,
    tests: Tests,
    /// Environment that cargo sets when it runs tests.
    env: Vec<(String, String)>,
    /// Test programs, by the crate's directory and whether the program is that of `tests/it`.
    programs: BTreeMap<(String, bool), PathBuf>,
}

impl Sandbox {
    /// Copies all files that git tracks or would track. Files in `otherwise` get the contents given there. Unchanged
    /// files keep their modification time, so that cargo rebuilds little.
    pub(crate) fn new(root: &Path, otherwise: &BTreeMap<String, String>, servers: &Servers) -> Result<Self> {
        let base = crate::target_dir(root).join("bugs");
        let sandbox = Self {
            sources: base.join("src"),
            target: base.join("target"),
            tests: Tests::read(root)?,
            env: env(root)?
                .into_iter()
                .chain(servers.variables().map(|(name, urls)| (name.to_owned(), urls)))
                .collect(),
            programs: BTreeMap::new(),
        };
        let listed = Command::new("git")
            .current_dir(root)
            .args(["ls-files", "-coz", "--exclude-standard"])
            .output()?;
        ensure!(listed.status.success(), "git ls-files failed: this runs in a checkout only");
        let listed = String::from_utf8(listed.stdout)?;
        let mut there = BTreeSet::new();
        for name in listed.split('\0').filter(|name| !name.is_empty() && root.join(name).is_file()) {
            sandbox.copy(root, name, otherwise.get(name))?;
            there.insert(sandbox.sources.join(name));
        }
        remove_others(&sandbox.sources, &there)?;
        Ok(sandbox)
    }

    fn copy(&self, root: &Path, name: &str, otherwise: Option<&String>) -> Result<()> {
        let to = self.sources.join(name);
        let wanted =
            otherwise.map_or_else(|| std::fs::read(root.join(name)), |text| Ok(text.clone().into()))?;
        if std::fs::read(&to).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        if let Some(dir) = to.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(&to, wanted).with_context(|| format!("cannot write {}", to.display()))
    }

    /// Builds the test programs of all crates, once.
    pub(crate) fn build(&mut self) -> Result<()> {
        let mut command = crate::cargo(&self.sources);
        // No debugger is used on this build.
        command.env("CARGO_TARGET_DIR", &self.target).env("CARGO_PROFILE_DEV_DEBUG", "0");
        command
            .args(["test", "-q", "--lib", "--test", "it", "--no-run"])
            .args(ALL_BUT_BROWSER)
            .args(FEATURES);
        let built =
            command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit()).output()?;
        ensure!(built.status.success(), "the test programs do not build");
        for message in String::from_utf8(built.stdout)?.lines() {
            let [Some(program), Some(manifest)] = ["executable", "manifest_path"].map(|k| value(message, k))
            else {
                continue;
            };
            let dir = Path::new(manifest).parent().and_then(Path::file_name).unwrap_or_default();
            for (kind, is_it) in [("lib", false), ("test", true)] {
                if message.contains(&format!("\"kind\":[\"{kind}\"]")) {
                    self.programs.insert((dir.to_string_lossy().into_owned(), is_it), program.into());
                }
            }
        }
        Ok(())
    }

    /// Runs the tests that match `filters`, with the bug `awake` enabled.
    pub(crate) fn test(&self, package: &str, filters: &[&str], awake: Option<&str>) -> Result<Outcome> {
        let package_of = self.tests.package(package);
        let (dir, description) = package_of.with_context(|| format!("there is no package {package}"))?;
        let needed = self.tests.needed(package, filters);
        let mut passed = 0;
        for (is_it, needed) in [(false, needed.unit), (true, needed.it)] {
            if !needed {
                continue;
            }
            let program = self.programs.get(&(dir.to_owned(), is_it));
            let program = program.with_context(|| format!("{package} has no such test program"))?;
            let mut command = self.command(&self.sources.join("crates").join(dir), program);
            command.env("CARGO_PKG_NAME", package).env("CARGO_PKG_DESCRIPTION", description);
            command.env_remove(AWAKE).envs(awake.map(|bug| (AWAKE, bug))).args(filters);
            match program::run(command, &self.target)? {
                Outcome::Passed(count) => passed += count,
                caught => return Ok(caught),
            }
        }
        ensure!(passed > 0, "{package}: no test is called {}", filters.join(" or "));
        Ok(Outcome::Passed(passed))
    }

    /// Returns a command that runs the program as cargo would.
    fn command(&self, dir: &Path, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir).env("CARGO_MANIFEST_DIR", dir).envs(self.env.iter().cloned());
        command.env_remove("TENANTRY_LONG").env_remove("TENANTRY_SUITE_COUNTS");
        // Bugs of moves appear in the first few schedules.
        command.env("TENANTRY_SEEDS", "40");
        command
    }
}

/// Removes files that an earlier copy had and this copy does not have.
fn remove_others(dir: &Path, there: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, there)?;
        } else if !there.contains(&path) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Returns the table `[env]` of cargo's configuration.
fn env(root: &Path) -> Result<Vec<(String, String)>> {
    let config: toml::Table = std::fs::read_to_string(root.join(".cargo/config.toml"))?.parse()?;
    let env = config.get("env").and_then(toml::Value::as_table).into_iter().flatten();
    Ok(env.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect())
}

/// Returns the text of a member in a line of JSON. The project's paths need no escapes.
fn value<'j>(line: &'j str, key: &str) -> Option<&'j str> {
    line.split_once(&format!("\"{key}\":\""))?.1.split('"').next()
}

//! A copy of the sources with a target directory of its own, where bugs may be put.

use super::list::Bug;
use anyhow::{Context, Result, ensure};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A test that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(180);

/// The copy.
pub(crate) struct Sandbox {
    sources: PathBuf,
    target: PathBuf,
}

/// How a run of tests ended.
pub(crate) enum Outcome {
    /// All of so many passed.
    Passed(u64),
    /// This one failed, perhaps others too.
    Failed(String),
    /// It did not end.
    Hung,
}

impl Outcome {
    pub(crate) fn is_caught(&self) -> bool {
        !matches!(self, Self::Passed(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(count) => write!(f, "MISSED by {count} tests"),
            Self::Failed(test) => write!(f, "caught by {test}"),
            Self::Hung => write!(f, "caught: a test hung"),
        }
    }
}

impl Sandbox {
    /// Copies what git knows of or would. Files that did not change keep their time, so that little is built anew.
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let base = crate::target_dir(root).join("bugs");
        let sandbox = Self { sources: base.join("src"), target: base.join("target") };
        let listed = Command::new("git")
            .current_dir(root)
            .args(["ls-files", "-coz", "--exclude-standard"])
            .output()?;
        ensure!(listed.status.success(), "git ls-files failed: this runs in a checkout only");
        for name in String::from_utf8(listed.stdout)?.split('\0').filter(|name| !name.is_empty()) {
            sandbox.copy(root, name)?;
        }
        Ok(sandbox)
    }

    fn copy(&self, root: &Path, name: &str) -> Result<()> {
        let (from, to) = (root.join(name), self.sources.join(name));
        let Ok(wanted) = std::fs::read(&from) else { return Ok(()) };
        if std::fs::read(&to).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        if let Some(dir) = to.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(&to, wanted).with_context(|| format!("cannot write {}", to.display()))
    }

    /// Puts a bug in; the text of the file without it.
    pub(crate) fn plant(&self, bug: &Bug) -> Result<String> {
        let path = self.sources.join(&bug.file);
        let whole = std::fs::read_to_string(&path)?;
        ensure!(whole.matches(&bug.find).count() == 1, "bug {} does not fit the copy", bug.name);
        std::fs::write(&path, whole.replacen(&bug.find, &bug.put, 1))?;
        Ok(whole)
    }

    /// Takes it out.
    pub(crate) fn restore(&self, bug: &Bug, whole: &str) -> Result<()> {
        Ok(std::fs::write(self.sources.join(&bug.file), whole)?)
    }

    fn cargo(&self, package: &str) -> Command {
        let mut command = crate::cargo(&self.sources);
        command.env("CARGO_TARGET_DIR", &self.target);
        command.env_remove("TENANTRY_LONG").env_remove("TENANTRY_SUITE_COUNTS");
        command.args(["test", "-q", "-p", package, "--lib", "--tests"]);
        command
    }

    /// Builds the tests of a package.
    pub(crate) fn build(&self, package: &str) -> Result<()> {
        let built = self.cargo(package).arg("--no-run").status()?;
        ensure!(built.success(), "cargo test --no-run -p {package} failed");
        Ok(())
    }

    /// Runs the tests that one of `filters` names, to the first that fails.
    pub(crate) fn test(&self, package: &str, filters: &[&str]) -> Result<Outcome> {
        let log = self.target.join("tests.log");
        let (out, err) = (File::create(&log)?, File::create(self.target.join("tests.err"))?);
        let mut command = self.cargo(package);
        command.args(["--no-fail-fast", "--"]).args(filters).stdout(out).stderr(Stdio::from(err));
        let mut child = command.process_group(0).spawn()?;
        let Some(success) = wait(&mut child)? else { return Ok(Outcome::Hung) };
        let (mut passed, mut failed) = (0, None);
        for line in BufReader::new(File::open(&log)?).lines() {
            let line = line?;
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["test", "result:", _, count, "passed;", ..] = words[..] {
                passed += count.parse::<u64>().unwrap_or(0);
            }
            if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"))
            {
                failed.get_or_insert_with(|| name.to_owned());
            }
        }
        match (success, failed) {
            (true, _) => {
                ensure!(passed > 0, "{package}: no test is called {}", filters.join(" or "));
                Ok(Outcome::Passed(passed))
            }
            (false, Some(name)) => Ok(Outcome::Failed(name)),
            (false, None) => Ok(Outcome::Failed("a test that ended its process".into())),
        }
    }
}

/// Whether it succeeded; none: it took too long and was ended.
fn wait(child: &mut Child) -> Result<Option<bool>> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if Instant::now() >= until {
            // Cargo and the test it runs: they are a group of their own.
            let group = format!("-{}", child.id());
            Command::new("kill").args(["-KILL", "--", &group]).status().context("cannot end the tests")?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

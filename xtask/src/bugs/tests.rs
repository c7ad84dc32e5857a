//! Names of tests in the sources: determines which test programs a filter needs, and whether it matches any test at
//! all. It needs no build, so `tidy` can use it.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The test programs of a package that are needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Programs {
    /// True if the library's own tests are needed.
    pub(crate) unit: bool,
    /// True if `tests/it` is needed.
    pub(crate) it: bool,
}

impl Programs {
    /// Returns the programs that either of two requests needs.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { unit: self.unit || other.unit, it: self.it || other.it }
    }
}

/// Tests of all crates, by package.
pub(crate) struct Tests(BTreeMap<String, Names>);

#[derive(Default)]
struct Names {
    /// Directory below `crates`.
    dir: String,
    /// Description in the package's manifest.
    description: String,
    unit: Vec<String>,
    it: Vec<String>,
}

impl Tests {
    /// Reads the sources of all crates.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(root.join("crates"))? {
            let entry = entry?;
            let dir = entry.path();
            let manifest: toml::Table = fs::read_to_string(dir.join("Cargo.toml"))?.parse()?;
            let says = |key: &str| {
                let text = manifest["package"].get(key).and_then(toml::Value::as_str).map(str::to_owned);
                text.with_context(|| format!("{} has no {key}", dir.display()))
            };
            let name = says("name")?;
            let mut names = Names {
                dir: entry.file_name().to_string_lossy().into_owned(),
                description: says("description")?,
                ..Names::default()
            };
            collect(&dir.join("src"), "", &mut names.unit)?;
            // A crate that only renders is tested by the crates that use it.
            if dir.join("tests/it").is_dir() {
                collect(&dir.join("tests/it"), "", &mut names.it)?;
            }
            all.insert(name, names);
        }
        Ok(Self(all))
    }

    /// Returns the programs that contain tests which match a filter, or none if there are no such tests.
    pub(crate) fn named(&self, package: &str, filter: &str) -> Programs {
        let Some(names) = self.0.get(package) else { return Programs::default() };
        // A module that a macro generates has a name in capitals and is not part of the path.
        let shout =
            |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let filter: Vec<_> = filter.split("::").filter(|part| !shout(part)).collect();
        let filter = filter.join("::");
        let has = |all: &[String]| all.iter().any(|name| name.contains(&filter));
        Programs { unit: has(&names.unit), it: has(&names.it) }
    }

    /// Returns the directory of a package, below `crates`, and the description in its manifest.
    pub(crate) fn package(&self, package: &str) -> Option<(&str, &str)> {
        self.0.get(package).map(|names| (names.dir.as_str(), names.description.as_str()))
    }

    /// Returns the programs that all of these filters need.
    pub(crate) fn needed(&self, package: &str, filters: &[&str]) -> Programs {
        let each = filters.iter().map(|filter| self.named(package, filter));
        each.fold(Programs::default(), Programs::and)
    }
}

/// Collects the full names of the tests below `dir`, whose module is `module`.
fn collect(dir: &Path, module: &str, names: &mut Vec<String>) -> Result<()> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    paths.sort();
    for path in paths {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        let inner = match (module, stem) {
            (_, "mod" | "lib" | "main") => module.to_owned(),
            ("", stem) => stem.to_owned(),
            (module, stem) => format!("{module}::{stem}"),
        };
        if path.is_dir() {
            collect(&path, &inner, names)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            // Tests in a source file are in its module `tests`; elsewhere the additional name does no harm.
            for test in tests(&fs::read_to_string(&path)?) {
                names.extend([format!("{inner}::{test}"), format!("{inner}::tests::{test}")]);
            }
        }
    }
    Ok(())
}

/// Returns the functions that follow `#[test]`, with any lines in between.
fn tests(source: &str) -> Vec<&str> {
    let (mut found, mut marked) = (Vec::new(), false);
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| marked && !line.starts_with("//")) {
            found.extend(rest.split('(').next());
            marked = false;
        }
    }
    found
}

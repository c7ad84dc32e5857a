//! The list of known bugs, read from `testkit/bugs/*.toml` and checked against the sources.

use super::sow;
use super::tests::{Programs, Tests};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// A known bug.
pub(crate) struct Bug {
    /// Name of the bug, which is unique.
    pub(crate) name: String,
    /// Description of what goes wrong, for people.
    pub(crate) what: String,
    /// Path of the source file that contains the bug.
    pub(crate) file: String,
    /// Original text, which occurs once in the file.
    pub(crate) find: String,
    /// Text with the bug, which replaces the original.
    pub(crate) put: String,
    /// Package whose tests must catch the bug.
    pub(crate) package: String,
    /// Filters of the tests to run.
    pub(crate) tests: Vec<String>,
}

/// Returns all bugs, in order of file and position in it.
pub(crate) fn read(root: &Path) -> Result<Vec<Bug>> {
    let dir = root.join("testkit/bugs");
    let entries = std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    let mut bugs = Vec::new();
    for path in paths {
        let table: toml::Table = std::fs::read_to_string(&path)?.parse()?;
        let list = table.get("bug").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        for value in &list {
            bugs.push(bug(value).with_context(|| format!("in {}", path.display()))?);
        }
    }
    Ok(bugs)
}

fn bug(value: &toml::Value) -> Result<Bug> {
    let text = |key: &str| {
        let text = value.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        text.with_context(|| format!("a bug has no {key}: {value}"))
    };
    let tests = value.get("tests").and_then(toml::Value::as_array).context("a bug names no tests")?;
    Ok(Bug {
        name: text("name")?,
        what: text("what")?,
        file: text("file")?,
        find: text("find")?,
        put: text("put")?,
        package: text("package")?,
        tests: tests.iter().filter_map(|t| t.as_str().map(str::to_owned)).collect(),
    })
}

/// Returns the reasons why bugs cannot be tried: each bug must have a unique name, name existing tests, and fit the
/// current sources.
pub(crate) fn misfits(root: &Path, bugs: &[Bug]) -> Result<Vec<String>> {
    let (mut names, tests) = (BTreeSet::new(), Tests::read(root)?);
    let mut wrong = Vec::new();
    for bug in bugs {
        let mut no = |what: String| wrong.push(format!("{}: {what}", bug.name));
        if !names.insert(&bug.name) {
            no("name used twice".into());
        }
        if let Some(what) = misfit(root, bug) {
            no(what);
        }
        for filter in &bug.tests {
            if tests.named(&bug.package, filter) == Programs::default() {
                no(format!("{} has no test called {filter}", bug.package));
            }
        }
    }
    Ok(wrong)
}

fn misfit(root: &Path, bug: &Bug) -> Option<String> {
    let source = match std::fs::read_to_string(root.join(&bug.file)) {
        Ok(source) => source,
        Err(error) => return Some(format!("{}: {error}", bug.file)),
    };
    match source.matches(&bug.find).count() {
        1 if bug.tests.is_empty() => Some("names no tests".into()),
        1 if bug.find == bug.put => Some("changes nothing".into()),
        1 if sow::body(&source, bug).is_none() => Some("is in no function that runs".into()),
        1 => None,
        count => Some(format!("its text stands {count} times in {}", bug.file)),
    }
}

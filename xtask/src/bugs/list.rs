//! The list of seeded bugs, read from `testkit/bugs/*.toml` and checked against the sources.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::path::Path;

/// One bug.
pub(crate) struct Bug {
    /// Its name, unlike any other.
    pub(crate) name: String,
    /// What goes wrong, for people.
    pub(crate) what: String,
    /// The source file it goes into.
    pub(crate) file: String,
    /// What stands there; once in the file.
    pub(crate) find: String,
    /// What stands there with the bug.
    pub(crate) put: String,
    /// Package whose tests must catch it.
    pub(crate) package: String,
    /// Filters of the tests that are run.
    pub(crate) tests: Vec<String>,
}

/// All bugs, in order of file and place in it.
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

/// Every bug has a name of its own, names tests, and fits the sources as they are now. All that is wrong is
/// said at once.
pub(crate) fn check(root: &Path, bugs: &[Bug]) -> Result<()> {
    let mut names = BTreeSet::new();
    let mut wrong: Vec<String> = bugs.iter().filter_map(|bug| misfit(root, bug)).collect();
    wrong.extend(
        bugs.iter()
            .filter(|bug| !names.insert(&bug.name))
            .map(|bug| format!("{}: name used twice", bug.name)),
    );
    ensure!(wrong.is_empty(), "these bugs do not fit:\n{}", wrong.join("\n"));
    Ok(())
}

fn misfit(root: &Path, bug: &Bug) -> Option<String> {
    let found = std::fs::read_to_string(root.join(&bug.file)).map(|source| source.matches(&bug.find).count());
    let what = match found {
        Err(error) => format!("{}: {error}", bug.file),
        Ok(1) if bug.tests.is_empty() => "names no tests".into(),
        Ok(1) if bug.find == bug.put => "changes nothing".into(),
        Ok(1) => return None,
        Ok(count) => format!("its text stands {count} times in {}", bug.file),
    };
    Some(format!("{}: {what}", bug.name))
}

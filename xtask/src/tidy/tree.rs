//! Reads the project's text files. `tidy` calls it. It never follows links or enters build output.

use anyhow::{Context, Result};
use std::path::Path;

const TEXT: [&str; 10] = ["rs", "toml", "md", "sql", "html", "css", "js", "json", "yml", "sh"];
const SKIP: [&str; 6] = ["target", "tenantry-data", "data", ".git", "node_modules", ".idea"];

/// Returns every text file as (path from the root with `/`, contents), sorted by path.
pub(crate) fn read(root: &Path) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    walk(root, "", &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(dir: &Path, prefix: &str, found: &mut Vec<(String, String)>) -> Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        // A demo run leaves `data` at the root; folders with that name at other levels are part of the project.
        let skipped = SKIP.contains(&name.as_str()) && (prefix.is_empty() || name != "data");
        if kind.is_dir() && !skipped {
            walk(&entry.path(), &format!("{path}/"), found)?;
        } else if kind.is_file() && is_text(&path) {
            found.push((
                path,
                std::fs::read_to_string(entry.path()).with_context(|| format!("cannot read {name}"))?,
            ));
        }
    }
    Ok(())
}

fn is_text(path: &str) -> bool {
    path == ".ci/run" || path.rsplit_once('.').is_some_and(|(_, ending)| TEXT.contains(&ending))
}

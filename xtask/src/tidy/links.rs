//! Links between the project's pages: the file must exist, and the heading too. External links are not followed,
//! because a check must not depend on another server.

use super::Report;
use std::collections::BTreeMap;
use std::path::Path;

/// Checks every Markdown page.
pub(crate) fn check(root: &Path, files: &[(String, String)], report: &mut Report) {
    let pages: BTreeMap<&str, &str> =
        files.iter().filter(|(p, _)| p.ends_with(".md")).map(|(p, t)| (p.as_str(), t.as_str())).collect();
    for (page, text) in &pages {
        for (line, target) in links(text) {
            if let Some(why) = broken(root, &pages, page, target) {
                report.faults.push(format!("{page}:{line}: link {target}: {why}"));
            }
        }
    }
}

fn broken(root: &Path, pages: &BTreeMap<&str, &str>, page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let full = if path.is_empty() { page.to_owned() } else { resolve(page, path) };
    if !root.join(&full).exists() {
        return Some(format!("no {full}"));
    }
    let (anchor, text) = (anchor?, pages.get(full.as_str())?);
    let known = prose(text).filter(|(_, line)| line.starts_with('#')).any(|(_, line)| slug(line) == anchor);
    (!known).then(|| format!("no heading #{anchor} in {full}"))
}

/// Returns the path, from the root, to which a link on a page leads.
fn resolve(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Returns the lines outside code blocks, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(i, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((i + 1, line))
    })
}

fn links(text: &str) -> Vec<(usize, &str)> {
    let in_line = |line: &'_ str| -> Vec<(usize, usize)> {
        let starts = line.match_indices("](").map(|(i, _)| i + 2);
        starts.filter_map(|start| Some((start, start + line[start..].find([')', ' '])?))).collect()
    };
    prose(text).flat_map(|(n, line)| in_line(line).into_iter().map(move |(a, b)| (n, &line[a..b]))).collect()
}

/// Returns the anchor of a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_headings_are_found() {
        let text = "# One thing\n[a](#one-thing) [b](#two)\n```\n[c](#three)\n```\n";
        let pages = BTreeMap::from([("Cargo.toml", text)]);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let bad: Vec<_> = links(text)
            .into_iter()
            .filter(|(_, l)| broken(root, &pages, "Cargo.toml", l).is_some())
            .collect();
        assert_eq!(bad, [(2, "#two")]);
    }

    #[test]
    fn paths_are_relative_to_the_page() {
        assert_eq!(resolve("docs/guides/a.md", "../b.md"), "docs/b.md");
    }
}

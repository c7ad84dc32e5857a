//! Rules about dependencies: licences, duplicate versions, pre-releases. `tidy` calls it. `xtask/dependencies.toml`
//! lists what is allowed, each duplicate with its reason.

use super::Report;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const FILE: &str = "xtask/dependencies.toml";

/// The allowed licences and duplicates.
#[derive(Deserialize)]
struct Allowed {
    /// Licences, by their SPDX names.
    licences: BTreeSet<String>,
    /// Crates that may occur in more than one version, with reasons.
    duplicates: BTreeMap<String, String>,
}

/// The part of `cargo metadata` that is used.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// Checks every package that a Linux build of the workspace needs.
pub(crate) fn check(root: &Path, report: &mut Report) -> Result<()> {
    let text = std::fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    let allowed: Allowed = toml::from_str(&text).with_context(|| format!("cannot read {FILE}"))?;
    let mut command = crate::cargo(root);
    command.args(["metadata", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"]);
    let output = command.output().context("cannot start cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read the output of cargo metadata")?;
    report.faults.extend(faults(&metadata.packages, &allowed));
    Ok(())
}

fn faults(packages: &[Package], allowed: &Allowed) -> Vec<String> {
    let mut faults = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Package { name, version, license } in packages {
        versions.entry(name).or_default().insert(version);
        match license.as_deref().map(|text| is_allowed(text, &allowed.licences)) {
            Some(true) => {}
            Some(false) => {
                let license = license.as_deref().unwrap_or_default();
                faults.push(format!("{name} {version}: its licence, {license}, is not allowed in {FILE}"));
            }
            None => faults.push(format!("{name} {version}: names no licence")),
        }
        if version.split('+').next().is_some_and(|version| version.contains('-')) {
            faults.push(format!("{name} {version}: a pre-release"));
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    for (name, versions) in &versions {
        if !allowed.duplicates.contains_key(*name) {
            let versions: Vec<_> = versions.iter().copied().collect();
            faults.push(format!("{name}: comes as {}; give the reason in {FILE}", versions.join(" and ")));
        }
    }
    for name in allowed.duplicates.keys().filter(|name| !versions.contains_key(name.as_str())) {
        faults.push(format!("{FILE}: {name} comes once only: take it out"));
    }
    faults
}

/// Returns true if these licences satisfy an SPDX expression. A `/` is the old form of OR.
fn is_allowed(expression: &str, licences: &BTreeSet<String>) -> bool {
    let spaced =
        expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "-WITH-");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&words, &mut at, licences);
    met && at == words.len()
}

fn any(words: &[&str], at: &mut usize, licences: &BTreeSet<String>) -> bool {
    let mut met = all(words, at, licences);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at, licences);
    }
    met
}

fn all(words: &[&str], at: &mut usize, licences: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, licences);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, licences);
    }
    met
}

fn one(words: &[&str], at: &mut usize, licences: &BTreeSet<String>) -> bool {
    let word = words.get(*at).copied();
    *at += 1;
    match word {
        Some("(") => {
            let met = any(words, at, licences);
            let closed = words.get(*at) == Some(&")");
            *at += 1;
            met && closed
        }
        Some(name) => licences.contains(name),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn expressions_are_met_as_spdx_says() {
        let licences = set(&["MIT", "ISC"]);
        let met = |text| is_allowed(text, &licences);
        assert!(
            met("MIT") && met("Apache-2.0/MIT") && met("GPL-3.0 OR MIT") && met("ISC AND (GPL-3.0 OR MIT)")
        );
        assert!(!met("GPL-3.0") && !met("MIT AND GPL-3.0") && !met("MIT OR (") && !met(""));
        assert!(!met("Apache-2.0 WITH LLVM-exception"), "an exception is a licence of its own here");
    }

    #[test]
    fn licences_duplicates_and_pre_releases_are_found() {
        let package = |name: &str, version: &str, license: Option<&str>| Package {
            name: name.into(),
            version: version.into(),
            license: license.map(str::to_owned),
        };
        let packages = [
            package("a", "1.0.0", Some("MIT")),
            package("a", "2.0.0", Some("MIT")),
            package("b", "1.0.0-rc.1", Some("MIT")),
            package("c", "1.0.0+sqlite-3", Some("GPL-3.0")),
            package("d", "1.0.0", None),
        ];
        let duplicates = [("once".to_owned(), "no reason".to_owned())].into();
        let allowed = Allowed { licences: set(&["MIT"]), duplicates };
        assert_eq!(faults(&packages, &allowed).len(), 5);
    }
}

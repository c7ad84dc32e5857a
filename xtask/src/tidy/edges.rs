//! The trust boundaries: server → tenantry → engine and never back, and which crate may name which library. It reads
//! each crate's Cargo.toml, and searches the code for names that cross a boundary through a re-export.

use super::{Report, Source, code};
use anyhow::{Context, Result};
use std::path::Path;

/// Database drivers, which run statements. Only the engine may use one.
const DRIVERS: [&str; 4] = ["rusqlite", "tokio-postgres", "deadpool-postgres", "mongodb"];
/// HTTP libraries. Only the server speaks HTTP to callers.
const HTTP: [&str; 3] = ["axum", "axum-extra", "hyper"];

/// Names that the server must leave to the platform: the catalog and its transactions.
const CATALOG: [&str; 3] = [".control()", ".snapshot()", "tenantry::internals"];
/// Names that the platform must not use: parts of the engine that belong to one database, or to the engine's own tests.
const ONE_DATABASE: [&str; 3] = ["internals::", "sqlite::", "postgres::"];
/// Modules of the engine that may name a particular database: the facade and the ends of transfers, which dispatch, and
/// the databases themselves.
const DATABASES: [&str; 4] = ["engine/", "carry/ends/", "sqlite/", "postgres/"];
/// Files of the engine's neutral modules to which a database attaches its texts.
const TEXTS: [&str; 4] = ["lib.rs", "schema/plan.rs", "schema/script.rs", "schema/template.rs"];
/// Name that no request from a network may reach: the operator, an actor without credentials.
const OPERATOR: &str = "access::Operator";

/// Dependencies with which a crate must not ship.
struct Rule {
    folder: &'static str,
    forbidden: Vec<&'static str>,
}

fn rules() -> Vec<Rule> {
    let all = |lists: &[&[&'static str]]| lists.concat();
    vec![
        Rule {
            folder: "crates/engine",
            forbidden: all(&[&["tenantry", "tenantry-server", "tenantry-testkit"], &HTTP]),
        },
        Rule {
            folder: "crates/tenantry",
            forbidden: all(&[&["tenantry-server", "tenantry-testkit"], &HTTP, &DRIVERS]),
        },
        Rule {
            folder: "crates/console",
            forbidden: all(&[
                &["tenantry", "tenantry-engine", "tenantry-server", "tenantry-testkit"],
                &HTTP,
                &DRIVERS,
            ]),
        },
        Rule {
            folder: "crates/server",
            forbidden: all(&[&["tenantry-engine", "tenantry-testkit"], &DRIVERS]),
        },
    ]
}

/// Checks the manifests and the code.
pub(crate) fn check(root: &Path, sources: &[Source], report: &mut Report) -> Result<()> {
    for rule in rules() {
        let path = root.join(rule.folder).join("Cargo.toml");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: toml::Table =
            text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
        for name in shipped(&manifest).iter().filter(|name| rule.forbidden.contains(&name.as_str())) {
            report.faults.push(format!("{}: must not depend on {name}", rule.folder));
        }
        names(&rule, sources, report);
    }
    absent("crates/server/src/", &CATALOG, sources, report);
    absent("crates/server/src/http/", &[OPERATOR, "Operator::new"], sources, report);
    absent("crates/tenantry/src/", &ONE_DATABASE, sources, report);
    neutral(sources, report);
    Ok(())
}

/// Searches the modules of the engine that all databases share for names of a particular database.
fn neutral(sources: &[Source], report: &mut Report) {
    let shared: Vec<&Source> = sources.iter().filter(|source| is_shared(&source.path)).collect();
    for source in shared {
        absent(&source.path, &["sqlite::", "postgres::"], std::slice::from_ref(source), report);
    }
}

/// Returns true for a file of the engine that belongs to no particular database.
fn is_shared(path: &str) -> bool {
    let Some(file) = path.strip_prefix("crates/engine/src/") else { return false };
    !TEXTS.contains(&file) && !DATABASES.iter().any(|folder| file.starts_with(folder))
}

/// Searches the code of a folder, without its tests, for texts that must not be there.
fn absent(folder: &str, texts: &[&str], sources: &[Source], report: &mut Report) {
    for source in sources.iter().filter(|source| source.path.starts_with(folder)) {
        let code = code::without_tests(&source.code);
        for (line, text) in code.lines().enumerate() {
            for name in texts.iter().filter(|name| text.contains(**name)) {
                report.faults.push(format!("{}:{}: must not use {name}", source.path, line + 1));
            }
        }
    }
}

/// Returns the packages that ship: normal and build dependencies, of any target, under their real names.
fn shipped(manifest: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let tables = targets.into_iter().flat_map(|t| t.values().filter_map(toml::Value::as_table));
    for table in std::iter::once(manifest).chain(tables) {
        for kind in ["dependencies", "build-dependencies"] {
            for (name, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                let package = value.get("package").and_then(toml::Value::as_str);
                found.push(package.unwrap_or(name).to_owned());
            }
        }
    }
    found
}

/// Searches the code for the forbidden names, which a re-export could introduce.
fn names(rule: &Rule, sources: &[Source], report: &mut Report) {
    let folder = format!("{}/src/", rule.folder);
    // A file named tests.rs is a test module, which does not ship.
    let ships = |s: &&Source| s.path.starts_with(&folder) && !s.path.ends_with("/tests.rs");
    for source in sources.iter().filter(ships) {
        let code = code::without_tests(&source.code);
        for name in rule.forbidden.iter().filter(|name| **name != "tenantry") {
            for line in code::lines_with(&code, &name.replace('-', "_")) {
                report.faults.push(format!("{}:{line}: must not name {name}", source.path));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_one_database_are_told_from_shared_ones() {
        assert!(is_shared("crates/engine/src/list/filter.rs"));
        for own in ["sqlite/session.rs", "engine/mod.rs", "lib.rs"] {
            assert!(!is_shared(&format!("crates/engine/src/{own}")), "{own}");
        }
        assert!(!is_shared("crates/tenantry/src/records/mod.rs"));
    }

    #[test]
    fn renamed_and_target_dependencies_are_seen_and_dev_ones_are_not() {
        let text = "[dependencies]\nsql = { package = \"rusqlite\" }\n[dev-dependencies]\nmongodb = \"1\"\n\
                    [target.'cfg(unix)'.build-dependencies]\naxum.workspace = true\n";
        let manifest: toml::Table = text.parse().unwrap_or_default();
        assert_eq!(shipped(&manifest), ["rusqlite", "axum"]);
    }
}

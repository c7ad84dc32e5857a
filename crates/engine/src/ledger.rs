//! The ledger of a database: the migrations that it has, that it lacks, and that are not known here.
//!
//! This module contains only rules: each database reads and writes its own ledger.

use crate::{
    error::{Error, Kind, Result},
    name::StoreName,
};
use std::collections::{BTreeMap, BTreeSet};

/// The result of a run of migrations on one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrateReport {
    /// Migrations that this run applied, as `app/name`, in order.
    pub applied: Vec<String>,
    /// Migrations that the database has but the platform does not know, because a newer version of an app applied them.
    pub unknown: Vec<String>,
}

/// The migrations of one store that a database has: `app/name` → checksum.
pub(crate) type Applied = BTreeMap<String, String>;

/// A migration that this process has loaded.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) app: String,
    pub(crate) name: String,
    pub(crate) checksum: String,
}

impl Loaded {
    /// Returns `app/name`.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.app, self.name)
    }
}

/// Returns the name of a migration in the ledger. It includes the store, because a migration may touch several stores,
/// and stores may share a database.
pub(crate) fn name_in(store: &StoreName, migration: &str) -> String {
    format!("{store}/{migration}")
}

/// Returns `app/name` for an entry of the ledger; `None` if the entry belongs to another store.
pub(crate) fn id_of(store: &StoreName, app: &str, name: &str) -> Option<String> {
    let (of, migration) = name.split_once('/')?;
    (of == store.as_str()).then(|| format!("{app}/{migration}"))
}

/// Returns the loaded migrations that a database lacks, in order.
///
/// # Errors
/// Returns [`Kind::Statement`] if an applied migration was changed, or comes after a missing one of the same app.
pub(crate) fn missing<'m>(
    loaded: impl IntoIterator<Item = &'m Loaded>,
    applied: &Applied,
) -> Result<Vec<&'m Loaded>> {
    let mut missing: Vec<&Loaded> = Vec::new();
    for migration in loaded {
        match applied.get(&migration.id()) {
            Some(checksum) if *checksum == migration.checksum => {
                if let Some(skipped) = missing.iter().find(|m| m.app == migration.app) {
                    return Err(refuse(format!(
                        "migration {} was added before {}, which this database has already: give it a later number",
                        skipped.id(),
                        migration.id()
                    )));
                }
            }
            Some(_) => {
                return Err(refuse(format!(
                    "migration {} was changed after it had been applied here: restore the file and put the change \
                     into a new migration",
                    migration.id()
                )));
            }
            None => missing.push(migration),
        }
    }
    Ok(missing)
}

/// Returns the migrations that a database has but that are not loaded, as `app/name`.
pub(crate) fn unknown<'m>(loaded: impl IntoIterator<Item = &'m Loaded>, applied: &Applied) -> Vec<String> {
    let known: BTreeSet<String> = loaded.into_iter().map(Loaded::id).collect();
    applied.keys().filter(|id| !known.contains(*id)).cloned().collect()
}

/// Refuses to migrate a database if a newer version of an app with missing migrations has migrated it before.
///
/// # Errors
/// Returns [`Kind::Statement`] if a newer version of such an app has migrated the database.
pub(crate) fn refuse_newer(missing: &[String], unknown: &[String]) -> Result<()> {
    let app = |id: &str| id.split('/').next().map(str::to_owned);
    match unknown.iter().find(|u| missing.iter().any(|m| app(m) == app(u))) {
        None => Ok(()),
        Some(newer) => Err(refuse(format!(
            "the database has migration {newer}, which is not known here, and lacks {}: bring the apps to the version \
             that made it",
            missing.join(", ")
        ))),
    }
}

/// Refuses a database that does not have exactly the known migrations. `what` names the database in the error.
///
/// # Errors
/// Returns [`Kind::SchemaAhead`] if the database has other migrations, and [`Kind::SchemaBehind`] if it lacks some.
pub(crate) fn require_all(missing: &[String], unknown: &[String], what: &str) -> Result<()> {
    refuse_unknown(unknown, what)?;
    match missing.first() {
        Some(missing) => Err(Error::new(Kind::SchemaBehind, format!("{what} lacks {missing}"))),
        None => Ok(()),
    }
}

/// Refuses a database that has migrations that are not known here. `what` names the database in the error.
///
/// # Errors
/// Returns [`Kind::SchemaAhead`] if the database has such migrations.
pub(crate) fn refuse_unknown(unknown: &[String], what: &str) -> Result<()> {
    match unknown.first() {
        Some(unknown) => {
            Err(Error::new(Kind::SchemaAhead, format!("{what} has {unknown}, which is not known here")))
        }
        None => Ok(()),
    }
}

fn refuse(detail: String) -> Error {
    Error::new(Kind::Statement(detail.clone()), detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(list: &[(&str, &str)]) -> Vec<Loaded> {
        let known = |(app, name): &(&str, &str)| Loaded {
            app: (*app).into(),
            name: (*name).into(),
            checksum: format!("{app} {name}"),
        };
        list.iter().map(known).collect()
    }

    fn applied(list: &[(&str, &str)]) -> Applied {
        known(list).into_iter().map(|migration| (migration.id(), migration.checksum)).collect()
    }

    #[test]
    fn a_ledger_tells_what_is_missing_and_what_is_not_known() {
        let known = known(&[("a", "1"), ("b", "1"), ("a", "2")]);
        let ids = |applied: &Applied| {
            missing(&known, applied).map(|list| list.iter().map(|m| m.id()).collect::<Vec<_>>())
        };
        assert_eq!(ids(&applied(&[])).unwrap(), ["a/1", "b/1", "a/2"]);
        assert_eq!(ids(&applied(&[("a", "1"), ("a", "2")])).unwrap(), ["b/1"], "another app");
        assert!(ids(&applied(&[("a", "2")])).unwrap_err().detail().contains("a/1 was added before a/2"));
        let mut changed = applied(&[("a", "1")]);
        changed.insert("a/1".into(), "another".into());
        assert!(ids(&changed).unwrap_err().detail().contains("a/1 was changed"));
        let later = applied(&[("a", "1"), ("a", "3"), ("c", "1")]);
        assert_eq!(unknown(&known, &later), ["a/3", "c/1"]);
    }

    #[test]
    fn a_database_of_newer_apps_is_not_migrated() {
        let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        refuse_newer(&list(&["b/1"]), &list(&["a/9"])).unwrap();
        assert!(matches!(
            refuse_newer(&list(&["a/2"]), &list(&["a/9"])).unwrap_err().kind(),
            Kind::Statement(_)
        ));
        let kind = |missing: &[&str], unknown: &[&str]| {
            require_all(&list(missing), &list(unknown), "it").map_err(|error| error.kind().clone())
        };
        assert_eq!(kind(&[], &[]), Ok(()));
        assert_eq!(kind(&["a/1"], &[]), Err(Kind::SchemaBehind));
        assert_eq!(kind(&["a/1"], &["b/1"]), Err(Kind::SchemaAhead));
    }

    #[test]
    fn a_line_of_the_ledger_is_about_one_store() {
        let store = StoreName::parse("tenant").unwrap();
        assert_eq!(
            id_of(&store, "clinic", &name_in(&store, "0001_step")).as_deref(),
            Some("clinic/0001_step")
        );
        assert_eq!(id_of(&store, "clinic", "shared/0001_step"), None);
    }
}

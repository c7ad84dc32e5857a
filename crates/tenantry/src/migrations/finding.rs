//! What `check` finds, in words with the remedy.

use crate::{counted, platform::own_stores::refused::Refused, records::Dependence};
use std::fmt;
use tenantry_engine::{
    Drift, Fault,
    name::{FieldName, ModelName, Slug},
    place::{Isolation, Place},
    query::RecordId,
};

/// A fault that the check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The database, as the catalog names it. `None`: the apps themselves.
    pub place: Option<Place>,
    /// The tenant whose database, or whose rows in a pool, it is. `None`: a database of the platform, or a pool.
    pub tenant: Option<Slug>,
    /// The fault.
    pub what: What,
}

/// Kind of fault.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// Models of this app changed and no migration makes the change.
    ModelsChanged(String),
    /// Migrations that have not run here.
    Pending(Vec<String>),
    /// A migration is refused here, so the database stays at its schema version.
    Refused(Refused),
    /// Migrations that ran here and that the installed apps do not have.
    Unknown(Vec<String>),
    /// A definition differs from what the migrations produce.
    Drift(Drift),
    /// Tables and views that no model declares. No fault: a migration's own statements may make them.
    Undeclared(Vec<String>),
    /// What is derived from the rows is wrong, or a value is not one that its field allows.
    Contents(Fault),
    /// References to missing rows of another store.
    Dangling {
        /// The referring model.
        model: ModelName,
        /// Its field.
        field: FieldName,
        /// The model referred to.
        to: ModelName,
        /// Ids of the missing rows.
        ids: Vec<RecordId>,
    },
    /// Records whose references disagree: a city that does not lie in the record's region.
    Disagreeing {
        /// Their model.
        model: ModelName,
        /// The rule.
        rule: Dependence,
        /// Number of such records.
        count: u64,
        /// Ids of the first of them.
        ids: Vec<RecordId>,
    },
    /// The database could not be read. Code and detail of the error.
    Unreadable(&'static str, String),
    /// The file in this place belongs to another tenant, store or installation.
    NotItsOwn,
    /// Writes are refused, and no operation is working on the tenant that would allow them again.
    Fenced,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}: ", place.physical)?;
        }
        match &self.what {
            What::ModelsChanged(app) => {
                write!(f, "models of app `{app}` changed without a migration; run: tenantry migrate make")
            }
            What::Refused(refused) => refused.fmt(f),
            What::Pending(ids) => write!(f, "migrations have not run: {}", ids.join(", ")),
            What::Unknown(ids) => write!(f, "has migrations that are not installed: {}", ids.join(", ")),
            What::Drift(drift) => drift.fmt(f),
            What::Undeclared(objects) => write!(
                f,
                "has what no model declares, which no move to another kind of server or isolation takes along: {}",
                objects.join(", ")
            ),
            What::Contents(fault) => write!(f, "{fault}; {}", self.repair(fault)),
            What::Dangling { model, field, to, ids } => {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                write!(f, "{model}.{field} refers to {to} that are not there: {}", ids.join(", "))
            }
            What::NotItsOwn => self.not_its_own(f),
            What::Fenced => write!(
                f,
                "is fenced, and no operation is working on it: a newer database replaced it that the catalog does not \
                 know; {}",
                self.restore()
            ),
            What::Disagreeing { model, rule, count, ids } => {
                let Dependence { field, to, through, with } = rule;
                let some = if *count > ids.len() as u64 { ", …" } else { "" };
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "{} of {model} with a {field} whose {through} in {to} is not the record's {with}: {}{some}; \
                     correct them, or say `consistent = false` at {model}.{field}",
                    counted(count, "record"),
                    ids.join(", ")
                )
            }
            What::Unreadable(code, detail) => {
                write!(f, "cannot be checked ({code}): {detail}")?;
                match self.remedy() {
                    Some(remedy) => write!(f, "; {remedy}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Finding {
    /// Returns true if it is worth knowing and no fault.
    pub fn is_notice(&self) -> bool {
        matches!(self.what, What::Undeclared(_))
    }

    /// Says that the database in this place is another one.
    fn not_its_own(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.place.as_ref().map_or("?", |place| place.server.as_str());
        let is_pooled = self.place.as_ref().is_some_and(|place| place.isolation.is_pooled());
        match &self.tenant {
            Some(slug) if is_pooled => write!(
                f,
                "this pool on server {server} was made anew and has no rows of {slug}; restore its tenants: tenantry \
                 restore all"
            ),
            _ => write!(
                f,
                "this file on server {server} belongs to another tenant, store or installation; put the right one back, \
                 or {}",
                self.restore()
            ),
        }
    }

    /// What to do about a database that could not be read.
    fn remedy(&self) -> Option<String> {
        let (What::Unreadable(code, _), Some(place)) = (&self.what, &self.place) else { return None };
        Some(match *code {
            "server_unknown" => format!(
                "put server {} back into tenantry.toml, or, where it is there, restart this process",
                place.server
            ),
            "no_access" => {
                "give the file to the user that runs this program, readable and writable, on a writable disk"
                    .into()
            }
            "no_database" => format!("look whether its disk is there; else {}", self.restore()),
            "database_damaged" | "disk_failed" => format!("put the right file back, or {}", self.restore()),
            _ => return None,
        })
    }

    /// Returns the command that corrects the contents of the database.
    fn repair(&self, fault: &Fault) -> String {
        let of = match (&self.tenant, &self.place) {
            (Some(slug), Some(place)) => format!("{slug} --store {}", place.store),
            (None, Some(place)) => format!("--system {}", place.store),
            (_, None) => "SLUG".to_owned(),
        };
        match fault {
            Fault::Values { .. } => format!("correct them: tenantry sql --write {of} \"UPDATE …\""),
            _ => format!("make it anew from the records: tenantry sql --write {of} REINDEX"),
        }
    }

    /// Returns the command that restores the database.
    fn restore(&self) -> String {
        match (&self.place, &self.tenant) {
            (_, Some(slug)) => format!("restore a backup: tenantry restore swap {slug} latest"),
            (Some(Place { isolation: Isolation::Pooled, store, .. }), None) => {
                format!("stop the servers and run: tenantry restore pool {store}, then tenantry restore all")
            }
            (_, None) => "stop the servers and run: tenantry restore system".to_owned(),
        }
    }
}

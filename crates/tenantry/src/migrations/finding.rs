//! Findings of `check`, in words with the remedy.

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
    /// Place of the database in the catalog; `None` if the fault is in the apps.
    pub place: Option<Place>,
    /// Tenant to whom the database, or the rows in a pool, belong; `None` for a database of the platform, or for a
    /// pool.
    pub tenant: Option<Slug>,
    /// Description of the fault.
    pub what: What,
}

/// Kind of fault.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// The models of this app were changed, but no migration makes the change.
    ModelsChanged(String),
    /// Ids in a file of a language of an app that name nothing.
    UnknownText {
        /// Name of the file.
        file: String,
        /// Id of the text.
        id: String,
    },
    /// These migrations have not run in the database.
    Pending(Vec<String>),
    /// A migration was refused, so the database stays at its schema version.
    Refused(Refused),
    /// These migrations ran in the database, but the installed apps do not have them.
    Unknown(Vec<String>),
    /// A definition differs from what the migrations produce.
    Drift(Drift),
    /// No model declares these tables and views. This is not a fault: a migration's own statements may create them.
    Undeclared(Vec<String>),
    /// Values derived from the rows are wrong, or a field does not allow a value.
    Contents(Fault),
    /// Rows refer to missing rows of another store.
    Dangling {
        /// Name of the referring model.
        model: ModelName,
        /// Name of the referring field.
        field: FieldName,
        /// Name of the model to which the field refers.
        to: ModelName,
        /// Ids of the missing rows.
        ids: Vec<RecordId>,
    },
    /// References of the same record disagree: for example, a city is not in the record's region.
    Disagreeing {
        /// Name of the records' model.
        model: ModelName,
        /// Rule that the records break.
        rule: Dependence,
        /// Number of such records.
        count: u64,
        /// Ids of the first of these records.
        ids: Vec<RecordId>,
    },
    /// The database could not be read. Code and detail of the error.
    Unreadable(&'static str, String),
    /// The file in this place belongs to another tenant, store or installation.
    NotItsOwn,
    /// The place refuses writes, and no open operation on the tenant will allow them again.
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
            What::UnknownText { file, id } => {
                write!(f, "{file}: `{id}` names no model, field, choice, role or plan; correct or remove it")
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
    /// Returns true if the finding is worth knowing but is not a fault.
    pub fn is_notice(&self) -> bool {
        matches!(self.what, What::Undeclared(_))
    }

    /// Writes that the database in this place is not the one that belongs there.
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

    /// Returns the remedy for a database that could not be read.
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

//! Explains why the database refused a change, in terms of fields and models.

use super::run::Run;
use crate::{
    cell::{Key, Stored},
    error::{Error, Kind, Result},
    model::OnDelete,
    schema::{Plan, refs},
};
use rusqlite::{ffi, params, types::ToSql};

/// The kind of statement that failed.
pub(super) enum Failed<'a> {
    /// An insert of all declared fields.
    Values(&'a [Stored<'a>]),
    /// An update of some columns.
    Changes(&'a [(usize, Stored<'a>)]),
    /// A delete.
    Delete(Key),
    /// A read, which changes nothing.
    Read,
}

/// Returns the error, with names of fields or models if the result code allows it.
pub(super) fn explain(run: &Run<'_>, plan: &Plan, error: rusqlite::Error, failed: &Failed<'_>) -> Error {
    let rusqlite::Error::SqliteFailure(failure, message) = &error else { return error.into() };
    let message = message.as_deref().unwrap_or("");
    let kind = match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Kind::Unique(fields(plan, message))
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => match reference(run, plan, failed) {
            Ok(kind) => kind,
            Err(error) => return error,
        },
        _ => return error.into(),
    };
    Error::with_source(kind, plan.model.name.as_str(), error)
}

/// Extracts the field names from `UNIQUE constraint failed: patients.tenant_id, patients.email`, without table and
/// tenant.
fn fields(plan: &Plan, message: &str) -> Vec<String> {
    let list = message.split_once(": ").map_or("", |(_, list)| list);
    let names = list.split(", ").filter_map(|name| Some(name.split_once('.')?.1.to_owned()));
    names.filter(|name| plan.column(name).is_some()).collect()
}

/// Returns the field that refers to a missing record, or the model that still refers to the deleted row.
fn reference(run: &Run<'_>, plan: &Plan, failed: &Failed<'_>) -> Result<Kind> {
    let fallback = || Kind::Reference(plan.model.name.to_string());
    match failed {
        Failed::Delete(id) => {
            for referrer in plan.referrers.iter().filter(|r| r.on_delete == OnDelete::Protect) {
                if holds(run, referrer.model.as_str(), referrer.field.as_str(), id)? {
                    return Ok(Kind::Reference(referrer.model.to_string()));
                }
            }
            Ok(fallback())
        }
        Failed::Values(values) => {
            let given = values.iter().enumerate().map(|(index, value)| (index + 1, value));
            Ok(dangling(run, plan, given)?.unwrap_or_else(fallback))
        }
        Failed::Changes(values) => {
            let given = values.iter().map(|(position, value)| (*position, value));
            Ok(dangling(run, plan, given)?.unwrap_or_else(fallback))
        }
        Failed::Read => Ok(fallback()),
    }
}

fn dangling<'a>(
    run: &Run<'_>,
    plan: &Plan,
    given: impl Iterator<Item = (usize, &'a Stored<'a>)>,
) -> Result<Option<Kind>> {
    for (position, value) in given.filter(|(_, value)| **value != Stored::Null) {
        let name = &plan.columns[position].name;
        let target = refs(&plan.model).find(|(field, ..)| field.name == *name).map(|(_, to, _)| to);
        let Some(target) = target.filter(|to| run.schema.model(to.as_str()).is_some()) else { continue };
        if !holds(run, target.as_str(), "id", value)? {
            return Ok(Some(absent(name.as_str(), target.as_str(), value)));
        }
    }
    Ok(None)
}

/// Returns the error for a reference to a missing record. Uses the same words as the platform's check of references
/// into another store.
fn absent(field: &str, target: &str, id: &Stored<'_>) -> Kind {
    let id = match id {
        Stored::Integer(id) => id.to_string(),
        Stored::Text(id) => id.to_string(),
        Stored::Null => String::new(),
    };
    Kind::Invalid(field.into(), format!("there is no record {id} of {target}"))
}

fn holds(run: &Run<'_>, model: &str, field: &str, value: &dyn ToSql) -> Result<bool> {
    let plan = run.schema.require(model)?;
    let sql = format!("SELECT 1 FROM {} AND t.[{field}] = ?2 LIMIT 1", plan.texts(run.who.isolation).from);
    let mut statement = run.conn.prepare_cached(&sql)?;
    Ok(statement.exists(params![run.who.tenant, value])?)
}

//! Explains why the database refused a change, in terms of fields and models. It finds them by the names of keys and
//! indexes.

use super::statements::{Does, Part};
use crate::{
    cell::Stored,
    error::{Error, Kind},
    postgres::{connections::Failed, schema::names},
    schema::Plan,
};
use tokio_postgres::error::{DbError, SqlState};

/// Returns the error, with names of fields or models if the refusal allows it.
pub(super) fn explain(plan: &Plan, part: &Part<'_>, failed: Failed) -> Error {
    let Some(refused) = failed.error.as_db_error() else { return failed.into() };
    let kind = match refused.code() {
        code if *code == SqlState::UNIQUE_VIOLATION => Some(unique(plan, refused)),
        code if *code == SqlState::FOREIGN_KEY_VIOLATION => Some(reference(plan, part, refused)),
        _ => None,
    };
    match kind {
        Some(kind) => Error::with_source(kind, plan.model.name.as_str(), failed.error),
        None => failed.into(),
    }
}

fn unique(plan: &Plan, refused: &DbError) -> Kind {
    let fields = refused.constraint().and_then(|name| names::unique_fields(&plan.model, name));
    Kind::Unique(fields.unwrap_or_default())
}

/// Returns the field that refers to a missing record, or the model that still refers to the deleted row.
fn reference(plan: &Plan, part: &Part<'_>, refused: &DbError) -> Kind {
    let given = |position: usize| match &part.does {
        Does::Insert(values) => values.get(position - 1),
        Does::Update(_, values) => values.iter().find(|(p, _)| *p == position).map(|(_, value)| value),
        Does::SetNull(..) | Does::Delete => None,
    };
    if matches!(part.does, Does::Delete) {
        // The error names the table whose rows refer.
        let referrer = refused.table().unwrap_or(plan.model.name.as_str());
        return Kind::Reference(referrer.into());
    }
    let field = refused.constraint().and_then(|name| names::reference_field(&plan.model, name));
    let absent = field.and_then(|field| {
        let (position, _) = plan.require(field.name.as_str()).ok()?;
        let (_, target, _) = crate::schema::refs(&plan.model).find(|(f, ..)| f.name == field.name)?;
        Some(absent(field.name.as_str(), target.as_str(), given(position)?))
    });
    absent.unwrap_or_else(|| Kind::Reference(plan.model.name.to_string()))
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

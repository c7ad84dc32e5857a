//! Names the migration and the statement in the error of a step.

use crate::{
    error::{Error, Kind},
    ledger::Loaded,
    postgres::{
        connections::refusal,
        schema::{ddl::Step, raw},
    },
    refused::RefusedRows,
};
use tokio_postgres::error::SqlState;

/// Adds the migration and the step to its error.
pub(super) fn in_step(migration: &Loaded, step: &Step, error: Error) -> Error {
    match step {
        Step::Sql(sql) | Step::Raw(sql) => in_statement(migration, Some(sql), error),
        Step::Index(index) => in_statement(migration, Some(&index.create()), error),
        Step::Refuse { .. } => in_statement(migration, None, error),
    }
}

/// Adds the migration and the statement to its error. Keeps the kind of the error if its cause is not the statement.
pub(super) fn in_statement(migration: &Loaded, sql: Option<&str>, error: Error) -> Error {
    let named = |what: &str| format!("migration {}: {what}", migration.id());
    if let Some(reference) = dangling(&error) {
        let detail = named(&reference.1);
        return Error::with_source(Kind::Reference(reference.0), detail, error);
    }
    let why = match (error.kind(), refusal(&error)) {
        _ if is_about_rows(&error) => error.detail().to_owned(),
        (_, Some(refused)) => refused.to_string().replace('\n', "; "),
        (Kind::Denied(_), None) => raw::REFUSED.into(),
        _ => error.detail().to_owned(),
    };
    let text = match sql.and_then(|sql| sql.lines().next()) {
        Some(line) => format!("{why}: in `{line}`"),
        None => why,
    };
    let detail = named(&text);
    let kind = match error.kind() {
        kind @ (Kind::Busy
        | Kind::Unreachable
        | Kind::InDoubt
        | Kind::Io
        | Kind::DiskFull
        | Kind::NoAccess
        | Kind::Corrupt
        | Kind::Limit(_)
        | Kind::Deadline) => kind.clone(),
        _ => Kind::Statement(detail.clone()),
    };
    Error::with_source(kind, detail, error)
}

fn is_about_rows(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<RefusedRows>())
}

/// Returns the table with a reference to a missing row, and a description of the error.
fn dangling(error: &Error) -> Option<(String, String)> {
    let refused = refusal(error).filter(|refused| *refused.code() == SqlState::FOREIGN_KEY_VIOLATION)?;
    let table = refused.table().unwrap_or_default();
    let detail = refused.detail().unwrap_or(refused.message());
    Some((table.to_owned(), format!("a row of `{table}` refers to a missing row: {detail}")))
}

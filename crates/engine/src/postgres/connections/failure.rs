//! The meaning of PostgreSQL's errors for a caller.

use crate::error::{Error, Kind};
use tokio_postgres::error::{DbError, SqlState};

/// Converts the error of an attempt to connect.
pub(super) fn of_connecting(error: &tokio_postgres::Error) -> Error {
    let kind = match error.code() {
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => Kind::Missing,
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => Kind::Busy,
        Some(code) if code.code().starts_with("28") || *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            Kind::NoAccess
        }
        // A pooler answers with this code if it does not know the role.
        Some(code) if *code == SqlState::PROTOCOL_VIOLATION => Kind::NoAccess,
        _ => Kind::Unreachable,
    };
    Error::new(kind, described(error))
}

/// Converts the error of a statement whose effect is known: it was refused, or it cannot have been committed.
pub(crate) fn of_statement(error: &tokio_postgres::Error) -> Error {
    let Some(refused) = error.as_db_error() else {
        return Error::new(Kind::Unreachable, described(error));
    };
    refused_as(refused)
}

/// Returns the server's refusal of a statement, for a caller that needs more than the kind.
pub(crate) fn refusal(error: &Error) -> Option<&DbError> {
    std::error::Error::source(error).and_then(|source| source.downcast_ref())
}

fn refused_as(refused: &DbError) -> Error {
    Error::with_source(kind(refused), "PostgreSQL", refused.clone())
}

/// Converts the error of a commit. If the answer was lost, it is unknown whether the transaction was committed.
pub(crate) fn of_commit(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(refused) if !is_shutdown(refused.code()) => refused_as(refused),
        _ => Error::new(Kind::InDoubt, described(error)),
    }
}

fn kind(refused: &DbError) -> Kind {
    let code = refused.code();
    let busy = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::OBJECT_IN_USE,
    ];
    match code {
        code if busy.contains(code) => Kind::Busy,
        code if is_shutdown(code) => Kind::Unreachable,
        code if *code == SqlState::QUERY_CANCELED => Kind::Deadline,
        code if *code == SqlState::DISK_FULL => Kind::DiskFull,
        code if *code == SqlState::IO_ERROR => Kind::Io,
        code if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED => Kind::Corrupt,
        code if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::UNDEFINED_COLUMN => {
            Kind::SchemaBehind
        }
        // The server may have other time zone data than this program, which has checked the name.
        code if *code == SqlState::INVALID_PARAMETER_VALUE && refused.message().starts_with("time zone") => {
            let rule = "the PostgreSQL server does not know this time zone: update its time zone data, or name another";
            Kind::Invalid("time_zone".into(), rule.into())
        }
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => Kind::Denied(refused.message().into()),
        _ => Kind::Statement(refused.message().into()),
    }
}

/// Returns true if the server ended the connection, because it shuts down or an operator terminated the connection.
fn is_shutdown(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
}

/// Returns the error with its causes, for the log. The driver's own text does not include them.
fn described(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

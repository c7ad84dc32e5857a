//! What SQLite says, as the one error of this crate. Used by `?` in everything under `sqlite/`.
//!
//! The database's own message goes to the private detail; only [`Kind::Statement`] carries it on,
//! because there the caller wrote the statement.

use crate::{
    error::{Error, Kind},
    place::{Isolation, Place},
};
use rusqlite::{ErrorCode, ffi};

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::with_source(kind(&error), "sqlite", error)
    }
}

fn kind(error: &rusqlite::Error) -> Kind {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            failure(*code, message.as_deref().unwrap_or_default())
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => failure(*error, msg),
        rusqlite::Error::QueryReturnedNoRows => Kind::NotFound,
        rusqlite::Error::MultipleStatement => Kind::Statement("only one statement at a time".into()),
        rusqlite::Error::InvalidParameterCount(given, wanted) => {
            Kind::Statement(format!("{given} parameters given, the statement has {wanted}"))
        }
        _ => Kind::Internal,
    }
}

fn failure(code: ffi::Error, message: &str) -> Kind {
    match code.code {
        ErrorCode::ConstraintViolation => constraint(code.extended_code, message),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Kind::Busy,
        ErrorCode::OperationInterrupted => Kind::Deadline,
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Kind::Corrupt,
        ErrorCode::AuthorizationForStatementDenied => Kind::Denied(message.into()),
        ErrorCode::CannotOpen if code.extended_code == ffi::SQLITE_CANTOPEN_SYMLINK => Kind::WrongIdentity,
        // Either the disk or `max_page_count`: the session, which knows the limit, tells them apart.
        ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen => {
            Kind::Io
        }
        ErrorCode::TooBig => Kind::Limit("bytes"),
        ErrorCode::Unknown => statement(message),
        _ => Kind::Internal,
    }
}

fn statement(message: &str) -> Kind {
    if message.starts_with("no such table")
        || message.starts_with("no such column")
        || message.contains("has no column named")
    {
        Kind::SchemaBehind
    } else if message.starts_with("not authorized") {
        Kind::Denied(message.into())
    } else {
        Kind::Statement(message.into())
    }
}

fn constraint(extended: i32, message: &str) -> Kind {
    let columns = message.split_once(": ").map_or("", |(_, columns)| columns);
    let fields = || columns.split(", ").map(|c| c.rsplit('.').next().unwrap_or(c).to_owned());
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Kind::Unique(fields().collect())
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Kind::Reference(String::new()),
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            Kind::Invalid(fields().next().unwrap_or_default(), "is required".into())
        }
        ffi::SQLITE_CONSTRAINT_DATATYPE => {
            Kind::Invalid(fields().next().unwrap_or_default(), "has the wrong type".into())
        }
        ffi::SQLITE_CONSTRAINT_CHECK => Kind::Invalid(columns.into(), "is not allowed".into()),
        _ => Kind::Invalid(String::new(), message.into()),
    }
}

/// Whether the database of `place` is missing, holds another place, or cannot be read: nothing that passes by itself.
pub(crate) fn is_loss(place: &Place, error: &Error) -> bool {
    match error.kind() {
        Kind::Missing | Kind::WrongIdentity | Kind::Corrupt => true,
        // No name is used twice, so a file of another generation was put there. A pool may simply be ahead.
        Kind::Fenced => place.isolation == Isolation::Database,
        Kind::Io => !is_full(error),
        _ => false,
    }
}

fn is_full(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<rusqlite::Error>());
    source.and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::DiskFull)
}

/// SQLite's "full" means the tenant's limit where there is one, otherwise the disk.
pub(crate) fn full_under_cap(error: Error, capped: bool) -> Error {
    if is_full(&error) && capped {
        Error::with_source(Kind::Limit("bytes"), "max_page_count", error)
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    fn kind_of(sql: &str) -> Kind {
        let conn = Connection::open_in_memory().unwrap();
        let ddl = "CREATE TABLE p(id INTEGER PRIMARY KEY) STRICT;
             CREATE TABLE t(a INTEGER NOT NULL, b TEXT CHECK(b <> 'x'), p REFERENCES p(id), UNIQUE(a, b)); INSERT INTO t VALUES(1, 'y', NULL);
             PRAGMA foreign_keys = ON;";
        conn.execute_batch(ddl).unwrap();
        Error::from(conn.execute_batch(sql).unwrap_err()).kind().clone()
    }

    #[test]
    fn constraints_name_their_fields() {
        assert_eq!(kind_of("INSERT INTO t VALUES(1, 'y', NULL)"), Kind::Unique(vec!["a".into(), "b".into()]));
        assert_eq!(
            kind_of("INSERT INTO t VALUES(NULL, 'y', NULL)"),
            Kind::Invalid("a".into(), "is required".into())
        );
        assert!(matches!(kind_of("INSERT INTO t VALUES(2, 'x', NULL)"), Kind::Invalid(..)));
        assert_eq!(kind_of("INSERT INTO t VALUES(2, 'y', 7)"), Kind::Reference(String::new()));
    }

    #[test]
    fn statements_and_absent_tables_differ() {
        assert_eq!(kind_of("SELECT * FROM absent"), Kind::SchemaBehind);
        assert!(matches!(kind_of("SELEKT 1"), Kind::Statement(_)));
    }
}

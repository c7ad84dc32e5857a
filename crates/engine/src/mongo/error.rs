//! Translates errors of the driver and of the server to errors of the engine.

use crate::error::{Error, Kind, Result};
use mongodb::error::{Error as DriverError, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};
use std::{fmt, time::Duration};
use tokio::time::timeout;

/// Result of a call to the driver.
pub(super) type Driven<T> = Result<T, DriverError>;

// Error codes of the server.
const DUPLICATE_KEY: i32 = 11_000;
const NAMESPACE_EXISTS: i32 = 48;
const NAMESPACE_NOT_FOUND: i32 = 26;
const INDEX_NOT_FOUND: i32 = 27;
const WRITE_CONFLICT: i32 = 112;

/// Error of a call that was not answered in time.
#[derive(Debug)]
struct NoAnswer(Duration);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer in {} ms", self.0.as_millis())
    }
}

/// Waits for the answer of a call, at most for `limit`. The driver closes the connection of a call that is given up.
pub(super) async fn within<T>(limit: Duration, call: impl Future<Output = Driven<T>>) -> Driven<T> {
    match timeout(limit, call).await {
        Ok(answer) => answer,
        Err(_) => Err(DriverError::custom(NoAnswer(limit))),
    }
}

/// Returns the code of an error that the server sent; `None` for errors of the driver.
fn code(error: &DriverError) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(refused) => Some(refused.code),
        ErrorKind::Write(WriteFailure::WriteError(refused)) => Some(refused.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(refused)) => Some(refused.code),
        ErrorKind::InsertMany(refused) => match (&refused.write_errors, &refused.write_concern_error) {
            (Some(errors), _) if !errors.is_empty() => Some(errors[0].code),
            (_, Some(refused)) => Some(refused.code),
            _ => None,
        },
        _ => None,
    }
}

/// Returns true if the transaction was not committed and may succeed when it is run again.
pub(super) fn is_transient(error: &DriverError) -> bool {
    error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}

/// Returns true if a command failed because a collection with this name already exists.
pub(super) fn exists_already(error: &DriverError) -> bool {
    code(error) == Some(NAMESPACE_EXISTS)
}

/// Returns true if a command failed because the collection or index does not exist.
pub(super) fn is_absent(error: &DriverError) -> bool {
    matches!(code(error), Some(NAMESPACE_NOT_FOUND | INDEX_NOT_FOUND))
}

/// A unique index refused a document.
#[derive(Debug, PartialEq)]
pub(super) struct Duplicate {
    /// Position of the document among those of the call.
    pub(super) at: usize,
    /// Name of the index.
    pub(super) index: String,
}

/// Returns the refused document and the unique index that refused it; `None` for any other error.
pub(super) fn duplicate(error: &DriverError) -> Option<Duplicate> {
    let (at, code, message) = match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(refused)) => (0, refused.code, &refused.message),
        ErrorKind::Command(refused) => (0, refused.code, &refused.message),
        ErrorKind::InsertMany(refused) => {
            let first = refused.write_errors.as_ref()?.first()?;
            (first.index, first.code, &first.message)
        }
        _ => return None,
    };
    let (_, rest) = message.split_once(" index: ")?;
    let index = rest.split(' ').next()?.to_owned();
    (code == DUPLICATE_KEY).then_some(Duplicate { at, index })
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Self {
        if let Some(unanswered) = error.get_custom::<NoAnswer>() {
            return Self::new(Kind::Unreachable, unanswered.to_string());
        }
        let text = error.to_string();
        let kind = match code(&error) {
            Some(code) => refused(code, &text),
            None => failed(&error.kind),
        };
        Self::with_source(kind, text, error)
    }
}

/// Returns the kind of an error that the driver itself raised.
fn failed(kind: &ErrorKind) -> Kind {
    match kind {
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. } => Kind::Unreachable,
        ErrorKind::Authentication { .. } => Kind::NoAccess,
        ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. } => Kind::Corrupt,
        ErrorKind::InvalidArgument { message, .. } | ErrorKind::InvalidTlsConfig { message, .. } => {
            Kind::Statement(message.clone())
        }
        ErrorKind::SessionsNotSupported => Kind::Statement("the deployment has no sessions".into()),
        _ => Kind::Internal,
    }
}

/// Returns the kind of an error that the server sent.
fn refused(code: i32, text: &str) -> Kind {
    match code {
        // Unauthorized, AuthenticationFailed
        13 | 18 => Kind::NoAccess,
        // LockTimeout, LockBusy, WriteConflict, and a transaction that the server ended
        24 | 46 | WRITE_CONFLICT | 251 => Kind::Busy,
        // MaxTimeMSExpired
        50 => Kind::Deadline,
        // Host unreachable or not found, network timeout, and the errors of a server that is not primary or shuts down
        6 | 7 | 89 | 91 | 189 | 262 | 9001 | 10_058 | 10_107 | 11_600 | 11_602 | 13_435 | 13_436 => {
            Kind::Unreachable
        }
        // OutOfDiskSpace
        14_031 => Kind::DiskFull,
        // DatabaseDifferCase: a database has the same name in another letter case.
        13_297 => Kind::WrongIdentity,
        // DataCorruptionDetected
        272 => Kind::Corrupt,
        _ => Kind::Statement(text.into()),
    }
}

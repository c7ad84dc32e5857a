//! The one error of this crate: a public kind that callers match on, and a private source.

use crate::write::Doubt;
use std::{fmt, path::Path};

/// Result of every engine call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Kind of an error, in terms that a caller can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The database of the placement does not exist (`catalog-placement`: opening never creates it).
    Missing,
    /// The place is on a server that this process does not have: its configuration is outdated.
    UnknownServer(String),
    /// The database carries another tenant, store or platform than the placement (`self-identifying`).
    WrongIdentity,
    /// The placement's generation is stale or the place is fenced (`fenced-generation`).
    Fenced,
    /// A table, a column or a migration is missing, because migrations have not run on this database.
    SchemaBehind,
    /// The database has migrations that are not known here, because a newer version of the apps created it.
    SchemaAhead,
    /// The platform's own tables in the database have a later format than this program knows, because a newer version
    /// of the program wrote them.
    FormatAhead,
    /// A unique constraint refused the row. Contains the conflicting fields.
    Unique(Vec<String>),
    /// Rows of this model still refer to the row. A reference to a missing row is `Invalid`.
    Reference(String),
    /// A value breaks a rule of its field. Contains the field and the rule.
    Invalid(String, String),
    /// The row does not exist.
    NotFound,
    /// The row does not have the expected version. Contains the current version.
    Conflict(i64),
    /// The facts on which the write was decided may have changed in the meantime. Nothing was written; decide again.
    Outdated,
    /// A limit of the tenant would be exceeded: `rows` or `bytes`.
    Limit(&'static str),
    /// The statement reached its deadline or was cancelled.
    Deadline,
    /// The confinement refused the statement (`confined-sql`). Contains the refused action.
    Denied(String),
    /// The statement itself is wrong. Contains the database's message.
    Statement(String),
    /// Another writer holds the database's lock for longer than the busy timeout.
    Busy,
    /// The server of the database does not answer. Nothing was written, and nothing is lost.
    Unreachable,
    /// The answer to a commit was lost. The change is either stored completely or not at all. Never repeat it blindly.
    InDoubt,
    /// The disk is full.
    DiskFull,
    /// The operating system does not let this process read or write the file.
    NoAccess,
    /// The disk failed to read or write.
    Io,
    /// The file is not a database or is damaged.
    Corrupt,
    /// A bug in this program.
    Internal,
}

/// An error of the engine, with its kind and private detail. `Display` is for logs; the public text follows from
/// [`Error::kind`].
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    detail: String,
    index: Option<usize>,
    about: Option<Box<About>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Details that few errors have.
#[derive(Debug, Default)]
struct About {
    file: Option<Box<Path>>,
    doubt: Option<Doubt>,
}

impl Error {
    /// Returns an error of this kind with detail for the log.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), index: None, about: None, source: None }
    }

    /// Returns an error of this kind with detail for the log and the error that caused it.
    pub fn with_source(
        kind: Kind,
        detail: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { source: Some(source.into()), ..Self::new(kind, detail) }
    }

    /// Adds the index of the change in the batch that the error concerns, counted from 0.
    #[must_use]
    pub fn with_index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// Adds the file that the error concerns, unless the error already has one.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.about.get_or_insert_default().file.get_or_insert_with(|| path.into());
        self
    }

    /// Adds the evidence that determines later whether the write was stored, if the answer to its commit was lost.
    #[must_use]
    pub(crate) fn with_doubt(mut self, doubt: Option<Doubt>) -> Self {
        if doubt.is_some() {
            self.about.get_or_insert_default().doubt = doubt;
        }
        self
    }

    /// Returns the evidence that determines later whether the write was stored, if the kind is [`Kind::InDoubt`] and
    /// the write was one of records; see [`crate::Session::outcome`].
    pub fn doubt(&self) -> Option<&Doubt> {
        self.about.as_ref()?.doubt.as_ref()
    }

    /// Returns the file that the error concerns, for the log.
    pub fn file(&self) -> Option<&Path> {
        self.about.as_ref()?.file.as_deref()
    }

    pub(crate) fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Returns the index of the refused change in the batch, counted from 0; `None` if the error does not concern one
    /// change.
    pub fn index(&self) -> Option<usize> {
        self.index
    }

    /// Returns an error for a value that breaks a rule. Takes the field and the rule.
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Self {
        let (field, rule) = (field.into(), rule.into());
        Self::new(Kind::Invalid(field, rule), "")
    }

    /// Returns the kind, for callers to match on.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Returns the private detail, which is never shown to an API client.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.detail)?;
        if let Some(index) = self.index {
            write!(f, " (change {index})")?;
        }
        if let Some(file) = self.file().filter(|file| !self.detail.contains(&*file.to_string_lossy())) {
            write!(f, " (file {})", file.display())?;
        }
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

//! The only domain error of the platform. It separates public text from private detail for the log.
//!
//! Every module of this crate returns it. The server turns it into an RFC 9457 problem, the command line into a message
//! with its remedy. `Display` is for logs and may contain private detail: it is never sent to a client
//! (`absent-not-forbidden`). An actor who may not see a thing gets the same error as if it did not exist.

pub(crate) mod caught;
pub(crate) mod counted;
mod engine;
mod fields;
mod store;
#[cfg(test)]
mod tests;
mod texts;

pub use fields::{FieldError, Rule, Wrong};
pub(crate) use store::one_line;

use tenantry_engine::{Kind, name::NameError};

/// Result of every call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Variants carry what callers act on; private detail appears only in `Display`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The thing is absent, or hidden from this actor: the two are never told apart (`absent-not-forbidden`). Names the
    /// kind of thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The credentials are missing, wrong, expired or contradictory. Contains the private reason.
    #[error("not authenticated: {0}")]
    Unauthenticated(String),
    /// The actor is known and can see the thing, but may not do this. Contains the private reason.
    #[error("denied: {0}")]
    Denied(String),
    /// The act needs the person's password again, or a fresh sign-in.
    #[error("the person behind the session is not confirmed")]
    ConfirmationRequired,
    /// A value breaks a rule. Both texts are public.
    #[error("{field}: {reason}")]
    Invalid {
        /// The input.
        field: String,
        /// The rule it breaks.
        reason: String,
    },
    /// Several values break rules, or one value breaks a rule with its own code. All texts are public.
    #[error("{}", fields::text(.0))]
    InvalidFields(Vec<FieldError>),
    /// The thing is not in the state that the action needs, or the name is taken. The text is public.
    #[error("conflict: {0}")]
    Conflict(String),
    /// Another operation or a migration run is working on the tenant. Unlike for [`Error::Conflict`], the same call
    /// succeeds once that is over. The text is public.
    #[error("conflict: {0}")]
    Occupied(String),
    /// A backup is not what was stored, so it cannot be restored. Both texts are public.
    #[error("conflict: backup {backup} is damaged: {how}")]
    BackupDamaged {
        /// Id of the backup.
        backup: String,
        /// The rule that its bytes break.
        how: String,
    },
    /// The backup store cannot be opened until an operator acts. Private detail: the target and the remedy.
    #[error("{0}")]
    BackupTarget(String),
    /// The operation was cancelled and undone.
    #[error("cancelled")]
    Cancelled,
    /// The record was changed meanwhile. Contains its current version.
    #[error("version conflict, the current version is {0}")]
    VersionConflict(i64),
    /// A limit of the tenant's plan would be exceeded.
    #[error("limit {limit} reached")]
    LimitExceeded {
        /// Name of the limit: `users`, `rows`, `bytes`, `file_bytes`.
        limit: &'static str,
    },
    /// The tenant has no live subscription.
    #[error("tenant has no live subscription")]
    SubscriptionRequired,
    /// The tenant is suspended or being closed.
    #[error("tenant is suspended")]
    TenantSuspended,
    /// The tenant is in maintenance: members cannot enter it. The reason is public.
    #[error("tenant is in maintenance: {0}")]
    Maintenance(String),
    /// The tenant is recorded, but its database does not exist.
    #[error("tenant {slug} has no database in store {store}")]
    NoDatabase {
        /// The tenant.
        slug: String,
        /// The store without a database.
        store: String,
    },
    /// The database is not where the catalog says.
    #[error("the database of tenant {slug} in store {store} is lost: {detail}")]
    DatabaseLost {
        /// The tenant.
        slug: String,
        /// The store whose database is lost.
        store: String,
        /// What was looked for. Private.
        detail: String,
    },
    /// The database of a tenant is damaged, or another one is in its place.
    #[error("the database of tenant {slug} in store {store} is damaged: {detail}")]
    DatabaseDamaged {
        /// The tenant.
        slug: String,
        /// The store.
        store: String,
        /// The rows are in a pool, which is restored as a whole.
        is_pooled: bool,
        /// What was found. Private.
        detail: String,
    },
    /// The database in use refuses writes for good: a newer one replaced it that the catalog does not know
    /// (`fenced-generation`).
    #[error("the database of tenant {slug} in store {store} was replaced: {detail}")]
    Superseded {
        /// The tenant.
        slug: String,
        /// The store of the database.
        store: String,
        /// Its place. Private.
        detail: String,
    },
    /// The tenant provides its own database for this store and has not attached it yet.
    #[error("tenant {slug} has attached no database in store {store}")]
    NotAttached {
        /// The tenant.
        slug: String,
        /// The store without a database.
        store: String,
    },
    /// The tenant's database lacks migrations that this process has loaded (`known-schema`).
    #[error("migrations pending in {store} of {slug}: {detail}")]
    MigrationsPending {
        /// The tenant.
        slug: String,
        /// The store that is behind.
        store: String,
        /// Public reason why the last migration failed there. `None`: no migration was tried.
        reason: Option<String>,
        /// The tenant provides the database itself, so a run over all tenants leaves it out.
        is_external: bool,
        /// What is missing. Private.
        detail: String,
    },
    /// A store of the platform lacks migrations that this process has loaded (`known-schema`).
    #[error("migrations pending in store {store}: {detail}")]
    StoreBehind {
        /// The store.
        store: String,
        /// Public reason why a migration was refused there. `None`: no migration was tried.
        reason: Option<String>,
        /// What is missing. Private.
        detail: String,
    },
    /// The tenant's database has migrations that this process has not loaded (`known-schema`).
    #[error("newer apps have migrated {store} of {slug}: {detail}")]
    ServerOutdated {
        /// The tenant.
        slug: String,
        /// The store that is ahead.
        store: String,
        /// Migrations that are unknown here. Private.
        detail: String,
    },
    /// Shared or master data that the action needs was not loaded.
    #[error("no {what} in the master data")]
    MasterDataEmpty {
        /// What is missing, such as `plans` or `regions`.
        what: String,
    },
    /// Too many attempts or requests.
    #[error("rate limited for {retry_after_seconds} s")]
    RateLimited {
        /// Seconds until another try makes sense.
        retry_after_seconds: u64,
    },
    /// Not possible now: another worker has the lease, the platform shuts down, or a server cannot be reached. Private
    /// detail.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The disk is full. Private detail: the file.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// The operating system denies this process the use of a file. Private detail: the file.
    #[error("no access: {0}")]
    NoAccess(String),
    /// The answer to a commit was lost: the change is stored whole or not at all. [`crate::Platform::outcome`] tells which.
    /// Private detail.
    #[error("outcome {id} is not known: {detail}")]
    OutcomeUnknown {
        /// What to ask with.
        id: String,
        /// Why it is not known. Private.
        detail: String,
    },
    /// A database refused or failed.
    #[error(transparent)]
    Engine(#[from] tenantry_engine::Error),
    /// A bug in this program, or damage to its own data. Private detail.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// Shorthand for [`Error::Invalid`].
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// Converts an error of the operating system about `what`, a file or directory.
    pub(crate) fn io(what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let detail = format!("{what}: {error}");
        match error.kind() {
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => Self::DiskFull(detail),
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Self::NoAccess(detail),
            _ => Self::Unavailable(detail),
        }
    }

    /// Returns true if an operator must act: the error does not go away without action, and no client caused it.
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Internal(_)
            | Self::DatabaseLost { .. }
            | Self::DatabaseDamaged { .. }
            | Self::Superseded { .. }
            | Self::DiskFull(_)
            | Self::NoAccess(_)
            | Self::BackupTarget(_) => true,
            Self::Engine(error) => matches!(
                error.kind(),
                Kind::Missing
                    | Kind::WrongIdentity
                    | Kind::Corrupt
                    | Kind::DiskFull
                    | Kind::NoAccess
                    | Kind::Io
                    | Kind::Internal
            ),
            _ => false,
        }
    }

    /// Returns true if nothing tells whether the change was stored: the answer to its commit was lost.
    pub fn is_in_doubt(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } => true,
            Self::Engine(error) => *error.kind() == Kind::InDoubt,
            _ => false,
        }
    }

    /// Returns true if a database server does not answer: nothing was done, and nothing is lost.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Engine(error) if *error.kind() == Kind::Unreachable)
    }

    /// The input at fault, if there is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            Self::InvalidFields(fields) => fields.first().map(|wrong| wrong.field.as_str()),
            Self::Engine(error) => match error.kind() {
                Kind::Invalid(field, _) | Kind::Reference(field) => Some(field),
                Kind::Unique(fields) => fields.first().map(String::as_str),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the same error for one of several records, which its index or its id names.
    pub fn of_record(self, record: impl std::fmt::Display) -> Self {
        let at = |field: &str| format!("{record}.{field}");
        match self {
            Self::Invalid { field, reason } => Self::Invalid { field: at(&field), reason },
            Self::InvalidFields(mut fields) => {
                fields.iter_mut().for_each(|wrong| wrong.field = at(&wrong.field));
                Self::InvalidFields(fields)
            }
            Self::Engine(error) => match error.kind() {
                Kind::Invalid(field, reason) => Self::Invalid { field: at(field), reason: reason.clone() },
                Kind::Unique(fields) => {
                    let fields = fields.iter().map(|field| at(field)).collect();
                    tenantry_engine::Error::new(Kind::Unique(fields), error.to_string()).into()
                }
                _ => Self::Engine(error),
            },
            other => other,
        }
    }

    /// Returns the same error with this name of the field.
    pub(crate) fn of_column(self, name: &str) -> Self {
        match self {
            Self::InvalidFields(mut fields) => {
                fields.iter_mut().for_each(|wrong| name.clone_into(&mut wrong.field));
                Self::InvalidFields(fields)
            }
            Self::Engine(error) => match error.kind() {
                Kind::Invalid(_, reason) => Self::invalid(name, reason.clone()),
                _ => Self::Engine(error),
            },
            Self::Invalid { reason, .. } => Self::invalid(name, reason),
            other => other,
        }
    }

    /// What is wrong, without the name of the field, which [`Error::field`] returns.
    pub fn reason(&self) -> String {
        match self {
            Self::Invalid { reason, .. } => reason.clone(),
            Self::InvalidFields(fields) if fields.len() == 1 => fields[0].reason.clone(),
            Self::Engine(error) => match error.kind() {
                Kind::Invalid(_, reason) => reason.clone(),
                _ => self.public_title(),
            },
            _ => self.public_title(),
        }
    }

    /// Stable machine-readable code; part of the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Denied(_) => "denied",
            Self::ConfirmationRequired => "confirmation_required",
            Self::Invalid { .. } | Self::InvalidFields(_) => "invalid",
            Self::Conflict(_) | Self::Occupied(_) | Self::BackupDamaged { .. } => "conflict",
            Self::Cancelled => "cancelled",
            Self::VersionConflict(_) => "version_conflict",
            Self::LimitExceeded { .. } => "limit_exceeded",
            Self::SubscriptionRequired => "subscription_required",
            Self::TenantSuspended => "tenant_suspended",
            Self::Maintenance(_) => "maintenance",
            Self::NoDatabase { .. }
            | Self::DatabaseLost { .. }
            | Self::Superseded { .. }
            | Self::NotAttached { .. } => "no_database",
            Self::MigrationsPending { .. } | Self::StoreBehind { .. } => "migrations_pending",
            Self::ServerOutdated { .. } => engine::code(&Kind::SchemaAhead),
            Self::DatabaseDamaged { .. } => engine::code(&Kind::Corrupt),
            Self::MasterDataEmpty { .. } => "master_data_empty",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable(_) | Self::BackupTarget(_) => "unavailable",
            Self::DiskFull(_) => engine::code(&Kind::DiskFull),
            Self::NoAccess(_) => engine::code(&Kind::NoAccess),
            Self::Internal(_) => "internal",
            Self::OutcomeUnknown { .. } => engine::code(&Kind::InDoubt),
            Self::Engine(e) => engine::code(e.kind()),
        }
    }
}

impl From<NameError> for Error {
    fn from(e: NameError) -> Self {
        Self::invalid(e.kind, e.reason)
    }
}

//! The only domain error of the platform. It separates public text from private detail for the log.
//!
//! Every module of this crate returns it. The server converts it to an RFC 9457 problem, the command line to a message
//! with the remedy. `Display` is for logs and may contain private detail: its text is never sent to a client
//! (`absent-not-forbidden`). An actor who may not see something gets the same error as if it did not exist.

pub(crate) mod caught;
pub(crate) mod counted;
mod engine;
mod fields;
mod questions;
mod store;
#[cfg(test)]
mod tests;
mod texts;

pub use fields::{FieldError, Rule, Wrong};
pub(crate) use store::one_line;

use tenantry_engine::Kind;

/// Result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Description of what went wrong. Variants carry the data on which callers act; private detail appears only in
/// `Display`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The thing does not exist, or is hidden from this actor; no error distinguishes the two (`absent-not-forbidden`).
    /// Names the kind of thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The credentials are missing, wrong, expired or contradictory. Contains the private reason.
    #[error("not authenticated: {0}")]
    Unauthenticated(String),
    /// The actor is known and can see the thing, but may not perform this action. Contains the private reason.
    #[error("denied: {0}")]
    Denied(String),
    /// The action needs the person's password again, or a fresh sign-in.
    #[error("the person behind the session is not confirmed")]
    ConfirmationRequired,
    /// A value breaks a rule. Both texts are public.
    #[error("{field}: {reason}")]
    Invalid {
        /// Name of the input.
        field: String,
        /// The rule that the value breaks.
        reason: String,
    },
    /// Several values break rules, or one value breaks a rule that has its own code. All texts are public.
    #[error("{}", fields::text(.0))]
    InvalidFields(Vec<FieldError>),
    /// The thing is not in the state that the action needs, or the name is taken. The text is public.
    #[error("conflict: {0}")]
    Conflict(String),
    /// Another operation or a migration run is using the tenant. In contrast to [`Error::Conflict`], the same call
    /// succeeds once that is over. The text is public.
    #[error("conflict: {0}")]
    Occupied(String),
    /// The bytes of a backup differ from what was stored, so it cannot be restored. Both texts are public.
    #[error("conflict: backup {backup} is damaged: {how}")]
    BackupDamaged {
        /// Id of the backup.
        backup: String,
        /// The rule that its bytes break.
        how: String,
    },
    /// The copy that a move has made differs from the original, which stays in use.
    #[error("the copy of {slug} in store {store} differs from {from}: {how}")]
    CopyDiffers {
        /// Slug of the tenant.
        slug: String,
        /// Name of the store.
        store: String,
        /// Place of the original. Private.
        from: String,
        /// Description of the difference.
        how: String,
    },
    /// The backup store cannot be opened until an operator acts. Private detail: the target and the remedy.
    #[error("{0}")]
    BackupTarget(String),
    /// The operation was cancelled and undone.
    #[error("cancelled")]
    Cancelled,
    /// The record was changed meanwhile. Contains the record's current version.
    #[error("version conflict, the current version is {0}")]
    VersionConflict(i64),
    /// A limit of the tenant's plan would be exceeded.
    #[error("limit {limit} reached")]
    LimitExceeded {
        /// Name of the limit: `users`, `rows`, `bytes`, `file_bytes`.
        limit: &'static str,
    },
    /// The tenant's plan and licence lack a feature that the action needs.
    #[error("feature {feature} is required")]
    FeatureRequired {
        /// Name of the feature.
        feature: String,
    },
    /// The quota of a feature is used up.
    #[error("quota of {feature} is used up")]
    QuotaReached {
        /// Name of the feature.
        feature: String,
        /// Amount that may be used in a period, without grace.
        limit: u64,
        /// Name of the period.
        period: &'static str,
        /// Number of seconds until the next period; `None` if there is none.
        resets_in_s: Option<u64>,
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
        /// Slug of the tenant.
        slug: String,
        /// Name of the store without a database.
        store: String,
    },
    /// The database is not at the place that the catalog names.
    #[error("the database of tenant {slug} in store {store} is lost: {detail}")]
    DatabaseLost {
        /// Slug of the tenant.
        slug: String,
        /// Name of the store whose database is lost.
        store: String,
        /// The place that was searched. Private.
        detail: String,
    },
    /// The database of a tenant is damaged, or another database is in its place.
    #[error("the database of tenant {slug} in store {store} is damaged: {detail}")]
    DatabaseDamaged {
        /// Slug of the tenant.
        slug: String,
        /// Name of the store.
        store: String,
        /// True if the rows are in a pool, which is restored as a whole.
        is_pooled: bool,
        /// Description of the damage. Private.
        detail: String,
    },
    /// The database in use refuses writes permanently: it was replaced by a newer one that the catalog does not know
    /// (`fenced-generation`).
    #[error("the database of tenant {slug} in store {store} was replaced: {detail}")]
    Superseded {
        /// Slug of the tenant.
        slug: String,
        /// Name of the store of the database.
        store: String,
        /// Place of the database. Private.
        detail: String,
    },
    /// The tenant provides its own database for this store, but none is attached yet.
    #[error("tenant {slug} has attached no database in store {store}")]
    NotAttached {
        /// Slug of the tenant.
        slug: String,
        /// Name of the store without a database.
        store: String,
    },
    /// The tenant's database lacks migrations that this process has loaded (`known-schema`).
    #[error("migrations pending in {store} of {slug}: {detail}")]
    MigrationsPending {
        /// Slug of the tenant.
        slug: String,
        /// Name of the store whose schema is behind.
        store: String,
        /// Public reason why the last migration of the database failed; `None` if no migration was tried.
        reason: Option<String>,
        /// True if the tenant provides the database itself, so that a run over all tenants leaves it out.
        is_external: bool,
        /// The missing migrations. Private.
        detail: String,
    },
    /// A store of the platform lacks migrations that this process has loaded (`known-schema`).
    #[error("migrations pending in store {store}: {detail}")]
    StoreBehind {
        /// Name of the store.
        store: String,
        /// Public reason why a migration of the store was refused; `None` if no migration was tried.
        reason: Option<String>,
        /// The missing migrations. Private.
        detail: String,
    },
    /// The tenant's database has migrations that this process has not loaded (`known-schema`).
    #[error("newer apps have migrated {store} of {slug}: {detail}")]
    ServerOutdated {
        /// Slug of the tenant.
        slug: String,
        /// Name of the store whose schema is ahead.
        store: String,
        /// The migrations that this process does not know. Private.
        detail: String,
    },
    /// Shared or master data that the action needs was not loaded.
    #[error("no {what} in the master data")]
    MasterDataEmpty {
        /// Name of the missing data, such as `plans` or `regions`.
        what: String,
    },
    /// There were too many attempts or requests.
    #[error("rate limited for {retry_after_seconds} s")]
    RateLimited {
        /// Number of seconds until another attempt makes sense.
        retry_after_seconds: u64,
    },
    /// The action is not possible now: another worker has the lease, the platform is shutting down, or a server cannot
    /// be reached. Private detail.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The disk is full. Private detail: the file.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// The operating system denies this process access to a file. Private detail: the file.
    #[error("no access: {0}")]
    NoAccess(String),
    /// The answer to a commit was lost: the change is stored completely or not at all. [`crate::Platform::outcome`]
    /// finds out which. Private detail.
    #[error("outcome {id} is not known: {detail}")]
    OutcomeUnknown {
        /// Id with which to ask for the outcome.
        id: String,
        /// Reason why the outcome is not known. Private.
        detail: String,
    },
    /// A database refused the action, or failed.
    #[error(transparent)]
    Engine(#[from] tenantry_engine::Error),
    /// This program has a bug, or its own data is damaged. Private detail.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// Returns [`Error::Invalid`] for a field and a reason.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// Converts an error of the operating system about `what`, which is a file or directory.
    pub(crate) fn io(what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let detail = format!("{what}: {error}");
        match error.kind() {
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => Self::DiskFull(detail),
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Self::NoAccess(detail),
            _ => Self::Unavailable(detail),
        }
    }

    /// Returns the name of the input at fault, if there is one.
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

    /// Returns the same error for one of several records, which `record` names by index or id.
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

    /// Returns the same error with `name` as the name of the field.
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

    /// Returns the reason for the error, without the name of the field, which [`Error::field`] returns.
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

    /// Returns the stable machine-readable code, which is part of the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Denied(_) => "denied",
            Self::ConfirmationRequired => "confirmation_required",
            Self::Invalid { .. } | Self::InvalidFields(_) => "invalid",
            Self::Conflict(_) | Self::Occupied(_) | Self::BackupDamaged { .. } | Self::CopyDiffers { .. } => {
                "conflict"
            }
            Self::Cancelled => "cancelled",
            Self::VersionConflict(_) => "version_conflict",
            Self::LimitExceeded { .. } => "limit_exceeded",
            Self::FeatureRequired { .. } => "feature_required",
            Self::QuotaReached { .. } => "quota_reached",
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

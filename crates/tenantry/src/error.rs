//! The only domain error of the platform. It separates public text from private detail for the log.
//!
//! Every module of this crate returns it. The server turns it into an RFC 9457 problem, the command line into a message
//! with its remedy. `Display` is for logs and may contain private detail: it is never sent to a client
//! (`absent-not-forbidden`). An actor who may not see a thing gets the same error as if it did not exist.

mod engine;
mod fields;
mod store;
#[cfg(test)]
mod tests;

pub use fields::{FieldError, Rule, Wrong};

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
    /// Another operation or a migration run is at work on the tenant. Unlike for [`Error::Conflict`], the same call
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
    /// The tenant has no live subscription (M8).
    #[error("tenant has no live subscription")]
    SubscriptionRequired,
    /// The tenant is suspended or being closed.
    #[error("tenant is suspended")]
    TenantSuspended,
    /// The tenant is in maintenance: members cannot enter it. The reason is public.
    #[error("tenant is in maintenance: {0}")]
    Maintenance(String),
    /// The tenant is recorded, but its database does not exist (M16).
    #[error("tenant {slug} has no database in store {store}")]
    NoDatabase {
        /// The tenant.
        slug: String,
        /// The store without a database.
        store: String,
    },
    /// The database is not where the catalog says (M16, X1).
    #[error("the database of tenant {slug} in store {store} is lost: {detail}")]
    DatabaseLost {
        /// The tenant.
        slug: String,
        /// The store whose database is lost.
        store: String,
        /// What was looked for. Private.
        detail: String,
    },
    /// The tenant provides its own database for this store and has not attached it yet (F3, X1).
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
    /// Shared or master data that the action needs was not loaded (M16).
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
            Io::StorageFull | Io::QuotaExceeded => Self::DiskFull(detail),
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Self::NoAccess(detail),
            _ => Self::Unavailable(detail),
        }
    }

    /// Returns true if an operator must act: the error does not go away without action, and no client caused it.
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Internal(_)
            | Self::DatabaseLost { .. }
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

    /// Returns the same error for the record at this index of a batch.
    pub fn at_index(self, index: usize) -> Self {
        let at = |field: &str| format!("{index}.{field}");
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
            Self::Invalid { .. } | Self::InvalidFields(_) => "invalid",
            Self::Conflict(_) | Self::Occupied(_) | Self::BackupDamaged { .. } => "conflict",
            Self::Cancelled => "cancelled",
            Self::VersionConflict(_) => "version_conflict",
            Self::LimitExceeded { .. } => "limit_exceeded",
            Self::SubscriptionRequired => "subscription_required",
            Self::TenantSuspended => "tenant_suspended",
            Self::Maintenance(_) => "maintenance",
            Self::NoDatabase { .. } | Self::DatabaseLost { .. } | Self::NotAttached { .. } => "no_database",
            Self::MigrationsPending { .. } => "migrations_pending",
            Self::ServerOutdated { .. } => engine::code(&Kind::SchemaAhead),
            Self::MasterDataEmpty { .. } => "master_data_empty",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable(_) | Self::BackupTarget(_) => "unavailable",
            Self::DiskFull(_) => engine::code(&Kind::DiskFull),
            Self::NoAccess(_) => engine::code(&Kind::NoAccess),
            Self::Internal(_) => "internal",
            Self::Engine(e) => engine::code(e.kind()),
        }
    }

    /// Text for clients: says what happened, without private detail.
    pub fn public_title(&self) -> String {
        match self {
            Self::NotFound(what) => format!("no such {what}"),
            Self::Unauthenticated(_) => "not signed in".into(),
            Self::Denied(_) => "you may not do this".into(),
            Self::Invalid { field, reason } => format!("{field}: {reason}"),
            Self::InvalidFields(fields) => fields::text(fields),
            Self::Conflict(what) | Self::Occupied(what) => what.clone(),
            Self::BackupDamaged { backup, how } => format!("backup {backup} is damaged: {how}"),
            Self::Cancelled => "the operation was cancelled".into(),
            Self::VersionConflict(_) => "the record was changed by somebody else".into(),
            Self::LimitExceeded { limit } => format!("the plan's limit on {limit} is reached"),
            Self::SubscriptionRequired => "a live subscription is required".into(),
            Self::TenantSuspended => "this account is suspended".into(),
            Self::Maintenance(reason) => format!("closed for maintenance: {reason}"),
            Self::NoDatabase { slug, .. } | Self::NotAttached { slug, .. } => {
                format!("{slug} has no database yet")
            }
            Self::DatabaseLost { slug, .. } => format!("the database of {slug} is not where it should be"),
            Self::MigrationsPending { slug, reason: None, .. } => {
                format!("the database of {slug} is behind: migrations have not run")
            }
            Self::MigrationsPending { slug, reason: Some(reason), .. } => {
                format!("the database of {slug} is behind, because its migration failed: {reason}")
            }
            Self::ServerOutdated { slug, store, .. } => {
                format!("this process has older apps than the database of {slug} in store {store}")
            }
            Self::MasterDataEmpty { what } => format!("the master data has no {what} yet"),
            Self::RateLimited { .. } => "too many requests or attempts".into(),
            Self::Unavailable(_) => "not available right now".into(),
            Self::BackupTarget(_) => "the backup store cannot be used".into(),
            Self::DiskFull(_) => engine::title(&Kind::DiskFull),
            Self::NoAccess(_) => "the server may not use a file of its own".into(),
            Self::Internal(_) => "something went wrong on our side".into(),
            Self::Engine(e) => engine::title(e.kind()),
        }
    }

    /// What the reader can do about it, if anything (M16).
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Unauthenticated(_) => "sign in, or send a valid token or API key".into(),
            Self::VersionConflict(_) => "read the record again and repeat the change on it".into(),
            Self::LimitExceeded { .. } => "remove something or change to a larger plan".into(),
            Self::SubscriptionRequired => "choose a plan or renew the subscription".into(),
            Self::TenantSuspended => "ask the platform's staff to resume it".into(),
            Self::Maintenance(_) => "try again later: nothing was lost".into(),
            Self::BackupDamaged { .. } => "restore an older backup; see: tenantry backups list".into(),
            Self::NoDatabase { slug, .. } => format!("run: tenantry create-db {slug}"),
            Self::DatabaseLost { slug, .. } => format!(
                "look whether its disk is there; else restore a backup: tenantry restore {slug} latest --swap; or, for an \
                 empty one: tenantry create-db {slug}"
            ),
            Self::NotAttached { slug, store } => {
                format!("make it, then run: tenantry attach-tenant-db {slug} --store {store}")
            }
            Self::MigrationsPending { slug, reason, is_external, .. } => {
                let first = if reason.is_some() { "remove the reason, then " } else { "" };
                let external = if *is_external { " --external" } else { "" };
                format!("{first}run: tenantry migrate-tenants --tenant {slug}{external}")
            }
            Self::ServerOutdated { .. } => return engine::remedy(&Kind::SchemaAhead).map(Into::into),
            Self::MasterDataEmpty { what } if what == "plans" => "run: tenantry init-plans".into(),
            Self::MasterDataEmpty { what } => format!("load {what}: platform staff can add or import them"),
            Self::RateLimited { retry_after_seconds } => {
                format!("wait {}", crate::counted(*retry_after_seconds, "second"))
            }
            Self::Unavailable(_) => "try again in a moment".into(),
            Self::BackupTarget(_) => "an operator sees to backups.target; look with: tenantry check".into(),
            Self::DiskFull(_) => return engine::remedy(&Kind::DiskFull).map(Into::into),
            Self::NoAccess(_) => return engine::remedy(&Kind::NoAccess).map(Into::into),
            Self::Engine(e) => return engine::remedy(e.kind()).map(Into::into),
            _ => return None,
        })
    }
}

impl From<NameError> for Error {
    fn from(e: NameError) -> Self {
        Self::invalid(e.kind, e.reason)
    }
}

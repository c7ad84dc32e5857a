//! The checked configuration: `tenantry.toml` as the rest of the platform sees it.
//!
//! The module `read` or an embedding program builds it. It is passed by value or `Arc` and is never global. It contains
//! no raw text: every name is parsed, every path resolved.

use super::{
    analytics::AnalyticsConfig,
    attachments::AttachmentsConfig,
    keys::{licences::LicencesConfig, secrets::SecretsConfig},
    mail::MailConfig,
    metrics::MetricsConfig,
    mirror::MirrorConfig,
    net::IpRange,
    objects::backups::BackupsConfig,
    objects::files::FilesConfig,
    operations::OperationsConfig,
    servers::labels::ServerLabels,
    servers::{Location, ServerConfig},
    template::NameTemplate,
};
pub use crate::plans::Limits as PlanLimits;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
pub use tenantry_engine::model::Scope;
use tenantry_engine::{
    name::{AppName, PlanName, RoleName, ServerName, Slug, StoreName},
    place::Isolation,
};

/// The configuration of one installation.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The section `[platform]`.
    pub platform: PlatformConfig,
    /// The sections `[servers.NAME]`, in the order of the file.
    pub servers: Vec<ServerConfig>,
    /// The sections `[stores.NAME]`, in the order of the file. Always contains `control`.
    pub stores: Vec<StoreConfig>,
    /// The section `[apps]`.
    pub apps: AppsConfig,
    /// The sections `[plans.NAME]`, in the order of the file, which is the order in which they are offered.
    pub plans: Vec<PlanConfig>,
    /// The section `[registration]`.
    pub registration: RegistrationConfig,
    /// The section `[limits]`.
    pub limits: LimitsConfig,
    /// The section `[operations]`.
    pub operations: OperationsConfig,
    /// The section `[retention]`.
    pub retention: RetentionConfig,
    /// The section `[auth]`.
    pub auth: AuthConfig,
    /// The section `[mail]`.
    pub mail: MailConfig,
    /// The section `[backups]`.
    pub backups: BackupsConfig,
    /// The section `[files]`.
    pub files: FilesConfig,
    /// The section `[metrics]`.
    pub metrics: MetricsConfig,
    /// The section `[analytics]`.
    pub analytics: AnalyticsConfig,
    /// The section `[attachments]`.
    pub attachments: AttachmentsConfig,
    /// The section `[secrets]`.
    pub secrets: SecretsConfig,
    /// The section `[licences]`.
    pub licences: LicencesConfig,
    /// The section `[mirror]`, if there is one.
    pub mirror: Option<MirrorConfig>,
}

/// The section `[platform]`: the installation itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PlatformConfig {
    /// Display name of the platform.
    pub name: String,
    /// Directory of everything that the platform writes. Resolved against the directory of the file.
    pub data_dir: PathBuf,
    /// Domain below which tenants are reached, at `SLUG.base_domain`, by exact suffix match (`host-spoofing`).
    pub base_domain: String,
    /// True if clients reach this installation by https, through a proxy that terminates it. Session cookies are then
    /// `Secure` and carry the `__Host-` prefix (`cross-site-request`).
    pub https: bool,
    /// Address on which `serve` listens.
    pub listen: SocketAddr,
    /// Peers whose forwarded headers are trusted (`host-spoofing`).
    pub trusted_proxies: Vec<IpRange>,
}

/// A named logical database.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreConfig {
    /// Name in `[stores.NAME]`.
    pub name: StoreName,
    /// Whether the store has one database, or one per tenant.
    pub scope: Scope,
    /// Servers for the store's databases. Never empty, and exactly one for a system store. A pool is on the first
    /// server; tenants promoted out of the pool can be on any of them.
    pub servers: Vec<ServerName>,
    /// Isolation of tenants: pooled, or a schema or database for each tenant. Always `Database` for a system store.
    pub isolation: Isolation,
    /// Template for the names of the store's databases.
    pub template: NameTemplate,
    /// Whether the generation is always appended to the name of a tenant's schema or database. Otherwise the first one
    /// has exactly the template's name.
    pub numbered: bool,
    /// Indicates who creates the store's databases: the platform or the tenant.
    pub provision: Provision,
    /// System store whose database holds the rows of tenants without an external database.
    pub pooled_in: Option<StoreName>,
    /// Schema of the tables in databases on PostgreSQL that tenants create.
    pub schema: String,
}

/// Creator of the databases of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provision {
    /// The platform creates the database when the tenant is created.
    Managed,
    /// The tenant creates the database. The platform uses an attached database, and never creates or migrates one
    /// unless asked.
    External,
    /// The platform creates the database when a request first needs it.
    OnDemand,
}

/// The section `[apps]`: which apps are installed, and where they are.
#[derive(Debug, Clone, PartialEq)]
pub struct AppsConfig {
    /// Directory of app folders, resolved against the directory of the file.
    pub dir: PathBuf,
    /// Installed apps. An app without a folder in `dir` may be built into the binary.
    pub list: Vec<AppName>,
}

/// A plan to which tenants can subscribe.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanConfig {
    /// Name in `[plans.NAME]`.
    pub name: PlanName,
    /// Display name.
    pub label: String,
    /// Length in days of the trial with which a new subscription starts; 0 if it is active at once.
    pub trial_days: u32,
    /// Price as text for users; the platform does not bill.
    pub price: String,
    /// Limits of the plan, enforced where they can be exceeded (`enforced-limits`).
    pub limits: PlanLimits,
    /// Names of the features that are switched on.
    pub features: Vec<String>,
    /// True if a registration may choose the plan. Otherwise only staff assign it.
    pub self_service: bool,
    /// Labels of the servers on which tenants of the plan are placed. Empty for every server.
    pub servers: ServerLabels,
}

/// The section `[registration]`: self-service registration, and the placement of its tenants.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistrationConfig {
    /// True if every visitor may register a tenant.
    pub open: bool,
    /// Plan of a new tenant.
    pub default_plan: PlanName,
    /// Reserved slugs, in addition to those that are always reserved.
    pub reserved_slugs: Vec<Slug>,
    /// Rule for choosing one of a store's `servers`.
    pub placement: PlacementPolicy,
}

/// Rule for choosing the server of a new database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlacementPolicy {
    /// The first server of the list. The others receive tenants only by moves.
    First,
    /// The server with the fewest databases.
    Fewest,
}

/// The section `[limits]`: limits of the process and of single requests.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsConfig {
    /// Number of databases that stay open. The least recently used ones are closed.
    pub open_databases: usize,
    /// Number of threads for long reads and writes outside the request path.
    pub blocking_threads: usize,
    /// Number of these threads that one tenant may use at the same time; `None` for half of them.
    pub tenant_threads: Option<usize>,
    /// Longest running time of a statement, in milliseconds.
    pub statement_deadline_ms: u64,
    /// Memory that one statement of a tenant's own SQL may use, in bytes.
    pub statement_memory: u64,
    /// Bytes that one statement of a tenant's own SQL may write to temporary files.
    pub statement_scratch: u64,
    /// Free space in bytes below which a disk counts as full.
    pub disk_reserve: u64,
    /// Largest request body in bytes, except for uploads and imports.
    pub request_body_bytes: u64,
    /// Largest archive that the API accepts, in bytes.
    pub import_bytes: u64,
    /// Largest CSV file that one import accepts, in bytes.
    pub import_csv_bytes: u64,
    /// Largest total size of the cells of one record of a CSV file, in bytes.
    pub import_record_bytes: u64,
    /// Size in bytes after which a page of a list is cut. The page then names the start of the next one.
    pub page_bytes: u64,
    /// Largest number of rows of a shared model of which this process keeps copies; 0 for no copies.
    pub copied_rows: u64,
    /// Largest size of these rows, in bytes.
    pub copied_bytes: u64,
    /// Largest number of open connections, if the limit of open files allows it. To make room for a new connection, the
    /// one that has waited longest for its client is closed.
    pub connections: usize,
    /// Largest number of open connections of one address, or of one /64 of IPv6. One /48 may have four times as many,
    /// but at most half of all connections. Does not apply to trusted proxies.
    pub connections_per_address: usize,
    /// Largest size of a request's head, in bytes.
    pub head_bytes: u64,
    /// Time within which a complete head must arrive. It is also the lifetime of an idle connection.
    pub head_timeout: Duration,
    /// Longest time for which a client may read its answer more slowly than `read_bytes_per_second`.
    pub write_timeout: Duration,
    /// Lowest average speed at which a client must read over `write_timeout`, in bytes per second.
    pub read_bytes_per_second: u64,
    /// Longest time for which a body may arrive more slowly than `body_bytes_per_second`. Only time in which the server
    /// waits for the client counts.
    pub body_timeout: Duration,
    /// Lowest average speed at which a body must arrive over `body_timeout`, in bytes per second.
    pub body_bytes_per_second: u64,
}

/// The section `[retention]`: grace period and retention of a cancelled tenant (`staged-deletion`).
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionConfig {
    /// Number of days for which a cancelled tenant can still be used.
    pub grace_days: u32,
    /// Number of days after the grace period for which the tenant's data is retained.
    pub retention_days: u32,
    /// True to make a backup before data is removed.
    pub final_backup: bool,
    /// Number of days for which the backups of a purged tenant are retained; 0 to remove them with the tenant.
    pub backups_days: u32,
    /// Largest number of tenants that one automatic run purges; 0 for no automatic purges.
    pub max_purges_per_run: u32,
    /// Number of hours between two automatic runs.
    pub run_every_hours: u32,
    /// Number of days for which entries of tenants' activity logs are retained; 0 for no limit.
    pub activity_days: u32,
}

/// The section `[auth]`: authentication.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthConfig {
    /// Lifetime of a session in hours.
    pub session_hours: u32,
    /// Roles of memberships. A user who registers a tenant gets the first role.
    pub roles: Vec<RoleName>,
    /// Largest number of failed sign-ins from one network per minute (`account-enumeration`).
    pub login_per_minute: u32,
    /// Largest number of failed sign-ins at one account per hour, from all networks together from which the account
    /// never signed in.
    pub guesses_per_hour: u32,
    /// Number of failed sign-ins from a network after which an account is locked for that network, first for a minute,
    /// then longer; 0 for never.
    pub lock_after: u32,
    /// Longest duration of such a lock, in minutes.
    pub lock_minutes: u32,
    /// Largest number of registrations per address and hour.
    pub registration_per_hour: u32,
    /// Issuers whose tokens are accepted.
    pub jwt: Vec<JwtProvider>,
}

/// An issuer of tokens. It has one algorithm and one source of keys, and nothing in a token chooses either
/// (`token-confusion`).
#[derive(Debug, Clone, PartialEq)]
pub struct JwtProvider {
    /// Exact value of the claim `iss`.
    pub issuer: String,
    /// Accepted values of the claim `aud`; never empty (`claims-skipped`).
    pub audience: Vec<String>,
    /// The only accepted algorithm.
    pub algorithm: JwtAlgorithm,
    /// Location of the issuer's keys.
    pub key: KeySource,
    /// Name of the claim that names the tenant by slug, such as `custom:organization_id`.
    pub tenant_claim: String,
    /// Name of the claim that identifies the user.
    pub user_claim: String,
    /// True to refuse a token without `nbf`.
    pub require_nbf: bool,
    /// Tenants that this issuer may name (`foreign-issuer`). Empty for all tenants, which suits the platform's own
    /// issuer.
    pub tenants: Vec<Slug>,
}

/// Signature algorithm of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of RFC 7518 and RFC 8037")]
pub enum JwtAlgorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Es256,
    Es384,
    EdDsa,
}

impl JwtAlgorithm {
    /// Returns true if tokens are signed with a shared secret instead of a key pair.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

/// Location of an issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file with a public key in PEM format.
    KeyFile(PathBuf),
    /// A file with a key set.
    JwksFile(PathBuf),
    /// A URL from which a key set is fetched over https.
    JwksUrl(String),
    /// Name of an environment variable with the shared secret. Secrets are never in the file.
    SecretEnv(String),
}

impl Config {
    /// Changes the data directory. Servers inside the configured data directory move with it; others stay at their
    /// place.
    pub fn set_data_dir(&mut self, dir: &std::path::Path) {
        for server in &mut self.servers {
            if let Location::Sqlite(path) = &mut server.location
                && let Ok(inside) = path.strip_prefix(&self.platform.data_dir)
            {
                *path = dir.join(inside);
            }
        }
        self.backups.target.rebase(&self.platform.data_dir, dir);
        self.files.target.rebase(&self.platform.data_dir, dir);
        self.platform.data_dir = dir.to_owned();
    }

    /// Returns the store with this name.
    pub fn store(&self, name: &str) -> Option<&StoreConfig> {
        self.stores.iter().find(|store| store.name.as_str() == name)
    }

    /// Returns the store with this name if it is a store of tenants.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] for any other name.
    pub fn tenant_store(&self, name: &StoreName) -> crate::Result<&StoreConfig> {
        let store = self.store(name.as_str()).filter(|store| store.scope == Scope::Tenant);
        store.ok_or(crate::Error::NotFound("store"))
    }

    /// Returns the store of tenants that is used if a request names none: `tenant`, or the first one of the file if no
    /// store of tenants has that name.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] if there is no store of tenants.
    pub fn usual_tenant_store(&self) -> crate::Result<&StoreConfig> {
        let usual = self.stores_of(Scope::Tenant).find(|store| store.name.as_str() == "tenant");
        usual.or_else(|| self.stores_of(Scope::Tenant).next()).ok_or(crate::Error::NotFound("store"))
    }

    /// Returns the server with this name.
    pub fn server(&self, name: &str) -> Option<&ServerConfig> {
        self.servers.iter().find(|server| server.name.as_str() == name)
    }

    /// Returns the plan with this name.
    pub fn plan(&self, name: &str) -> Option<&PlanConfig> {
        self.plans.iter().find(|plan| plan.name.as_str() == name)
    }

    /// Returns the stores of one scope, in the order of the file.
    pub fn stores_of(&self, scope: Scope) -> impl Iterator<Item = &StoreConfig> {
        self.stores.iter().filter(move |store| store.scope == scope)
    }
}

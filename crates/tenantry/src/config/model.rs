//! The checked configuration: `tenantry.toml` as the rest of the platform sees it.
//!
//! Built by [`super::read`], or in code by embedding programs. Passed by value or `Arc`, never global. Contains no raw
//! text: every name is parsed, every path resolved.

use super::{
    mail::MailConfig,
    metrics::MetricsConfig,
    net::IpRange,
    objects::backups::BackupsConfig,
    objects::files::FilesConfig,
    operations::OperationsConfig,
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

/// One installation.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[platform]`.
    pub platform: PlatformConfig,
    /// `[servers.NAME]`, in the order of the file.
    pub servers: Vec<ServerConfig>,
    /// `[stores.NAME]`, in the order of the file. Always contains `control`.
    pub stores: Vec<StoreConfig>,
    /// `[apps]`.
    pub apps: AppsConfig,
    /// `[plans.NAME]`, in the order of the file, in which they are offered.
    pub plans: Vec<PlanConfig>,
    /// `[registration]`.
    pub registration: RegistrationConfig,
    /// `[limits]`.
    pub limits: LimitsConfig,
    /// `[operations]`.
    pub operations: OperationsConfig,
    /// `[retention]`.
    pub retention: RetentionConfig,
    /// `[auth]`.
    pub auth: AuthConfig,
    /// `[mail]`.
    pub mail: MailConfig,
    /// `[backups]`.
    pub backups: BackupsConfig,
    /// `[files]`.
    pub files: FilesConfig,
    /// `[metrics]`.
    pub metrics: MetricsConfig,
}

/// The installation itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PlatformConfig {
    /// Display name.
    pub name: String,
    /// Directory of everything that the platform writes. Resolved against the file's directory.
    pub data_dir: PathBuf,
    /// Tenants are reached at `SLUG.base_domain`; exact suffix match (`host-spoofing`).
    pub base_domain: String,
    /// Clients reach this installation by https, through a proxy that terminates it. Session cookies are then `Secure`
    /// and carry the `__Host-` prefix (`cross-site-request`).
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
    /// Whether there is one database, or one per tenant.
    pub scope: Scope,
    /// Servers for its databases. Never empty, and exactly one for system stores. A pool is on the first; tenants
    /// promoted out of it can be on any.
    pub servers: Vec<ServerName>,
    /// Pooled, or a schema or database for each tenant. Always `Database` for system stores.
    pub isolation: Isolation,
    /// Template for the names of its databases.
    pub template: NameTemplate,
    /// Says if the platform or the tenant provides its databases.
    pub provision: Provision,
    /// System store whose database holds the tenants without an external database.
    pub pooled_in: Option<StoreName>,
}

/// Provider of the databases of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provision {
    /// The platform, when the tenant is created.
    Managed,
    /// The tenant. The platform uses an attached database, and never creates or migrates one unasked.
    External,
    /// The platform, when a request first needs it.
    OnDemand,
}

/// Where apps come from.
#[derive(Debug, Clone, PartialEq)]
pub struct AppsConfig {
    /// Directory of app folders, resolved against the file's directory.
    pub dir: PathBuf,
    /// Installed apps. One without a folder in `dir` may be built into the binary.
    pub list: Vec<AppName>,
}

/// A plan to which tenants can subscribe.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanConfig {
    /// Name in `[plans.NAME]`.
    pub name: PlanName,
    /// Display name.
    pub label: String,
    /// Length in days of the trial with which a new subscription starts. 0: active at once.
    pub trial_days: u32,
    /// Text for users; the platform does not bill.
    pub price: String,
    /// Limits, enforced where they can be exceeded (`enforced-limits`).
    pub limits: PlanLimits,
    /// Features that are switched on.
    pub features: Vec<String>,
    /// A registration may choose it. Otherwise only staff assign it.
    pub self_service: bool,
}

/// Self-service registration, and the placement of its tenants.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistrationConfig {
    /// Anyone may register a tenant.
    pub open: bool,
    /// Plan of a new tenant.
    pub default_plan: PlanName,
    /// Reserved slugs in addition to those that always are.
    pub reserved_slugs: Vec<Slug>,
    /// How a server is chosen from a store's `servers`.
    pub placement: PlacementPolicy,
}

/// How a server is chosen for a new database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlacementPolicy {
    /// The first of the list. The others receive tenants only by moves.
    First,
    /// The one with the fewest databases.
    Fewest,
}

/// Limits of the process and of single requests.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsConfig {
    /// Number of databases kept open. The least recently used are closed.
    pub open_databases: usize,
    /// Number of threads for long reads and writes off the request path.
    pub blocking_threads: usize,
    /// Number of these threads for one tenant at a time. `None`: half of them.
    pub tenant_threads: Option<usize>,
    /// Longest running time of a statement, in milliseconds.
    pub statement_deadline_ms: u64,
    /// Memory that one statement of a tenant's own SQL may use, in bytes.
    pub statement_memory: u64,
    /// Bytes that one such statement may write to temporary files.
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
    /// Size in bytes after which a page of a list is cut. The page then says where the next one begins.
    pub page_bytes: u64,
    /// Largest number of open connections, if the limit of open files allows it. The connection that has been
    /// waiting for its client longest makes room for a new one.
    pub connections: usize,
    /// Largest number of open connections of one address, or of one /64 of IPv6. One /48 may have four times as
    /// many, but at most half of all. Does not apply to trusted proxies.
    pub connections_per_address: usize,
    /// Largest head of a request, in bytes.
    pub head_bytes: u64,
    /// Time within which a complete head must arrive. Also the lifetime of an idle connection.
    pub head_timeout: Duration,
    /// Longest time for which a client may read its answer slower than `read_bytes_per_second`.
    pub write_timeout: Duration,
    /// Lowest average reading speed of a client over `write_timeout`, in bytes per second.
    pub read_bytes_per_second: u64,
    /// Longest time for which a body may arrive slower than `body_bytes_per_second`. Only time in which the server waits
    /// for the client counts.
    pub body_timeout: Duration,
    /// Lowest average speed at which a body must arrive over `body_timeout`, in bytes per second.
    pub body_bytes_per_second: u64,
}

/// Grace period and retention of a cancelled tenant (`staged-deletion`).
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionConfig {
    /// Number of days for which a cancelled tenant can still be used.
    pub grace_days: u32,
    /// Number of days after that for which its data is retained.
    pub retention_days: u32,
    /// Takes a backup before data is removed.
    pub final_backup: bool,
    /// Number of days for which the backups of a purged tenant are retained. 0: removed with it.
    pub backups_days: u32,
    /// Largest number of tenants that one automatic run purges. 0: no automatic purges.
    pub max_purges_per_run: u32,
    /// Number of hours between two such runs.
    pub run_every_hours: u32,
}

/// Authentication.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthConfig {
    /// Lifetime of a session in hours.
    pub session_hours: u32,
    /// Roles of memberships. A person who registers a tenant gets the first one.
    pub roles: Vec<RoleName>,
    /// Largest number of failed sign-ins from one network per minute (`account-enumeration`).
    pub login_per_minute: u32,
    /// Largest number of failed sign-ins at one account per hour, from all networks together from which it never signed
    /// in.
    pub guesses_per_hour: u32,
    /// Number of failed sign-ins after which an account is locked for their network, first for a minute, then longer.
    /// 0: never.
    pub lock_after: u32,
    /// Longest duration of such a lock, in minutes.
    pub lock_minutes: u32,
    /// Largest number of registrations per address and hour.
    pub registration_per_hour: u32,
    /// Issuers whose tokens are accepted.
    pub jwt: Vec<JwtProvider>,
}

/// An issuer of tokens. It has one algorithm and one key source, and nothing in a token chooses either
/// (`token-confusion`).
#[derive(Debug, Clone, PartialEq)]
pub struct JwtProvider {
    /// Exact `iss`.
    pub issuer: String,
    /// Accepted `aud`; never empty (`claims-skipped`).
    pub audience: Vec<String>,
    /// The only accepted algorithm.
    pub algorithm: JwtAlgorithm,
    /// Location of its keys.
    pub key: KeySource,
    /// Claim that names the tenant by slug, such as `custom:organization_id`.
    pub tenant_claim: String,
    /// Claim that identifies the user.
    pub user_claim: String,
    /// Refuses a token without `nbf`.
    pub require_nbf: bool,
    /// Tenants that this issuer may name (`foreign-issuer`). Empty: all, for the platform's own issuer.
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
    /// Returns true if tokens are signed with a shared secret, not with a key pair.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

/// Location of an issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A public key, PEM.
    KeyFile(PathBuf),
    /// A key set on disk.
    JwksFile(PathBuf),
    /// A key set fetched over https.
    JwksUrl(String),
    /// Name of an environment variable with the shared secret. Secrets are never in the file.
    SecretEnv(String),
}

impl Config {
    /// Changes the data directory. Servers inside the configured data directory move with it; others stay where they
    /// are.
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

    /// Returns the store with this name if every tenant has one.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] otherwise.
    pub fn tenant_store(&self, name: &StoreName) -> crate::Result<&StoreConfig> {
        let store = self.store(name.as_str()).filter(|store| store.scope == Scope::Tenant);
        store.ok_or(crate::Error::NotFound("store"))
    }

    /// Returns the server with this name.
    pub fn server(&self, name: &str) -> Option<&ServerConfig> {
        self.servers.iter().find(|server| server.name.as_str() == name)
    }

    /// Returns the plan with this name.
    pub fn plan(&self, name: &str) -> Option<&PlanConfig> {
        self.plans.iter().find(|plan| plan.name.as_str() == name)
    }

    /// Stores of one scope, in the order of the file.
    pub fn stores_of(&self, scope: Scope) -> impl Iterator<Item = &StoreConfig> {
        self.stores.iter().filter(move |store| store.scope == scope)
    }
}

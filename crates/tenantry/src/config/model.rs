//! The checked configuration: what the rest of the platform sees of `tenantry.toml`.
//!
//! Built by [`super::read`] or in code by builders who embed the platform; passed by value or `Arc`,
//! never global. Holds no raw text: every name is parsed, every path resolved.

use super::{
    backups::{BackupTarget, BackupsConfig},
    mail::MailConfig,
    metrics::MetricsConfig,
    net::IpRange,
    operations::OperationsConfig,
    template::NameTemplate,
};
pub use crate::plans::Limits as PlanLimits;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
pub use tenantry_engine::model::Scope;
use tenantry_engine::{
    name::{AppName, PlanName, RoleName, ServerName, Slug, StoreName},
    place::{EngineKind, Isolation},
};

/// One installation.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[platform]`.
    pub platform: PlatformConfig,
    /// `[servers.NAME]`, in the order of the file.
    pub servers: Vec<ServerConfig>,
    /// `[stores.NAME]`, in the order of the file; always with `control`.
    pub stores: Vec<StoreConfig>,
    /// `[apps]`.
    pub apps: AppsConfig,
    /// `[plans.NAME]`, in the order of the file, which is the order they are offered in.
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
    /// `[metrics]`.
    pub metrics: MetricsConfig,
}

/// The installation itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PlatformConfig {
    /// Shown to people.
    pub name: String,
    /// Everything the platform writes lies below it. Resolved against the file's directory.
    pub data_dir: PathBuf,
    /// Tenants are reached at `SLUG.base_domain`; exact suffix match (`host-spoofing`).
    pub base_domain: String,
    /// Clients reach this installation by https, through a proxy that ends it: session cookies are
    /// `Secure` and carry the `__Host-` prefix (`cross-site-request`).
    pub https: bool,
    /// Where `serve` listens.
    pub listen: SocketAddr,
    /// Peers whose forwarded headers are believed (`host-spoofing`).
    pub trusted_proxies: Vec<IpRange>,
}

/// Where databases live.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// Name in `[servers.NAME]`.
    pub name: ServerName,
    /// Database software.
    pub engine: EngineKind,
    /// SQLite: the directory of the files. Resolved against the data directory.
    pub path: PathBuf,
}

/// A named logical database.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreConfig {
    /// Name in `[stores.NAME]`.
    pub name: StoreName,
    /// One of it, or one per tenant.
    pub scope: Scope,
    /// Servers its databases may lie on; never empty, exactly one for system stores. A pool lies on the
    /// first, and those who were promoted out of it on any.
    pub servers: Vec<ServerName>,
    /// Pooled or a database each. System stores are always `Database`.
    pub isolation: Isolation,
    /// What its databases are called.
    pub template: NameTemplate,
    /// Who makes its databases.
    pub provision: Provision,
    /// System store in whose database tenants live who bring none of their own (X1: recorded).
    pub pooled_in: Option<StoreName>,
}

/// Who makes the databases of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provision {
    /// The platform, when the tenant is created.
    Managed,
    /// Somebody else; the platform is told of them and never creates or migrates unasked (F3).
    External,
    /// The platform, when a request first needs it (V3).
    OnDemand,
}

/// Where apps come from.
#[derive(Debug, Clone, PartialEq)]
pub struct AppsConfig {
    /// Directory of app folders, resolved against the file's directory.
    pub dir: PathBuf,
    /// Apps that are installed. One that has no folder in `dir` may be built into the binary.
    pub list: Vec<AppName>,
}

/// What a tenant may subscribe to.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanConfig {
    /// Name in `[plans.NAME]`.
    pub name: PlanName,
    /// Shown to people.
    pub label: String,
    /// Days of trial a new subscription starts with; 0 is active at once.
    pub trial_days: u32,
    /// Shown to people; the platform does not bill.
    pub price: String,
    /// Enforced where they can be exceeded (`enforced-limits`).
    pub limits: PlanLimits,
    /// Features switched on.
    pub features: Vec<String>,
    /// Chosen by a registration without staff. The others only staff assign.
    pub self_service: bool,
}

/// Self-service registration and where its tenants are put.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistrationConfig {
    /// Anybody may register a tenant.
    pub open: bool,
    /// Plan of a new tenant.
    pub default_plan: PlanName,
    /// Slugs that are kept back besides those that always are.
    pub reserved_slugs: Vec<Slug>,
    /// How a server is picked from a store's `servers`.
    pub placement: PlacementPolicy,
}

/// How a server is picked for a new database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlacementPolicy {
    /// The first of the list; the others receive tenants by move only.
    First,
    /// The one with the fewest databases.
    Fewest,
}

/// Limits of the process and of single requests.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsConfig {
    /// Databases kept open; the least recently used are closed.
    pub open_databases: usize,
    /// Threads for long reads and writes off the request path.
    pub blocking_threads: usize,
    /// Of those, for one tenant at a time; None: half of them.
    pub tenant_threads: Option<usize>,
    /// Longest a statement may run, milliseconds.
    pub statement_deadline_ms: u64,
    /// Memory that one statement of a tenant's own SQL may hold, bytes.
    pub statement_memory: u64,
    /// Bytes that one such statement may write to temporary files.
    pub statement_scratch: u64,
    /// A disk with less room than this counts as full, bytes.
    pub disk_reserve: u64,
    /// Largest request body except uploads and imports, bytes.
    pub request_body_bytes: u64,
    /// Largest archive of a company that is taken in over the API, bytes.
    pub import_bytes: u64,
    /// Largest CSV file that one import takes.
    pub import_csv_bytes: u64,
    /// Bytes of the cells of one record of a CSV file at most.
    pub import_record_bytes: u64,
    /// Most bytes of one page of a list; a longer page is cut, and says where it goes on.
    pub page_bytes: u64,
    /// Connections open at once, as far as the limit of open files allows; the idlest makes room for a new one.
    pub connections: usize,
    /// The same for one address, or one /64 of IPv6; trusted proxies are not held to it.
    pub connections_per_address: usize,
    /// Largest head of a request, bytes.
    pub head_bytes: u64,
    /// Time for a head to arrive whole; also how long an idle connection is kept.
    pub head_timeout: Duration,
    /// Longest that a client may read less than `read_bytes_per_second` of its answer.
    pub write_timeout: Duration,
    /// Slowest that a client may read, on average over `write_timeout`.
    pub read_bytes_per_second: u64,
}

/// How a tenant that was cancelled ends (`staged-deletion`).
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionConfig {
    /// Days a cancelled tenant still works.
    pub grace_days: u32,
    /// Days its data is kept after that.
    pub retention_days: u32,
    /// A backup is made before data is removed.
    pub final_backup: bool,
    /// Days the backups of a purged tenant are kept; 0: removed with it.
    pub backups_days: u32,
    /// Tenants the platform purges by itself in one run, at most; 0: none.
    pub max_purges_per_run: u32,
    /// Hours between such runs.
    pub run_every_hours: u32,
}

/// Who may come in.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthConfig {
    /// Life of a session, hours.
    pub session_hours: u32,
    /// Roles a membership may carry. The first is what the person who registers a tenant gets.
    pub roles: Vec<RoleName>,
    /// Failed sign-ins allowed from one network each minute (`account-enumeration`).
    pub login_per_minute: u32,
    /// Failed sign-ins allowed at one account each hour, from all networks that it never signed in from together.
    pub guesses_per_hour: u32,
    /// Failed sign-ins after which an account is closed to their network for a minute, then for longer; 0 is never.
    pub lock_after: u32,
    /// Longest it is closed, minutes.
    pub lock_minutes: u32,
    /// Registrations allowed per address each hour.
    pub registration_per_hour: u32,
    /// Issuers whose tokens are accepted.
    pub jwt: Vec<JwtProvider>,
}

/// An issuer of tokens. One algorithm, one key source: nothing in a token chooses either (`token-confusion`).
#[derive(Debug, Clone, PartialEq)]
pub struct JwtProvider {
    /// Exact `iss`.
    pub issuer: String,
    /// Accepted `aud`; never empty (`claims-skipped`).
    pub audience: Vec<String>,
    /// The one algorithm.
    pub algorithm: JwtAlgorithm,
    /// Where its keys are.
    pub key: KeySource,
    /// Claim that names the tenant by slug, as `custom:organization_id` (V4).
    pub tenant_claim: String,
    /// Claim that identifies the user.
    pub user_claim: String,
    /// A token without `nbf` is refused.
    pub require_nbf: bool,
    /// Tenants this issuer may speak for (`foreign-issuer`); empty is all, for the platform's own issuer.
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
    /// Signed with a secret both sides know, not with a key pair.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A public key, PEM.
    KeyFile(PathBuf),
    /// A key set on disk.
    JwksFile(PathBuf),
    /// A key set fetched over https.
    JwksUrl(String),
    /// Name of an environment variable with the shared secret: secrets are never in the file.
    SecretEnv(String),
}

impl Config {
    /// Puts everything the platform writes below another directory: servers inside the configured
    /// data directory move along, others stay where they are.
    pub fn set_data_dir(&mut self, dir: &std::path::Path) {
        for server in &mut self.servers {
            if let Ok(inside) = server.path.strip_prefix(&self.platform.data_dir) {
                server.path = dir.join(inside);
            }
        }
        if let BackupTarget::Directory(path) = &mut self.backups.target
            && let Ok(inside) = path.strip_prefix(&self.platform.data_dir)
        {
            *path = dir.join(inside);
        }
        self.platform.data_dir = dir.to_owned();
    }

    /// The store of that name.
    pub fn store(&self, name: &str) -> Option<&StoreConfig> {
        self.stores.iter().find(|store| store.name.as_str() == name)
    }

    /// The server of that name.
    pub fn server(&self, name: &str) -> Option<&ServerConfig> {
        self.servers.iter().find(|server| server.name.as_str() == name)
    }

    /// The plan of that name.
    pub fn plan(&self, name: &str) -> Option<&PlanConfig> {
        self.plans.iter().find(|plan| plan.name.as_str() == name)
    }

    /// Stores of one scope, in the order of the file.
    pub fn stores_of(&self, scope: Scope) -> impl Iterator<Item = &StoreConfig> {
        self.stores.iter().filter(move |store| store.scope == scope)
    }

    /// Where file fields keep their bytes.
    pub fn files_dir(&self) -> PathBuf {
        self.platform.data_dir.join("files")
    }
}

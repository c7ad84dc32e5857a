//! Default values of keys that the file does not have. The module `read` and embedding programs use them.
//!
//! `default.toml` documents the same values; a test checks that both are equal. Nothing here is read from a file or the
//! environment.

use super::{
    model::*,
    servers::labels::ServerLabels,
    servers::{Location, ServerConfig},
    template::NameTemplate,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tenantry_engine::{
    name::{NameError, StoreName},
    place::Isolation,
};

const MIB: u64 = 1 << 20;

/// Parses a name written in this file; the defaults test parses every one of them.
fn fixed<T: std::str::FromStr<Err = NameError>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| unreachable!("a name in the defaults is wrong: {error}"))
}

impl Default for Config {
    /// Returns the configuration of the MedAdmin platform, with relative paths.
    fn default() -> Self {
        Self::defaults_in(Path::new(""))
    }
}

impl Config {
    /// Returns the defaults with paths resolved against `dir`.
    pub fn defaults_in(dir: &Path) -> Self {
        let platform = PlatformConfig { data_dir: dir.join("tenantry-data"), ..PlatformConfig::default() };
        let backups = super::BackupsConfig::defaults_in(&platform.data_dir);
        let files = super::FilesConfig::defaults_in(&platform.data_dir);
        let mail = super::MailConfig::defaults_in(&platform.data_dir);
        Self {
            servers: vec![ServerConfig {
                name: fixed("main"),
                location: Location::Sqlite(platform.data_dir.join("databases")),
                labels: ServerLabels::default(),
            }],
            platform,
            stores: vec![
                StoreConfig::of(fixed("control"), Scope::System),
                StoreConfig::of(fixed("shared"), Scope::System),
                StoreConfig::of(fixed("tenant"), Scope::Tenant),
            ],
            apps: AppsConfig { dir: dir.join("apps"), list: vec![fixed("medadmin")] },
            plans: plans(),
            registration: RegistrationConfig::default(),
            limits: LimitsConfig::default(),
            operations: super::OperationsConfig::default(),
            retention: RetentionConfig::default(),
            auth: AuthConfig::default(),
            mail,
            backups,
            files,
            metrics: super::MetricsConfig::default(),
            analytics: super::AnalyticsConfig::default(),
            attachments: super::AttachmentsConfig::default(),
            secrets: super::SecretsConfig::default(),
            licences: super::LicencesConfig::default(),
            mirror: None,
        }
    }
}

impl Default for PlatformConfig {
    fn default() -> Self {
        Self {
            name: "MedAdmin".into(),
            data_dir: PathBuf::from("tenantry-data"),
            base_domain: "localhost".into(),
            https: false,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8000)),
            trusted_proxies: vec![],
        }
    }
}

impl StoreConfig {
    /// Returns a store with only name and scope given: one managed database, or one per tenant, on the server `main`.
    pub fn of(name: StoreName, scope: Scope) -> Self {
        Self {
            template: NameTemplate::default_for(&name, scope, Isolation::Database),
            name,
            scope,
            servers: vec![fixed("main")],
            isolation: Isolation::Database,
            numbered: true,
            provision: Provision::Managed,
            pooled_in: None,
            schema: "public".into(),
        }
    }
}

impl Default for RegistrationConfig {
    fn default() -> Self {
        Self {
            open: true,
            default_plan: fixed("starter"),
            reserved_slugs: vec![],
            placement: PlacementPolicy::Fewest,
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            open_databases: 500,
            blocking_threads: 8,
            tenant_threads: None,
            statement_deadline_ms: 5_000,
            statement_memory: 32 * MIB,
            statement_scratch: 256 * MIB,
            disk_reserve: 16 * MIB,
            request_body_bytes: MIB,
            import_bytes: 20 << 30,
            import_csv_bytes: 2 << 30,
            import_record_bytes: MIB,
            page_bytes: MIB,
            copied_rows: 2_000,
            copied_bytes: MIB,
            connections: 2_048,
            connections_per_address: 256,
            head_bytes: 32 << 10,
            head_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            read_bytes_per_second: 1 << 10,
            body_timeout: Duration::from_secs(10),
            body_bytes_per_second: 256,
        }
    }
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            grace_days: 14,
            retention_days: 30,
            final_backup: true,
            backups_days: 90,
            max_purges_per_run: 10,
            run_every_hours: 24,
            activity_days: 0,
        }
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            session_hours: 12,
            roles: ["owner", "admin", "member", "viewer"].into_iter().map(fixed).collect(),
            login_per_minute: 10,
            guesses_per_hour: 30,
            lock_after: 10,
            lock_minutes: 60,
            registration_per_hour: 20,
            jwt: vec![],
        }
    }
}

/// Returns the three plans of MedAdmin.
fn plans() -> Vec<PlanConfig> {
    let plan = |name, label: &str, trial_days, price: &str, limits, features: &[&str]| PlanConfig {
        name: fixed(name),
        label: label.into(),
        trial_days,
        price: price.into(),
        limits,
        features: features.iter().map(|feature| (*feature).into()).collect(),
        self_service: name != "hospital",
        servers: ServerLabels::default(),
    };
    let limits = |users, rows, megabytes, files, requests_per_second, concurrency| PlanLimits {
        users: Some(users),
        rows: Some(rows),
        bytes: Some(megabytes * MIB),
        file_bytes: Some(files * MIB),
        requests_per_second: Some(requests_per_second),
        concurrency: Some(concurrency),
    };
    let basic = &["reports"][..];
    let more = &["reports", "reminders"][..];
    let all = &["reports", "reminders", "analytics"][..];
    let unlimited = PlanLimits { users: None, rows: None, ..limits(0, 0, 20_480, 102_400, 1_000, 128) };
    vec![
        plan("starter", "Starter", 14, "29 EUR a month", limits(5, 50_000, 256, 1_024, 50, 16), basic),
        plan("clinic", "Clinic", 30, "99 EUR a month", limits(25, 500_000, 2_048, 10_240, 200, 32), more),
        plan("hospital", "Hospital", 30, "on request", unlimited, all),
    ]
}

//! The raw stage: reads `tenantry.toml` section by section into a [`Config`], with defaults for absent keys.
//!
//! Only [`Config::parse`] calls it. It looks at one key at a time; the module `check` checks consistency between keys.
//! Every `finish` reports unknown keys.

use crate::config::{model::*, problem::Problems, reader::Section, source::Source, template::NameTemplate};
use std::{net::SocketAddr, path::Path};
use tenantry_engine::{
    name::{PlanName, StoreName},
    place::Isolation,
};

/// Reads the whole file. Relative paths are relative to `dir`.
pub(in crate::config) fn read(file: &str, text: &str, dir: &Path) -> Result<Config, Problems> {
    let (source, document) = Source::parse(file, text);
    let root = Section::root(&source, &document);
    let defaults = Config::defaults_in(dir);
    let platform = platform(root.section("platform"), dir, defaults.platform);
    let config = Config {
        servers: crate::config::servers::read(&root, dir, &platform),
        backups: backups(root.section("backups"), &platform),
        files: crate::config::objects::files::read(root.section("files"), &platform.data_dir),
        mail: crate::config::mail::read(root.section("mail"), dir, &platform),
        platform,
        stores: stores(&root, defaults.stores),
        apps: apps(root.section("apps"), dir, defaults.apps),
        plans: plans(&root, defaults.plans),
        registration: registration(root.section("registration"), defaults.registration),
        limits: limits(root.section("limits"), defaults.limits),
        operations: crate::config::operations::read(root.section("operations")),
        retention: retention(root.section("retention"), defaults.retention),
        analytics: crate::config::analytics::read(root.section("analytics")),
        metrics: crate::config::metrics::read(root.section("metrics")),
        attachments: crate::config::attachments::read(root.section("attachments"), dir),
        secrets: crate::config::keys::secrets::read(root.section("secrets"), dir),
        licences: crate::config::keys::licences::read(root.section("licences"), dir),
        mirror: crate::config::mirror::read(&root),
        auth: crate::config::read_auth::auth(root.section("auth"), dir, defaults.auth),
    };
    root.finish();
    config.check_into(&mut |path, message| source.report(path, format!("{path}: {message}")));
    source.finish()?;
    Ok(config)
}

fn platform(section: Section<'_>, dir: &Path, default: PlatformConfig) -> PlatformConfig {
    let platform = PlatformConfig {
        name: section.text("name").map_or(default.name, str::to_owned),
        data_dir: section.text("data_dir").map_or(default.data_dir, |path| dir.join(path)),
        base_domain: section.text("base_domain").map_or(default.base_domain, str::to_ascii_lowercase),
        https: section.flag("https").unwrap_or(default.https),
        listen: listen(&section).unwrap_or(default.listen),
        trusted_proxies: section.list("trusted_proxies").unwrap_or(default.trusted_proxies),
    };
    section.finish();
    platform
}

fn listen(section: &Section<'_>) -> Option<SocketAddr> {
    let parsed = section.text("listen")?.parse();
    if parsed.is_err() {
        section.problem("listen", "must be an address with a port, such as \"127.0.0.1:8000\"");
    }
    parsed.ok()
}

fn stores(root: &Section<'_>, default: Vec<StoreConfig>) -> Vec<StoreConfig> {
    if !root.has("stores") {
        return default;
    }
    root.named("stores").into_iter().map(|(name, section)| store(name, section)).collect()
}

fn store(name: StoreName, section: Section<'_>) -> StoreConfig {
    // The name determines the scope if the section does not state it: `control` and `shared` belong to the platform.
    let by_name = match name.as_str() {
        "control" | "shared" => Scope::System,
        _ => Scope::Tenant,
    };
    let scope = section.one_of("scope", &[("system", Scope::System), ("tenant", Scope::Tenant)]);
    let scope = scope.unwrap_or(by_name);
    let isolations = [Isolation::Database, Isolation::Schema, Isolation::Pooled].map(|is| (is.as_str(), is));
    let isolation = section.one_of("isolation", &isolations).unwrap_or(Isolation::Database);
    let provisions = [
        ("managed", Provision::Managed),
        ("external", Provision::External),
        ("on_demand", Provision::OnDemand),
    ];
    let one = section.parsed("server").map(|server| vec![server]);
    let many = section.list("servers");
    if one.is_some() && many.is_some() {
        section.problem("servers", "give `server` or `servers`, not both");
    }
    let default = StoreConfig::of(name.clone(), scope);
    let store = StoreConfig {
        servers: many.or(one).unwrap_or(default.servers),
        isolation,
        template: section
            .parsed("name")
            .unwrap_or_else(|| NameTemplate::default_for(&name, scope, isolation)),
        numbered: section.flag("numbered").unwrap_or(true),
        provision: section.one_of("provision", &provisions).unwrap_or(default.provision),
        pooled_in: section.parsed("pooled_in"),
        schema: section.text("schema").map_or(default.schema, str::to_owned),
        scope,
        name,
    };
    section.finish();
    store
}

fn apps(section: Section<'_>, dir: &Path, default: AppsConfig) -> AppsConfig {
    let apps = AppsConfig {
        dir: section.text("dir").map_or(default.dir, |path| dir.join(path)),
        list: section.list("list").unwrap_or(default.list),
    };
    section.finish();
    apps
}

fn backups(section: Section<'_>, platform: &PlatformConfig) -> crate::config::BackupsConfig {
    let backups = crate::config::objects::backups::read(&section, &platform.data_dir);
    section.finish();
    backups
}

fn plans(root: &Section<'_>, default: Vec<PlanConfig>) -> Vec<PlanConfig> {
    if !root.has("plans") {
        return default;
    }
    let read = |(name, section): (PlanName, Section<'_>)| {
        let plan = PlanConfig {
            label: section.text("label").map_or(name.to_string(), str::to_owned),
            trial_days: section.number("trial_days", 0..=3_650).unwrap_or(0) as u32,
            price: section.text("price").unwrap_or_default().to_owned(),
            limits: plan_limits(section.section("limits")),
            features: section.list("features").unwrap_or_default(),
            self_service: section.flag("self_service").unwrap_or(true),
            servers: section.labels("servers").unwrap_or_default(),
            name,
        };
        section.finish();
        plan
    };
    root.named("plans").into_iter().map(read).collect()
}

fn plan_limits(section: Section<'_>) -> PlanLimits {
    let limits = PlanLimits {
        users: section.number("users", 1..=u64::MAX),
        rows: section.number("rows", 1..=i64::MAX as u64),
        bytes: section.bytes("bytes"),
        file_bytes: section.bytes("file_bytes"),
        requests_per_second: section.number("requests_per_second", 1..=1_000_000),
        concurrency: section.number("concurrency", 1..=100_000),
    };
    section.finish();
    limits
}

fn registration(section: Section<'_>, default: RegistrationConfig) -> RegistrationConfig {
    let policies = [("first", PlacementPolicy::First), ("fewest", PlacementPolicy::Fewest)];
    let registration = RegistrationConfig {
        open: section.flag("open").unwrap_or(default.open),
        default_plan: section.parsed("default_plan").unwrap_or(default.default_plan),
        reserved_slugs: section.list("reserved_slugs").unwrap_or(default.reserved_slugs),
        placement: section.one_of("placement", &policies).unwrap_or(default.placement),
    };
    section.finish();
    registration
}

fn limits(section: Section<'_>, default: LimitsConfig) -> LimitsConfig {
    let number = |key, range, default: u64| section.number(key, range).unwrap_or(default);
    let limits = LimitsConfig {
        open_databases: number("open_databases", 1..=1_000_000, default.open_databases as u64) as usize,
        blocking_threads: number("blocking_threads", 1..=512, default.blocking_threads as u64) as usize,
        tenant_threads: section.number("tenant_threads", 1..=512).map(|found| found as usize),
        statement_memory: section.bytes("statement_memory").unwrap_or(default.statement_memory),
        statement_scratch: section.bytes("statement_scratch").unwrap_or(default.statement_scratch),
        disk_reserve: section.bytes("disk_reserve").unwrap_or(default.disk_reserve),
        statement_deadline_ms: number("statement_deadline_ms", 10..=3_600_000, default.statement_deadline_ms),
        request_body_bytes: section.bytes("request_body_bytes").unwrap_or(default.request_body_bytes),
        import_bytes: section.bytes("import_bytes").unwrap_or(default.import_bytes),
        import_csv_bytes: section.bytes("import_csv_bytes").unwrap_or(default.import_csv_bytes),
        import_record_bytes: section.bytes("import_record_bytes").unwrap_or(default.import_record_bytes),
        page_bytes: section.bytes("page_bytes").unwrap_or(default.page_bytes),
        copied_rows: number("copied_rows", 0..=100_000, default.copied_rows),
        copied_bytes: section.bytes("copied_bytes").unwrap_or(default.copied_bytes),
        connections: number("connections", 1..=1_000_000, default.connections as u64) as usize,
        connections_per_address: number(
            "connections_per_address",
            1..=1_000_000,
            default.connections_per_address as u64,
        ) as usize,
        head_bytes: section.bytes("head_bytes").unwrap_or(default.head_bytes),
        head_timeout: section.duration("head_timeout").unwrap_or(default.head_timeout),
        write_timeout: section.duration("write_timeout").unwrap_or(default.write_timeout),
        read_bytes_per_second: section
            .bytes("read_bytes_per_second")
            .unwrap_or(default.read_bytes_per_second),
        body_timeout: section.duration("body_timeout").unwrap_or(default.body_timeout),
        body_bytes_per_second: section
            .bytes("body_bytes_per_second")
            .unwrap_or(default.body_bytes_per_second),
    };
    section.finish();
    limits
}

fn retention(section: Section<'_>, default: RetentionConfig) -> RetentionConfig {
    let number =
        |key, most, default: u32| section.number(key, 0..=most).map_or(default, |found| found as u32);
    let retention = RetentionConfig {
        grace_days: number("grace_days", 3_650, default.grace_days),
        retention_days: number("retention_days", 36_500, default.retention_days),
        final_backup: section.flag("final_backup").unwrap_or(default.final_backup),
        backups_days: number("backups_days", 36_500, default.backups_days),
        max_purges_per_run: number("max_purges_per_run", 1_000_000, default.max_purges_per_run),
        run_every_hours: number("run_every_hours", 8_760, default.run_every_hours),
        activity_days: number("activity_days", 36_500, default.activity_days),
    };
    section.finish();
    retention
}

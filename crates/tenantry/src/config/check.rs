//! The checked stage: consistency between keys. Called after reading, and by programs that build a [`Config`] in code.
//! It opens nothing: whether paths exist is checked when they are used.

use super::{model::*, problem::*, servers::ServerConfig};
use std::{collections::HashSet, time::Duration};
use tenantry_engine::{
    name::{PlanName, ServerName},
    place::{EngineKind, Isolation},
};

/// Range of the timeouts for clients.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Longest name in PostgreSQL, in bytes.
const LONGEST_NAME: usize = 63;

type Report<'a> = &'a mut dyn FnMut(&str, String);

impl Config {
    /// Checks a configuration that was built in code. Problems have no line.
    ///
    /// # Errors
    /// Returns all inconsistencies at once.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        self.check_into(&mut |path, message| {
            problems.push(Problem {
                file: "configuration".into(),
                line: 0,
                message: format!("{path}: {message}"),
            });
        });
        Problems(problems).into_result()
    }

    /// Reports every inconsistency, with the path of the key to change.
    pub(super) fn check_into(&self, report: Report<'_>) {
        platform(&self.platform, report);
        super::servers::check(self, report);
        super::mirror::check(self, report);
        super::attachments::check(self, report);
        control(self, report);
        for store in &self.stores {
            check_store(self, store, report);
        }
        names_clash(self, report);
        apps_and_plans(self, report);
        super::objects::backups::check(self, report);
        limits(&self.limits, report);
        roles(&self.auth, report);
        let threads = self.limits.blocking_threads;
        if self.limits.tenant_threads.is_some_and(|share| share > (threads / 2).max(1)) {
            // A larger share would let one tenant take almost all threads.
            report(
                "limits.tenant_threads",
                format!("must be at most half of blocking_threads, {}", (threads / 2).max(1)),
            );
        }
        for (index, provider) in self.auth.jwt.iter().enumerate() {
            let earlier = &self.auth.jwt[..index];
            if earlier.iter().any(|other| other.issuer == provider.issuer) {
                // Two entries would let a token choose between two keys (`token-confusion`).
                report(&format!("auth.jwt.{}.issuer", index + 1), "is given twice".into());
            }
            jwt(provider, &format!("auth.jwt.{}", index + 1), report);
        }
    }
}

fn platform(platform: &PlatformConfig, report: Report<'_>) {
    if platform.name.trim().is_empty() {
        report("platform.name", "must not be empty".into());
    }
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !platform.base_domain.split('.').all(label) {
        report("platform.base_domain", "must be a host name without port, such as \"example.com\"".into());
    }
}

fn limits(limits: &LimitsConfig, report: Report<'_>) {
    let mut range = |key: &str, found: u64, least: u64, most: u64| {
        if !(least..=most).contains(&found) {
            report(&format!("limits.{key}"), format!("must be from {least} to {most} bytes"));
        }
    };
    range("page_bytes", limits.page_bytes, 1 << 10, 1 << 30);
    range("copied_bytes", limits.copied_bytes, 1 << 10, 1 << 30);
    range("head_bytes", limits.head_bytes, 8 << 10, 1 << 20);
    range("read_bytes_per_second", limits.read_bytes_per_second, 1, 1 << 30);
    range("body_bytes_per_second", limits.body_bytes_per_second, 1, 1 << 30);
    for (key, span) in [
        ("head_timeout", limits.head_timeout),
        ("write_timeout", limits.write_timeout),
        ("body_timeout", limits.body_timeout),
    ] {
        if !(MIN_TIMEOUT..=MAX_TIMEOUT).contains(&span) {
            report(&format!("limits.{key}"), "must be from 1 s to 1 h".into());
        }
    }
}

fn control(config: &Config, report: Report<'_>) {
    let Some(control) = config.store("control") else {
        report("stores", "the store `control` is missing: add an empty [stores.control]".into());
        return;
    };
    if control.scope != Scope::System {
        report("stores.control.scope", "must be \"system\": it is the platform's catalog".into());
    }
    if let Some(server) = on(config, control, EngineKind::Mongo).next() {
        let text =
            format!("the catalog needs SQL, and servers.{} is MongoDB: use another server", server.name);
        report("stores.control.server", text);
    }
}

fn check_store(config: &Config, store: &StoreConfig, report: Report<'_>) {
    let path = |key: &str| format!("stores.{}.{key}", store.name);
    for server in &store.servers {
        if config.server(server.as_str()).is_none() {
            let known = list(config.servers.iter().map(|server| server.name.as_str()));
            report(&path("server"), format!("there is no server `{server}`; servers are: {known}"));
        }
    }
    let unique: HashSet<&ServerName> = store.servers.iter().collect();
    if unique.is_empty() || unique.len() != store.servers.len() {
        report(&path("servers"), "name at least one server, and each once".into());
    }
    match store.scope {
        Scope::System => system_store(config, store, report),
        Scope::Tenant => tenant_store(config, store, report),
    }
}

fn system_store(config: &Config, store: &StoreConfig, report: Report<'_>) {
    let path = |key: &str| format!("stores.{}.{key}", store.name);
    names_fit(config, store, report);
    if store.servers.len() > 1 {
        report(&path("servers"), "a system store lies on one server".into());
    }
    if store.isolation != Isolation::Database {
        report(&path("isolation"), "a system store is a database of its own".into());
    }
    if store.template.is_per_tenant() {
        report(&path("name"), "a system store has one database: leave out {slug}".into());
    }
    if !store.numbered {
        report(&path("numbered"), "a system store has one database, whose name has no number".into());
    }
    if store.provision != Provision::Managed {
        report(&path("provision"), "a system store is managed by the platform".into());
    }
    if store.pooled_in.is_some() {
        report(&path("pooled_in"), "is for tenant stores".into());
    }
    own_schema(store, report);
}

/// Reports a schema that has no meaning for the store, or no name.
fn own_schema(store: &StoreConfig, report: Report<'_>) {
    let path = format!("stores.{}.schema", store.name);
    if store.schema.is_empty() || store.schema.len() > LONGEST_NAME || store.schema.contains(['"', '\0']) {
        report(&path, format!("name a schema: 1 to {LONGEST_NAME} bytes, without quotation marks"));
    }
    if store.provision != Provision::External && store.schema != "public" {
        report(
            &path,
            "is for databases that tenants create: add provision = \"external\", or leave it out".into(),
        );
    }
}

fn tenant_store(config: &Config, store: &StoreConfig, report: Report<'_>) {
    let path = |key: &str| format!("stores.{}.{key}", store.name);
    let pooled = store.isolation.is_pooled();
    if !pooled && !store.template.is_per_tenant() {
        report(&path("name"), "each tenant has its own: the name needs {slug}".into());
    }
    if pooled && store.template.is_per_tenant() {
        report(&path("name"), "pooled tenants share one database: leave out {slug}".into());
    }
    if pooled && !store.numbered {
        report(&path("numbered"), "pooled tenants share one database, whose name has no number".into());
    }
    if pooled && store.provision != Provision::Managed {
        report(&path("provision"), "a pooled store is managed by the platform".into());
    }
    schemas(config, store, report);
    own_schema(store, report);
    names_fit(config, store, report);
    let Some(pool) = &store.pooled_in else { return };
    match config.store(pool.as_str()) {
        Some(other) if other.scope == Scope::System => hosts_a_pool(config, store, other, report),
        Some(_) => report(&path("pooled_in"), format!("`{pool}` is a tenant store; name a system store")),
        None => report(&path("pooled_in"), format!("there is no store `{pool}`")),
    }
}

/// Reports a pool inside another store's database on PostgreSQL, where a pool is a separate schema, and on MongoDB, where it
/// is a separate database.
fn hosts_a_pool(config: &Config, store: &StoreConfig, host: &StoreConfig, report: Report<'_>) {
    if let Some(server) = on(config, host, EngineKind::Mongo).next() {
        let text = format!(
            "`{}` lies on MongoDB, servers.{}, where a pool is a database of its own: leave this out, and add that \
             server with isolation = \"pooled\"",
            host.name, server.name
        );
        report(&format!("stores.{}.pooled_in", store.name), text);
    }
    if let Some(server) = on(config, host, EngineKind::Postgres).next() {
        let text = format!(
            "`{}` lies on PostgreSQL, servers.{}, where a pool is a schema of its own: leave this out, and add that \
             server with isolation = \"pooled\"",
            host.name, server.name
        );
        report(&format!("stores.{}.pooled_in", store.name), text);
    }
}

/// Returns the servers of a store that are of this kind.
fn on<'c>(
    config: &'c Config,
    store: &'c StoreConfig,
    engine: EngineKind,
) -> impl Iterator<Item = &'c ServerConfig> {
    let servers = store.servers.iter().filter_map(|name| config.server(name.as_str()));
    servers.filter(move |server| server.engine() == engine)
}

/// Reports isolation `schema` where it is impossible: only PostgreSQL has schemas, and a tenant brings a whole
/// database.
fn schemas(config: &Config, store: &StoreConfig, report: Report<'_>) {
    let path = |key: &str| format!("stores.{}.{key}", store.name);
    if store.isolation != Isolation::Schema {
        return;
    }
    for (engine, named) in [(EngineKind::Sqlite, "SQLite"), (EngineKind::Mongo, "MongoDB")] {
        if let Some(server) = on(config, store, engine).next() {
            let text =
                format!("schemas need PostgreSQL; servers.{} is {named}: use \"database\"", server.name);
            report(&path("isolation"), text);
        }
    }
    if store.provision == Provision::External {
        report(&path("provision"), "a tenant brings a whole database: use isolation = \"database\"".into());
    }
}

/// Reports names that are too long: PostgreSQL would truncate them, and two tenants could get the same name. MongoDB refuses
/// them.
fn names_fit(config: &Config, store: &StoreConfig, report: Report<'_>) {
    let path = format!("stores.{}.name", store.name);
    let named = [(EngineKind::Postgres, "PostgreSQL"), (EngineKind::Mongo, "MongoDB")];
    for (server, takes) in named
        .into_iter()
        .flat_map(|(engine, name)| on(config, store, engine).map(move |server| (server, name)))
    {
        let prefix = server.prefix();
        let longest = prefix.len() + store.template.longest();
        if longest > LONGEST_NAME {
            let text = format!(
                "a name could have {longest} bytes with the prefix {prefix:?} of servers.{}, and {takes} takes \
                 {LONGEST_NAME}: shorten one of them",
                server.name
            );
            report(&path, text);
        }
    }
    for server in on(config, store, EngineKind::Postgres) {
        let pool = format!("{}{}", server.prefix(), store.template.base());
        let is_taken = ["public", "information_schema"].contains(&&*pool) || pool.starts_with("pg_");
        if !store.template.is_per_tenant() && is_taken {
            report(&path, format!("{pool} belongs to PostgreSQL itself"));
        }
    }
}

/// Reports two stores on one server whose templates may yield the same name (`no-reuse`).
fn names_clash(config: &Config, report: Report<'_>) {
    for (index, store) in config.stores.iter().enumerate() {
        let clash = config.stores[..index].iter().find(|other| {
            let shared = store.servers.iter().any(|server| other.servers.contains(server));
            shared && store.template.may_clash(&other.template)
        });
        if let Some(other) = clash {
            let message = format!(
                "\"{}\" can yield the same name as \"{}\" of stores.{} on the same server",
                store.template, other.template, other.name
            );
            report(&format!("stores.{}.name", store.name), message);
        }
    }
}

fn apps_and_plans(config: &Config, report: Report<'_>) {
    if let Some(twice) = first_double(&config.apps.list) {
        report("apps.list", format!("`{twice}` is listed twice"));
    }
    if config.plans.is_empty() {
        report("plans", "at least one plan is needed".into());
    } else if config.plan(config.registration.default_plan.as_str()).is_none() {
        let known = list(config.plans.iter().map(|plan| plan.name.as_str()));
        let wanted = &config.registration.default_plan;
        report("registration.default_plan", format!("there is no plan `{wanted}`; plans are: {known}"));
    } else if config.registration.open
        && config.plan(config.registration.default_plan.as_str()).is_some_and(|plan| !plan.self_service)
    {
        let message = "registration is open, so the default plan must be one with self_service = true";
        report("registration.default_plan", message.into());
    }
    for plan in &config.plans {
        let good = |feature: &&String| feature.parse::<PlanName>().is_err();
        if let Some(bad) = plan.features.iter().find(good) {
            let message = format!("feature {bad:?}: use a-z, 0-9 and _, starting with a letter");
            report(&format!("plans.{}.features", plan.name), message);
        }
    }
}

fn roles(auth: &AuthConfig, report: Report<'_>) {
    if auth.roles.is_empty() {
        report("auth.roles", "at least one role is needed; the first is the owner's".into());
    }
    if let Some(twice) = first_double(&auth.roles) {
        report("auth.roles", format!("`{twice}` is listed twice"));
    }
    if auth.roles.iter().any(|role| role.as_str() == "platform") {
        report("auth.roles", "`platform` means platform staff and cannot be a tenant's role".into());
    }
}

fn jwt(provider: &JwtProvider, path: &str, report: Report<'_>) {
    if provider.issuer.is_empty() {
        report(&format!("{path}.issuer"), "must not be empty".into());
    }
    if provider.audience.is_empty() || provider.audience.iter().any(String::is_empty) {
        report(&format!("{path}.audience"), "name at least one audience".into());
    }
    let secret = matches!(provider.key, KeySource::SecretEnv(_));
    if secret != provider.algorithm.is_symmetric() {
        // A public key used as an HMAC secret is the classic confusion (`token-confusion`).
        let message = "HS algorithms take secret_env, all others a public key or key set";
        report(&format!("{path}.algorithm"), message.into());
    }
    if let KeySource::JwksUrl(url) = &provider.key
        && !(url.starts_with("https://") || is_loopback(url))
    {
        report(&format!("{path}.jwks_url"), "must begin with https:// (http:// on 127.0.0.1 only)".into());
    }
}

fn is_loopback(url: &str) -> bool {
    let rest = url.strip_prefix("http://127.0.0.1").or_else(|| url.strip_prefix("http://localhost"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

fn first_double<T: Eq + std::hash::Hash>(items: &[T]) -> Option<&T> {
    let mut seen = HashSet::new();
    items.iter().find(|item| !seen.insert(*item))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

//! A platform in a temporary directory, with two stores of own databases and a pool.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use tenantry::access::Operator;
use tenantry::{
    Platform,
    audit::By,
    config::{Config, PlanConfig},
    internals::{self, Control},
    migrations::make,
    name::{PhysicalName, RoleName, ServerName, Slug, StoreName},
    operations::Operations,
    plans::Limits,
    tenants::{
        NewTenant,
        provision::{CreateTenant, Owner},
    },
    topology::{NewPlacement, Policy},
    users::NewUser,
};
use tenantry_engine::{
    CacheLimits, Engine, ServerSpec,
    place::{Isolation, Place},
};

const CONFIG: &str = r#"
[platform]
data_dir = "data"
[servers.main]
path = "databases"
[servers.disk]
path = "more"
[stores.control]
[stores.shared]
[stores.tenant]
servers = ["main", "disk"]
[stores.papers]
[stores.notes]
isolation = "pooled"
[apps]
list = ["desk"]
"#;
const POOL: &str = "notes_pool";

/// One process on an installation: the platform on its real engine, with access to its internals.
pub(crate) struct TestPlatform {
    pub(crate) platform: Platform,
    pub(crate) control: Control,
    pub(crate) operations: Operations,
    /// The directory of server `main`.
    pub(crate) root: PathBuf,
    /// Engine for inspecting databases without the platform.
    engine: Engine,
}

impl TestPlatform {
    /// Opens the installation in `dir` or creates it; finishes or undoes operations of a dead process.
    pub(crate) async fn open(dir: &Path) -> Self {
        Self::configured(dir, |_| {}).await
    }

    /// Opens the installation in `dir` or creates it, with a changed configuration.
    pub(crate) async fn configured(dir: &Path, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::parse("tenantry.toml", CONFIG, dir).unwrap_or_else(|p| panic!("{p}"));
        config.plans = plans();
        change(&mut config);
        let root = config.servers[0].path().unwrap().to_owned();
        write_app(&config);
        let platform = Platform::open(config).await.unwrap();
        let spec = ServerSpec::sqlite(ServerName::parse("main").unwrap(), root.clone());
        let engine = Engine::open(vec![spec], CacheLimits::default()).unwrap();
        let (control, operations) = (internals::control(&platform).clone(), platform.operations().clone());
        Self { platform, control, operations, root, engine }
    }

    /// Adds the plans small (2 users, 14 days) and large (no limits, no trial).
    pub(crate) async fn with_plans(self) -> Self {
        self.platform.plans().initialise(&operator()).await.unwrap();
        self
    }

    /// Returns the fingerprint of the schema with which databases are created.
    pub(crate) fn version(&self, store: &str) -> String {
        let store = StoreName::parse(store).unwrap();
        self.platform.apps().store(&store).unwrap().fingerprint.clone()
    }

    /// Returns every existing database of a tenant, and `POOL.ID` for every tenant in the pool.
    pub(crate) async fn databases(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        let servers = self.platform.config().servers.iter();
        for entry in servers.flat_map(|server| fs::read_dir(server.path().unwrap()).unwrap()) {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() {
                continue;
            }
            // A -wal or -shm file without its database counts as an orphan.
            let name = name.split_once(".db").map_or(name.as_str(), |(stem, _)| stem);
            names.insert(name.to_owned());
        }
        for platforms in ["control", "shared", POOL] {
            assert!(names.remove(platforms), "{platforms} is not there: {names:?}");
        }
        names.extend(self.pooled().await);
        names.into_iter().collect()
    }

    async fn pooled(&self) -> Vec<String> {
        let pool = Place {
            server: ServerName::parse("main").unwrap(),
            store: StoreName::parse("notes").unwrap(),
            isolation: Isolation::Pooled,
            physical: PhysicalName::parse(POOL).unwrap(),
            tenant: None,
            generation: 1,
        };
        let db = self.engine.system(&pool).await.unwrap();
        let sql = "SELECT tenant FROM _tenantry_place WHERE tenant <> 0";
        let rows = db.snapshot().await.unwrap().query(sql, &[]).await.unwrap();
        rows.iter().map(|r| format!("{POOL}.{}", r.integer(0).unwrap())).collect()
    }
}

/// Writes an app with a model in each store, and its migrations.
fn write_app(config: &Config) {
    let app = config.apps.dir.join("desk");
    if app.join("migrations").exists() {
        return;
    }
    fs::create_dir_all(app.join("models")).unwrap();
    fs::write(app.join("app.toml"), "").unwrap();
    for (model, store) in [("items", "tenant"), ("sheets", "papers"), ("slips", "notes")] {
        let text = format!("store = \"{store}\"\n[fields.name]\ntype = \"text\"\nrequired = true\n");
        fs::write(app.join(format!("models/{model}.toml")), text).unwrap();
    }
    let apps = tenantry::apps::Apps::load(config).unwrap_or_else(|p| panic!("{p}"));
    make::make(&apps, &make::Options::default(), &mut |_| None).unwrap();
}

fn plans() -> Vec<PlanConfig> {
    let plan = |name: &str, trial_days, users| PlanConfig {
        name: name.parse().unwrap(),
        label: name.to_uppercase(),
        trial_days,
        price: "29 EUR a month".into(),
        limits: Limits { users, ..Limits::default() },
        features: vec!["reports".into()],
        self_service: true,
    };
    vec![plan("small", 14, Some(2)), plan("large", 0, None)]
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

pub(crate) fn role(text: &str) -> RoleName {
    RoleName::parse(text).unwrap()
}

/// The operator of every test.
pub(crate) fn operator() -> Operator {
    Operator::new("cli:test")
}

pub(crate) fn by() -> By {
    By::actor("cli:test")
}

pub(crate) fn placement(slug: &str, store: &str, policy: Policy) -> NewPlacement {
    NewPlacement {
        store: StoreName::parse(store).unwrap(),
        server: ServerName::parse("main").unwrap(),
        isolation: Isolation::Database,
        policy,
        base: PhysicalName::parse(&format!("{store}_{slug}")).unwrap(),
    }
}

/// Returns two own databases and a place in a pool.
pub(crate) fn stores(name: &str) -> Vec<NewPlacement> {
    let mut notes = placement(name, "notes", Policy::Managed);
    notes.isolation = Isolation::Pooled;
    notes.base = PhysicalName::parse("notes_pool").unwrap();
    vec![placement(name, "tenant", Policy::Managed), placement(name, "papers", Policy::Managed), notes]
}

/// Returns a self-service registration: two databases and a pooled store, a new user as owner, a trial.
pub(crate) fn registration(name: &str) -> CreateTenant {
    let email = format!("owner@{name}.test");
    CreateTenant {
        tenant: NewTenant { slug: slug(name), name: format!("The {name}"), email: email.clone() },
        placements: stores(name),
        plan: Some("small".into()),
        owner: Some((
            Owner::New(NewUser {
                email,
                name: "Owner".into(),
                password_hash: Some("$argon2id$opaque".into()),
                standing: tenantry::users::Standing::Confirmed,
            }),
            role("owner"),
        )),
    }
}

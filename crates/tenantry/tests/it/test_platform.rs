//! A platform in a temporary directory, with two stores of own databases and a pool.

use crate::installation::Installation;
use std::{
    collections::BTreeSet,
    fs,
    ops::Deref,
    path::{Path, PathBuf},
};
use tenantry::access::{Confirmed, Operator, sessions::Origin};
use tenantry::{
    Platform,
    audit::By,
    internals::{self, Control},
    name::{PhysicalName, RoleName, ServerName, Slug, StoreName},
    operations::Operations,
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

const POOL: &str = "notes_pool";

/// One process on an installation: the platform on its real engine, with access to its internals.
pub(crate) struct TestPlatform {
    pub(crate) platform: Platform,
    pub(crate) control: Control,
    pub(crate) operations: Operations,
    /// The directory of server `main`.
    pub(crate) root: PathBuf,
    /// Engine with a separate cache, for using databases without the platform.
    pub(crate) engine: Engine,
    pub(crate) installation: Installation,
}

impl Deref for TestPlatform {
    type Target = Platform;

    fn deref(&self) -> &Platform {
        &self.platform
    }
}

impl TestPlatform {
    /// Opens the installation of [`desk`] in `dir` or creates it; finishes or undoes operations of a dead process.
    pub(crate) async fn open(dir: &Path) -> Self {
        desk(dir).open().await
    }

    pub(crate) fn of(installation: Installation, platform: Platform) -> Self {
        let servers = platform.config().servers.iter().filter_map(|server| {
            let root = server.path()?;
            Some(ServerSpec::sqlite(server.name.clone(), root))
        });
        let engine = Engine::open(servers.collect(), CacheLimits::default()).unwrap();
        let root = platform.config().server("main").unwrap().path().unwrap().to_owned();
        let (control, operations) = (internals::control(&platform).clone(), platform.operations().clone());
        Self { platform, control, operations, root, engine, installation }
    }

    /// Adds the plans of the configuration.
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

/// Describes an installation with two stores of own databases, a pool, an app with a model in each, and the plans small
/// (2 users, 14 days) and large (no limits, no trial).
pub(crate) fn desk(dir: &Path) -> Installation {
    let model =
        |store: &str| format!("store = \"{store}\"\n[fields.name]\ntype = \"text\"\nrequired = true\n");
    let [items, sheets, slips] = ["tenant", "papers", "notes"].map(model);
    let mut desk = Installation::at(dir)
        .two_servers()
        .set("servers.disk", "labels = { tier = \"fast\" }")
        .set("servers.main", "labels = { tier = \"slow\" }")
        .set("stores.papers", "isolation = \"database\"")
        .set("attachments", "directories = [\"owners\"]")
        .set("stores.notes", "isolation = \"pooled\"")
        .set("registration", "default_plan = \"small\"")
        .app("desk", &[("items", &items), ("sheets", &sheets), ("slips", &slips)]);
    for (plan, days) in [("plans.small", 14), ("plans.large", 0)] {
        desk = desk
            .set(plan, &format!("trial_days = {days}"))
            .set(plan, "price = \"29 EUR a month\"")
            .set(plan, "features = [\"reports\"]");
    }
    desk.set("plans.small.limits", "users = 2")
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

pub(crate) fn role(text: &str) -> RoleName {
    RoleName::parse(text).unwrap()
}

/// The operator of every test.
/// Returns the operator, who needs no password.
pub(crate) async fn confirmed(platform: &Platform) -> Confirmed {
    platform.access().confirm(&operator(), None, &Origin::default()).await.unwrap()
}

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
        numbered: true,
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

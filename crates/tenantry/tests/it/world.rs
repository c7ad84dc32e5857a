//! A control store in a temporary directory, and databases that are one small file each.

use futures_util::future::BoxFuture;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tenantry::{
    Error, Result,
    audit::By,
    control::Control,
    name::{PhysicalName, RoleName, ServerName, Slug, StoreName},
    operations::{CreateTenant, Databases, Operations, Owner},
    plans::{self, Limits, PlanSpec},
    tenants::NewTenant,
    topology::{NewPlacement, Policy},
    users::NewUser,
};
use tenantry_engine::{
    CacheLimits, Engine, ServerSpec,
    place::{Isolation, Place},
};

/// The platform without HTTP, access and records.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) control: Control,
    pub(crate) operations: Operations,
    pub(crate) files: Arc<Files>,
}

impl World {
    /// Opens what is in `dir`, or begins it. Recovers nothing.
    pub(crate) async fn open(dir: &Path) -> Self {
        let server = ServerName::parse("local").unwrap();
        fs::create_dir_all(dir.join("tenants")).unwrap();
        let engine = Engine::open(
            vec![ServerSpec { name: server.clone(), root: dir.to_owned() }],
            CacheLimits::default(),
        )
        .unwrap();
        let place = Place {
            server,
            store: StoreName::parse("control").unwrap(),
            isolation: Isolation::Database,
            physical: PhysicalName::parse("control").unwrap(),
            tenant: None,
            generation: 1,
        };
        engine.create_system(&place).await.unwrap();
        let control =
            Control::open(engine.system(&place).await.unwrap(), Some(dir.join("audit.heads"))).await.unwrap();
        let files = Arc::new(Files { dir: dir.join("tenants"), slow: Duration::ZERO });
        let operations = Operations::new(control.clone(), files.clone());
        Self { engine, control, operations, files }
    }

    /// Makes databases take their time, for what must happen in between.
    pub(crate) fn pause_databases(&mut self, slow: Duration) {
        self.files = Arc::new(Files { dir: self.files.dir.clone(), slow });
        self.operations = Operations::new(self.control.clone(), self.files.clone());
    }

    /// Plans small (2 users, 14 days), large (no limits, no trial).
    pub(crate) async fn with_plans(self) -> Self {
        let mut write = self.control.begin().await.unwrap();
        plans::initialize(&mut write, &By::system(), &specs()).await.unwrap();
        write.commit().await.unwrap();
        self
    }
}

pub(crate) fn specs() -> Vec<PlanSpec> {
    let spec = |code: &str, trial_days, users| PlanSpec {
        code: code.into(),
        name: code.to_uppercase(),
        trial_days,
        price: "29 EUR a month".into(),
        limits: Limits { users, ..Limits::default() },
        features: ["reports".to_owned()].into(),
    };
    vec![spec("small", 14, Some(2)), spec("large", 0, None)]
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

pub(crate) fn role(text: &str) -> RoleName {
    RoleName::parse(text).unwrap()
}

pub(crate) fn by() -> By {
    By::actor("cli:test")
}

pub(crate) fn placement(slug: &str, store: &str, policy: Policy) -> NewPlacement {
    NewPlacement {
        store: StoreName::parse(store).unwrap(),
        server: ServerName::parse("local").unwrap(),
        isolation: Isolation::Database,
        policy,
        base: PhysicalName::parse(&format!("{store}_{slug}")).unwrap(),
    }
}

/// Two databases of its own and a place in a pool.
pub(crate) fn stores(name: &str) -> Vec<NewPlacement> {
    let mut notes = placement(name, "notes", Policy::Managed);
    notes.isolation = Isolation::Pooled;
    notes.base = PhysicalName::parse("notes_pool").unwrap();
    vec![placement(name, "tenant", Policy::Managed), placement(name, "papers", Policy::Managed), notes]
}

/// A registration as M7 wants it: two databases and a pooled store, a new user as owner, a trial.
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
            }),
            role("owner"),
        )),
    }
}

/// Databases as files that hold their identity.
pub(crate) struct Files {
    pub(crate) dir: PathBuf,
    /// How long making one takes, for kills in its middle.
    pub(crate) slow: Duration,
}

impl Files {
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn identity(place: &Place) -> String {
        format!("{:?} {} {}", place.tenant, place.store, place.generation)
    }

    /// A pool is a file for each tenant in it, as far as these suites care.
    fn path(&self, place: &Place) -> PathBuf {
        match (place.isolation, place.tenant) {
            (Isolation::Pooled, Some(tenant)) => self.dir.join(format!("{}.{tenant}", place.physical)),
            _ => self.dir.join(place.physical.as_str()),
        }
    }

    fn write(&self, place: &Place) -> std::io::Result<()> {
        let path = self.path(place);
        let half = path.with_file_name(format!("../{}.half", path.file_name().unwrap().display()));
        let mut file = fs::File::create(&half)?;
        file.write_all(Self::identity(place).as_bytes())?;
        match fs::hard_link(&half, &path) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                let found = fs::read_to_string(&path)?;
                assert_eq!(found, Self::identity(place), "a name was used twice (rule 6)");
            }
            other => other?,
        }
        fs::remove_file(half)
    }
}

impl Databases for Files {
    fn make<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            self.write(place).map_err(|e| Error::Internal(e.to_string()))?;
            tokio::time::sleep(self.slow).await;
            Ok("v1".into())
        })
    }

    fn remove<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let path = self.path(place);
            match fs::read_to_string(&path) {
                Ok(found) if found == Self::identity(place) => drop(fs::remove_file(&path)),
                _ => {}
            }
            Ok(())
        })
    }

    fn exists<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.path(place).exists()) })
    }
}

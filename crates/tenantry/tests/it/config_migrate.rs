//! Migration runs and checks on real databases: catalog, engine and apps together.

use std::{fs, sync::Arc};
use tempfile::TempDir;
use tenantry::kinds::KINDS;
use tenantry::{
    apps::{Apps, DemoTable},
    audit::By,
    config::Config,
    control::Control,
    migrations::{
        check::{Checker, Finding, What},
        fleet::{Options, Report},
        make, tenants,
    },
    name::{FieldName, PhysicalName, Slug, StoreName},
    operations::{Context, Operations},
    platform::databases::Databases,
    query::Change,
    tenants::{NewTenant, provision::CreateTenant},
    topology::{NewPlacement, Policy},
    value::Value,
};
use tenantry_engine::{
    CacheLimits, Engine, ServerSpec,
    place::{Isolation, Place},
    schema::Schema,
    write::WriteOptions,
};

const UNITS: &str = "store = \"shared\"\n[fields.name]\ntype = \"text\"\nrequired = true\n";
const ITEMS: &str = "store = \"tenant\"\n[fields.name]\ntype = \"text\"\nrequired = true\n\
                     [fields.unit]\ntype = \"ref\"\nto = \"units\"\n";

struct Fixture {
    dir: TempDir,
    config: Config,
    engine: Engine,
    control: Control,
}

fn system(store: &str) -> Place {
    Place {
        server: "main".parse().unwrap(),
        store: store.parse().unwrap(),
        isolation: Isolation::Database,
        physical: store.parse().unwrap(),
        tenant: None,
        generation: 1,
    }
}

impl Fixture {
    async fn new(app: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::defaults_in(dir.path());
        config.apps.list = vec![app.parse().unwrap()];
        let server = &config.servers[0];
        fs::create_dir_all(&server.path).unwrap();
        let spec = ServerSpec::sqlite(server.name.clone(), server.path.clone());
        let engine = Engine::open(vec![spec], CacheLimits::default()).unwrap();
        engine.create_system(&system("control")).await.unwrap();
        engine.create_system(&system("shared")).await.unwrap();
        let control =
            Control::open(&engine, engine.system(&system("control")).await.unwrap(), None).await.unwrap();
        let fixture = Self { dir, config, engine, control };
        if app == "stock" {
            fixture.write("app.toml", "");
            fixture.write("models/units.toml", UNITS);
            fixture.write("models/items.toml", ITEMS);
            fixture.make();
        }
        fixture
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join("apps/stock").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn apps(&self) -> Apps {
        Apps::load(&self.config).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn make(&self) {
        make::make(&self.apps(), &make::Options::default(), &mut |_| None).unwrap();
    }

    /// Creates the shared store at the apps' version, and tenants with their databases.
    async fn create(&self, slugs: &[&str]) -> Vec<Place> {
        let apps = self.apps();
        self.engine.migrate(&system("shared"), apps.migrations()).await.unwrap();
        let store: StoreName = "tenant".parse().unwrap();
        let databases = Databases::new(self.engine.clone(), &self.config, Arc::new(apps)).unwrap();
        let context = Context::new(self.control.clone(), databases, &self.config).unwrap();
        let operations = Operations::new(context, KINDS);
        for slug in slugs {
            let slug: Slug = slug.parse().unwrap();
            let base = self.config.store("tenant").unwrap().template.base_for(&slug);
            let placement = NewPlacement {
                store: store.clone(),
                server: "main".parse().unwrap(),
                isolation: Isolation::Database,
                policy: Policy::Managed,
                base: PhysicalName::parse(&base).unwrap(),
            };
            let tenant = NewTenant { name: slug.to_string(), email: format!("o@{slug}.example"), slug };
            let wanted = CreateTenant { tenant, placements: vec![placement], plan: None, owner: None };
            operations.create_tenant(&By::system(), wanted).await.unwrap();
        }
        tenantry::topology::places_of_store(&self.control, &store).await.unwrap()
    }

    async fn migrate(&self) -> Report {
        let apps = self.apps();
        let options = Options::default();
        let mut reports = tenants::migrate(
            &self.control,
            &By::actor("cli:test"),
            &self.engine,
            &apps,
            None,
            &options,
            |_, _| {},
        )
        .await
        .unwrap();
        assert_eq!(reports.len(), 1);
        reports.remove(0).1
    }

    async fn check(&self) -> Vec<Finding> {
        let apps = self.apps();
        let mut found = Vec::new();
        let mut checker = Checker::new(&self.engine, &apps, vec![system("shared")]).unwrap();
        checker.platform(|finding| found.push(finding)).await.unwrap();
        checker.tenants(&self.control, None, |finding| found.push(finding), |_, _| ()).await.unwrap();
        found
    }

    async fn insert(&self, place: &Place, changes: &[Change]) {
        let apps = self.apps();
        let (models, migrations) = (apps.models().to_vec(), apps.migrations());
        let schema = Arc::new(Schema::new(place.store.clone(), models, migrations).unwrap());
        let session = self.engine.session(place, &schema, None).await.unwrap();
        let options = WriteOptions {
            dry_run: false,
            max_rows: None,
            max_bytes: None,
            actor: "test".into(),
            impersonator: None,
            log_all: false,
        };
        session.write(changes, &options).await.unwrap_or_else(|error| panic!("{error}"));
    }
}

fn item(unit: i64) -> Change {
    let field = |name: &str| FieldName::parse(name).unwrap();
    Change::Insert {
        model: "items".parse().unwrap(),
        id: None,
        values: vec![(field("name"), "scalpel".into()), (field("unit"), Value::Integer(unit))],
    }
}

/// A model changes and every tenant is migrated; a tenant whose file is missing is reported with its
/// reason and does not stop the others, and the next run handles only that tenant.
#[tokio::test]
async fn a_changed_model_reaches_every_tenant_but_the_broken_one() {
    let fixture = Fixture::new("stock").await;
    let places = fixture.create(&["alpha", "bravo", "charlie", "delta", "echo"]).await;
    assert_eq!(fixture.migrate().await, Report::default(), "new tenants are at the current version");

    fixture.write("models/items.toml", &format!("{ITEMS}[fields.shelf]\ntype = \"text\"\n"));
    assert!(fixture.check().await.iter().any(|f| matches!(f.what, What::ModelsChanged(_))));
    fixture.make();
    let behind = fixture.check().await;
    assert_eq!(behind.iter().filter(|f| matches!(f.what, What::Pending(_))).count(), 5, "{behind:?}");

    fs::remove_file(fixture.config.servers[0].path.join(format!("{}.db", places[2].physical))).unwrap();
    let report = fixture.migrate().await;
    assert_eq!((report.total, report.migrated, report.failed.len()), (5, 4, 1));
    assert_eq!(report.failed[0].target.slug.as_str(), "charlie");
    assert!(report.failed[0].result.is_err());
    let report = fixture.migrate().await;
    assert_eq!((report.total, report.migrated, report.failed.len()), (1, 0, 1));
    assert!(
        !fixture.config.servers[0].path.join(format!("{}.db", places[2].physical)).exists(),
        "`catalog-placement`"
    );

    let rest = fixture.check().await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert!(matches!(rest[0].what, What::Unreadable(..)) && rest[0].place.as_ref() == Some(&places[2]));
}

/// The check finds references from a tenant's rows to missing shared rows.
#[tokio::test]
async fn dangling_references_across_stores_are_found() {
    let fixture = Fixture::new("stock").await;
    let places = fixture.create(&["alpha", "bravo"]).await;
    let unit = Change::Insert {
        model: "units".parse().unwrap(),
        id: None,
        values: vec![(FieldName::parse("name").unwrap(), "piece".into())],
    };
    fixture.insert(&system("shared"), &[unit]).await;
    fixture.insert(&places[0], &[item(1), item(1)]).await;
    assert_eq!(fixture.check().await, []);
    fixture.insert(&places[1], &[item(7), item(1), item(7), item(9)]).await;
    let found = fixture.check().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].to_string(), "tenant_bravo_1: items.unit refers to units that are not there: 7, 9");
}

/// The demo's rows fit into medadmin's databases unchanged, without dangling references.
#[tokio::test]
async fn the_demo_loads_and_checks_clean() {
    let fixture = Fixture::new("medadmin").await;
    let places = fixture.create(&["city-hospital", "green-clinic"]).await;
    let demo = fixture.apps().demo("medadmin").unwrap().unwrap();
    let all = |tables: &[DemoTable]| tables.iter().flat_map(|table| table.rows.clone()).collect::<Vec<_>>();
    fixture.insert(&system("shared"), &all(&demo.shared)).await;
    for (place, tenant) in places.iter().zip(&demo.tenants) {
        fixture.insert(place, &all(&tenant.tables)).await;
    }
    assert_eq!(fixture.check().await, []);
}

//! Migration runs and checks on real databases: catalog, engine and apps together.

use crate::test_platform::operator;
use std::{fs, sync::Arc};
use tempfile::TempDir;
use tenantry::{
    Platform,
    apps::{Apps, DemoTable},
    config::Config,
    migrations::{
        check::{Finding, What},
        fleet::{Event, Options, Report},
        make,
    },
    name::{FieldName, Slug, StoreName},
    query::Change,
    tenants::NewTenant,
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
    /// Engine for writing rows without the platform.
    engine: Engine,
}

fn shared() -> Place {
    Place {
        server: "main".parse().unwrap(),
        store: "shared".parse().unwrap(),
        isolation: Isolation::Database,
        physical: "shared".parse().unwrap(),
        tenant: None,
        generation: 1,
    }
}

impl Fixture {
    fn new(app: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::defaults_in(dir.path());
        config.apps.list = vec![app.parse().unwrap()];
        let server = &config.servers[0];
        fs::create_dir_all(server.path().unwrap()).unwrap();
        let spec = ServerSpec::sqlite(server.name.clone(), server.path().unwrap());
        let engine = Engine::open(vec![spec], CacheLimits::default()).unwrap();
        let fixture = Self { dir, config, engine };
        if app == "stock" {
            fixture.write("app.toml", "");
            fixture.write("models/units.toml", UNITS);
            fixture.write("models/items.toml", ITEMS);
            fixture.make();
        }
        fixture
    }

    /// Opens the platform with the apps as they are now.
    async fn platform(&self) -> Platform {
        Platform::open(self.config.clone()).await.unwrap()
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

    /// Creates tenants, and returns where their databases are.
    async fn create(&self, slugs: &[&str]) -> Vec<Place> {
        let (platform, mut places) = (self.platform().await, vec![]);
        platform.plans().initialise(&operator()).await.unwrap();
        for name in slugs {
            let slug: Slug = name.parse().unwrap();
            let (name, email) = (slug.to_string(), format!("o@{slug}.example"));
            let tenant = NewTenant { slug: slug.clone(), name, email };
            platform.tenants().create(&operator(), tenant, None, None).await.unwrap();
            places.push(platform.tenants().show(&slug).await.unwrap().placements.remove(0).place);
        }
        places
    }

    async fn migrate(&self) -> Report {
        let platform = self.platform().await;
        let tell = |_: &StoreName, _: Event<'_>| {};
        let mut reports =
            platform.migrations().run(&operator(), None, Options::default(), tell).await.unwrap();
        assert_eq!(reports.len(), 1);
        reports.remove(0).1
    }

    async fn check(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let platform = self.platform().await;
        platform.check(None, true, |finding| found.push(finding), |_, _| ()).await.unwrap();
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
    let fixture = Fixture::new("stock");
    let places = fixture.create(&["alpha", "bravo", "charlie", "delta", "echo"]).await;
    assert_eq!(fixture.migrate().await, Report::default(), "new tenants are at the current version");

    fixture.write("models/items.toml", &format!("{ITEMS}[fields.shelf]\ntype = \"text\"\n"));
    assert!(fixture.check().await.iter().any(|f| matches!(f.what, What::ModelsChanged(_))));
    fixture.make();
    let behind = fixture.check().await;
    assert_eq!(behind.iter().filter(|f| matches!(f.what, What::Pending(_))).count(), 5, "{behind:?}");

    fs::remove_file(fixture.config.servers[0].path().unwrap().join(format!("{}.db", places[2].physical)))
        .unwrap();
    let report = fixture.migrate().await;
    assert_eq!((report.total, report.migrated, report.failed.len()), (5, 4, 1));
    assert_eq!(report.failed[0].target.slug.as_str(), "charlie");
    assert!(report.failed[0].result.is_err());
    let report = fixture.migrate().await;
    assert_eq!((report.total, report.migrated, report.failed.len()), (1, 0, 1));
    assert!(
        !fixture.config.servers[0].path().unwrap().join(format!("{}.db", places[2].physical)).exists(),
        "`catalog-placement`"
    );

    let rest = fixture.check().await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert!(matches!(rest[0].what, What::Unreadable(..)) && rest[0].place.as_ref() == Some(&places[2]));
}

/// The check finds references from a tenant's rows to missing shared rows.
#[tokio::test]
async fn dangling_references_across_stores_are_found() {
    let fixture = Fixture::new("stock");
    let places = fixture.create(&["alpha", "bravo"]).await;
    let unit = Change::Insert {
        model: "units".parse().unwrap(),
        id: None,
        values: vec![(FieldName::parse("name").unwrap(), "piece".into())],
    };
    fixture.insert(&shared(), &[unit]).await;
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
    let fixture = Fixture::new("medadmin");
    let places = fixture.create(&["city-hospital", "green-clinic"]).await;
    let demo = fixture.apps().demo("medadmin").unwrap().unwrap();
    let all = |tables: &[DemoTable]| tables.iter().flat_map(|table| table.rows.clone()).collect::<Vec<_>>();
    fixture.insert(&shared(), &all(&demo.shared)).await;
    for (place, tenant) in places.iter().zip(&demo.tenants) {
        fixture.insert(place, &all(&tenant.tables)).await;
    }
    assert_eq!(fixture.check().await, []);
}

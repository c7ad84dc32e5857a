//! Migration runs and checks on real databases: catalog, engine and apps together.

use crate::installation::Installation;
use std::fs;
use tenantry::{
    apps::DemoTable,
    migrations::{
        check::{Finding, What},
        fleet::Report,
    },
    name::FieldName,
    query::Change,
    value::Value,
};
use tenantry_engine::{
    place::{Isolation, Place},
    write::WriteOptions,
};

const UNITS: &str = "store = \"shared\"\n[fields.name]\ntype = \"text\"\nrequired = true\n";
const ITEMS: &str = "store = \"tenant\"\n[fields.name]\ntype = \"text\"\nrequired = true\n\
                     [fields.unit]\ntype = \"ref\"\nto = \"units\"\n";

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

fn stock() -> Installation {
    Installation::new().app("stock", &[("units", UNITS), ("items", ITEMS)])
}

/// Creates tenants, and returns where their databases are.
async fn create(here: &Installation, tenants: &[&str]) -> Vec<Place> {
    let (w, mut places) = (here.start().await, vec![]);
    for name in tenants {
        w.create(name).await;
        places.push(w.place(name).await);
    }
    places
}

async fn migrate(here: &Installation) -> Report {
    here.open().await.migrate().await
}

async fn check(here: &Installation) -> Vec<Finding> {
    let mut found = Vec::new();
    here.open().await.check(None, true, |finding| found.push(finding), |_, _| ()).await.unwrap();
    found
}

/// Writes rows without the platform.
async fn insert(here: &Installation, place: &Place, changes: &[Change]) {
    let w = here.open().await;
    let session = w.engine.session(place, &w.schema(&place.store)).await.unwrap();
    let options = WriteOptions { actor: "test".into(), ..WriteOptions::default() };
    session.write(changes, &options).await.unwrap_or_else(|error| panic!("{error}"));
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
    let here = stock();
    let places = create(&here, &["alpha", "bravo", "charlie", "delta", "echo"]).await;
    assert_eq!(migrate(&here).await, Report::default(), "new tenants are at the current version");

    here.write_model("items", &format!("{ITEMS}[fields.shelf]\ntype = \"text\"\n"));
    assert!(check(&here).await.iter().any(|f| matches!(f.what, What::ModelsChanged(_))));
    here.make();
    let behind = check(&here).await;
    assert_eq!(behind.iter().filter(|f| matches!(f.what, What::Pending(_))).count(), 5, "{behind:?}");

    let file = here.config().servers[0].path().unwrap().join(format!("{}.db", places[2].physical));
    fs::remove_file(&file).unwrap();
    let report = migrate(&here).await;
    assert_eq!((report.total, report.migrated, report.failed.len()), (5, 4, 1));
    assert_eq!(report.failed[0].target.slug.as_str(), "charlie");
    assert!(report.failed[0].result.is_err());
    let report = migrate(&here).await;
    assert_eq!((report.total, report.migrated, report.failed.len()), (1, 0, 1));
    assert!(!file.exists(), "`catalog-placement`");

    let rest = check(&here).await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert!(matches!(rest[0].what, What::Unreadable(..)) && rest[0].place.as_ref() == Some(&places[2]));
}

/// The check finds references from a tenant's rows to missing shared rows.
#[tokio::test]
async fn dangling_references_across_stores_are_found() {
    let here = stock();
    let places = create(&here, &["alpha", "bravo"]).await;
    let unit = Change::Insert {
        model: "units".parse().unwrap(),
        id: None,
        values: vec![(FieldName::parse("name").unwrap(), "piece".into())],
    };
    insert(&here, &shared(), &[unit]).await;
    insert(&here, &places[0], &[item(1), item(1)]).await;
    assert_eq!(check(&here).await, []);
    insert(&here, &places[1], &[item(7), item(1), item(7), item(9)]).await;
    let found = check(&here).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].to_string(), "tenant_bravo_1: items.unit refers to units that are not there: 7, 9");
}

/// The demo's rows fit into medadmin's databases unchanged, without dangling references.
#[tokio::test]
async fn the_demo_loads_and_checks_clean() {
    let here = Installation::new();
    let places = create(&here, &["city-hospital", "green-clinic"]).await;
    let demo = here.apps().demo("medadmin").unwrap().unwrap();
    let all = |tables: &[DemoTable]| tables.iter().flat_map(|table| table.rows.clone()).collect::<Vec<_>>();
    insert(&here, &shared(), &all(&demo.shared)).await;
    for (place, tenant) in places.iter().zip(&demo.tenants) {
        insert(&here, place, &all(&tenant.tables)).await;
    }
    assert_eq!(check(&here).await, []);
}

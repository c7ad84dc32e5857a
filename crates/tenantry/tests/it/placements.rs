//! Placement of a tenant's rows if the platform does not simply create a database: brought by the owner, or in a system
//! store's database. Always recorded, never guessed.

use crate::{
    installation::Installation,
    test_platform::{TestPlatform, operator, slug},
};
use serde_json::{Value, json};
use std::fs;
use tenantry::{Attach, Error, Platform, Result, migrations::fleet, place::Isolation};

const PATIENT: &str = r#"{"first_name": "Ann", "last_name": "Ash", "born_on": "1990-04-01"}"#;

/// Describes an installation whose tenants bring their databases.
fn external() -> Installation {
    Installation::new()
        .set("stores.tenant", "name = \"djo_{slug}_db\"")
        .set("stores.tenant", "provision = \"external\"")
}

async fn add_patient(platform: &TestPlatform, name: &str) -> Result<Value> {
    platform.try_add(name, "patients", serde_json::from_str(PATIENT).unwrap()).await
}

async fn patients(platform: &Platform, name: &str) -> usize {
    let tenant = platform.tenants().enter(&operator(), &slug(name)).await.unwrap();
    let page = platform.records(&tenant, "patients").unwrap().list(&Default::default()).await.unwrap();
    serde_json::from_slice::<Vec<serde_json::Value>>(&[b"[", &page.items[..], b"]"].concat()).unwrap().len()
}

fn attach(physical: Option<&str>) -> Attach {
    let physical = physical.map(|name| name.parse().unwrap());
    Attach { store: "tenant".parse().unwrap(), physical, server: None }
}

/// Creates an empty file, which is a database without tables, as an owner's `createdb` would.
fn make_database(platform: &TestPlatform, name: &str) {
    fs::write(platform.root.join(format!("{name}.db")), b"").unwrap();
}

async fn migrate(platform: &Platform, external: bool) -> u64 {
    let options = fleet::Options { external, ..fleet::Options::default() };
    let reports = platform.migrations().run(&operator(), None, options, |_, _| {}).await.unwrap();
    assert!(reports.iter().all(|(_, report)| report.is_clean()), "{reports:?}");
    reports.iter().map(|(_, report)| report.migrated).sum()
}

/// The platform creates nothing, uses the database it is told to use, and migrates it only on request.
#[tokio::test]
async fn a_database_that_the_owner_brings_is_attached_and_left_alone() {
    let platform = external().start().await;
    platform.create("alpha").await;
    platform.create("beta").await;
    let missing = add_patient(&platform, "alpha").await.unwrap_err();
    assert_eq!(missing.code(), "no_database");
    let remedy = missing.remedy().unwrap();
    assert!(remedy.ends_with("tenantry attach alpha --store tenant --url-file FILE"), "{remedy}");
    platform.tenants().create_databases(&operator(), &slug("alpha")).await.unwrap();
    let there = || fs::read_dir(&platform.root).unwrap().count();
    let before = there();
    let absent = platform.moves().attach(&operator(), &slug("alpha"), &attach(None)).await.unwrap_err();
    assert_eq!(absent.field(), Some("physical"), "{absent}");
    assert_eq!(there(), before, "nothing is ever made (`catalog-placement`)");

    make_database(&platform, "djo_alpha_db");
    let done = platform.moves().attach(&operator(), &slug("alpha"), &attach(None)).await.unwrap();
    assert_eq!((done.database.as_str(), done.pending.is_empty()), ("djo_alpha_db", false));
    assert_eq!(add_patient(&platform, "alpha").await.unwrap_err().code(), "migrations_pending");
    assert_eq!((migrate(&platform, false).await, platform.migrations().behind().await.unwrap()), (0, 0));
    assert_eq!(migrate(&platform, true).await, 1);
    add_patient(&platform, "alpha").await.unwrap();
    assert_eq!(patients(&platform, "alpha").await, 1);

    // Attaching again is no error; attaching another one is; no other tenant gets it, and it is not replaced.
    let again = platform.moves().attach(&operator(), &slug("alpha"), &attach(None)).await.unwrap();
    assert!(again.pending.is_empty());
    make_database(&platform, "other");
    for (who, name) in [("alpha", "other"), ("beta", "djo_alpha_db"), ("beta", "control"), ("beta", "shared")]
    {
        let refused =
            platform.moves().attach(&operator(), &slug(who), &attach(Some(name))).await.unwrap_err();
        assert!(matches!(refused, Error::Conflict(_)), "{who} {name}: {refused}");
    }
    assert_eq!(add_patient(&platform, "beta").await.unwrap_err().code(), "no_database");
    // The owner chose the name; the database already has all migrations, which is detected at once.
    platform.moves().attach(&operator(), &slug("beta"), &attach(Some("other"))).await.unwrap();
    assert_eq!(migrate(&platform, true).await, 1);
    assert!(platform.audit().verify().await.unwrap().faults.is_empty());
    let mut found = vec![];
    assert_eq!(
        platform.check(None, true, |finding| found.push(finding.to_string()), |_, _| ()).await.unwrap(),
        2
    );
    assert_eq!(found, [""; 0]);
}

/// `catalog-placement`: a tenant that brings no database is in the pool of a system store, distinguished by the tenant
/// column; a tenant that brings one leaves the pool, if it has no rows there.
#[tokio::test]
async fn tenants_without_a_database_live_in_the_pool_that_is_named() {
    for host in ["control", "shared"] {
        let here = external().set("stores.tenant", &format!("pooled_in = \"{host}\""));
        let platform = here.start().await;
        for name in ["alpha", "beta", "gamma"] {
            platform.create(name).await;
        }
        add_patient(&platform, "alpha").await.unwrap();
        add_patient(&platform, "alpha").await.unwrap();
        add_patient(&platform, "beta").await.unwrap();
        let place = platform.place("alpha").await;
        assert_eq!((place.isolation, place.physical.as_str()), (Isolation::Pooled, host), "recorded");
        make_database(&platform, "djo_alpha_db");
        assert_eq!(patients(&platform, "alpha").await, 2, "{host}: what exists is not looked at");
        assert_eq!((patients(&platform, "beta").await, patients(&platform, "gamma").await), (1, 0));

        let rows = platform.moves().attach(&operator(), &slug("alpha"), &attach(None)).await.unwrap_err();
        assert!(matches!(rows, Error::Conflict(_)), "{rows}");
        add_patient(&platform, "alpha").await.unwrap();
        make_database(&platform, "djo_gamma_db");
        platform.moves().attach(&operator(), &slug("gamma"), &attach(None)).await.unwrap();
        assert_eq!(migrate(&platform, true).await, 1);
        add_patient(&platform, "gamma").await.unwrap();
        let counts = (patients(&platform, "alpha").await, patients(&platform, "gamma").await);
        assert_eq!(counts, (3, 1), "{host}");
        assert_eq!(platform.found().await, [""; 0], "{host}");
        platform.shutdown().await;
        // The next start finds the pool with all its tenants.
        let platform = here.start().await;
        assert_eq!(patients(&platform, "beta").await, 1, "{host}");
    }
}

/// A pool in the catalog's database must not use the name of one of the catalog's tables.
#[tokio::test]
async fn a_model_named_like_a_table_of_the_catalog_is_refused_before_anything_runs() {
    let plans = "store = \"tenant\"\n[fields.a]\ntype = \"text\"\n";
    let here = external().set("stores.tenant", "pooled_in = \"control\"").app("own", &[("plans", plans)]);
    let refused = Platform::open(here.config()).await.err().unwrap();
    assert!(
        refused.to_string().contains("stores.tenant.pooled_in") && refused.to_string().contains("plans"),
        "{refused}"
    );
}

/// A database that the platform creates cannot be attached.
#[tokio::test]
async fn only_a_store_whose_databases_are_brought_takes_one() {
    let platform = Installation::new().start().await;
    platform.create("alpha").await;
    let refused = platform.moves().attach(&operator(), &slug("alpha"), &attach(Some("x"))).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict(_)), "{refused}");
    let system = Attach { store: "shared".parse().unwrap(), ..attach(None) };
    let refused = platform.moves().attach(&operator(), &slug("alpha"), &system).await.unwrap_err();
    assert_eq!(refused.code(), "not_found", "{}", json!(refused.to_string()));
}

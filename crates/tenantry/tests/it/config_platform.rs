//! A platform with a non-default configuration: its names are the names on disk.

use crate::{
    installation::{ISOLATIONS, Installation},
    test_platform::{TestPlatform, operator, slug},
};
use std::path::Path;
use tenantry::{
    apps::{Apps, startapp},
    migrations::make,
};

fn files(dir: &Path) -> Vec<String> {
    let entries =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name.ends_with(".db")).collect();
    names.sort();
    names
}

async fn two_tenants(here: Installation) -> TestPlatform {
    let w = here.start().await;
    for slug in ["alpha", "bravo"] {
        w.create(slug).await;
    }
    w
}

/// Databases get the names that the configuration gives.
#[tokio::test]
async fn databases_are_called_what_the_configuration_says() {
    let here = Installation::new()
        .set("stores.control", "name = \"valuation_admin\"")
        .set("stores.shared", "name = \"shared_resources\"")
        .set("stores.tenant", "name = \"{slug}\"");
    let w = two_tenants(here).await;
    w.shutdown().await;
    let names = files(&w.root);
    assert_eq!(names, ["alpha_1.db", "bravo_1.db", "shared_resources.db", "valuation_admin.db"]);
}

/// Without numbers, the first database of a tenant has exactly the configured name. A name that was used, or that
/// something else has, is never given again.
#[tokio::test]
async fn databases_have_exact_names_if_the_configuration_wants_no_numbers() {
    let here = Installation::new()
        .set("stores.control", "name = \"valuation_admin\"")
        .set("stores.shared", "name = \"shared_resources\"")
        .set("stores.tenant", "name = \"{slug}\"\nnumbered = false");
    let w = here.start().await;
    std::fs::write(w.root.join("taken_001.db"), "of somebody else").unwrap();
    for slug in ["demo_org_001", "acme_corp", "acme", "acme_2", "taken_001"] {
        w.create(slug).await;
    }
    let platforms = ["valuation_admin.db", "shared_resources.db"];
    let of_tenants =
        || files(&w.root).into_iter().filter(|name| !platforms.contains(&&**name)).collect::<Vec<_>>();
    let made = ["acme.db", "acme_2.db", "acme_corp.db", "demo_org_001.db", "taken_001.db", "taken_001_1.db"];
    assert_eq!(of_tenants(), made);
    assert_eq!(std::fs::read(w.root.join("taken_001.db")).unwrap(), b"of somebody else");
    // The second database of `acme` would be called like that of another tenant.
    std::fs::remove_file(w.root.join("acme.db")).unwrap();
    let made = w.platform.tenants().create_databases(&operator(), &slug("acme")).await.unwrap();
    assert_eq!(made.databases, ["acme_3"]);
    assert_eq!(w.place("acme_2").await.physical.as_str(), "acme_2");
}

/// An app becomes pooled by configuration alone.
#[tokio::test]
async fn the_same_app_pooled_is_configuration() {
    let w = two_tenants(Installation::new().isolation("pooled")).await;
    w.shutdown().await;
    assert_eq!(files(&w.root), ["control.db", "shared.db", "tenant_pool.db"]);
}

/// An app is made and changed in either isolation: start an app, make its migration, run it over the existing tenants; `check` then reports
/// nothing.
#[tokio::test]
async fn a_new_app_reaches_tenants_in_either_isolation() {
    for isolation in ISOLATIONS {
        let here = Installation::new().isolation(isolation);
        two_tenants(here.clone()).await.shutdown().await;

        let here = here.set("apps", "list = [\"medadmin\", \"stock\"]");
        let config = here.config();
        startapp(&config.apps, &"stock".parse().unwrap(), &"tenant".parse().unwrap()).unwrap();
        let made =
            make::make(&Apps::load(&config).unwrap(), &make::Options::default(), &mut |_| None).unwrap();
        assert_eq!(made.len(), 1);
        let w = here.open().await;
        assert_eq!(w.migrations().behind().await.unwrap(), 2, "{isolation}");
        let report = w.migrate().await;
        assert!(report.is_clean(), "{isolation}: {report:?}");
        assert_eq!((report.migrated, w.migrations().behind().await.unwrap()), (2, 0), "{isolation}");
        let mut found = Vec::new();
        assert_eq!(w.check(None, true, |finding| found.push(finding), |_, _| ()).await.unwrap(), 2);
        assert_eq!(found, [], "{isolation}");
        w.shutdown().await;
    }
}

//! A platform with a non-default configuration: its names are the names on disk.

use std::path::Path;
use tenantry::access::Operator;
use tenantry::{
    Platform,
    apps::{Apps, startapp},
    config::Config,
    migrations::{fleet, make},
    tenants::NewTenant,
};

fn files(dir: &Path) -> Vec<String> {
    let entries =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name.ends_with(".db")).collect();
    names.sort();
    names
}

async fn open(text: &str, dir: &Path) -> Platform {
    let config = Config::parse("tenantry.toml", text, dir).unwrap_or_else(|problems| panic!("{problems}"));
    let platform = Platform::open(config).await.unwrap();
    platform.plans().initialise(&Operator::new("system")).await.unwrap();
    for slug in ["alpha", "bravo"] {
        let tenant = NewTenant {
            slug: slug.parse().unwrap(),
            name: slug.to_owned(),
            email: format!("owner@{slug}.example"),
        };
        platform.tenants().create(&Operator::new("system"), tenant, None, None).await.unwrap();
    }
    platform
}

/// Databases get the names that the configuration gives.
#[tokio::test]
async fn databases_are_called_what_the_configuration_says() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[stores.control]\nname = \"valuation_admin\"\n[stores.shared]\nname = \"shared_resources\"\n\
                [stores.tenant]\nname = \"{slug}\"\n";
    open(text, dir.path()).await.shutdown().await;
    let names = files(&dir.path().join("tenantry-data/databases"));
    assert_eq!(names, ["alpha_1.db", "bravo_1.db", "shared_resources.db", "valuation_admin.db"]);
}

/// An app becomes pooled by configuration alone.
#[tokio::test]
async fn the_same_app_pooled_is_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"pooled\"\n";
    open(text, dir.path()).await.shutdown().await;
    assert_eq!(
        files(&dir.path().join("tenantry-data/databases")),
        ["control.db", "shared.db", "tenant_pool.db"]
    );
}

/// An app is made and changed in either isolation: start an app, make its migration, run it over the existing tenants; `check` then reports
/// nothing.
#[tokio::test]
async fn a_new_app_reaches_tenants_in_either_isolation() {
    for isolation in ["database", "pooled"] {
        let dir = tempfile::tempdir().unwrap();
        let text = |apps: &str| {
            format!(
                "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"{isolation}\"\n[apps]\nlist = {apps}\n"
            )
        };
        open(&text("[\"medadmin\"]"), dir.path()).await.shutdown().await;

        let config = Config::parse("t", &text("[\"medadmin\", \"stock\"]"), dir.path()).unwrap();
        startapp(&config.apps, &"stock".parse().unwrap(), &"tenant".parse().unwrap()).unwrap();
        let made =
            make::make(&Apps::load(&config).unwrap(), &make::Options::default(), &mut |_| None).unwrap();
        assert_eq!(made.len(), 1);
        let platform = Platform::open(config).await.unwrap();
        assert_eq!(platform.migrations().behind().await.unwrap(), 2, "{isolation}");
        let reports = platform
            .migrations()
            .run(&Operator::new("system"), None, fleet::Options::default(), |_, _| {})
            .await
            .unwrap();
        assert!(reports[0].1.is_clean(), "{isolation}: {reports:?}");
        assert_eq!(
            (reports[0].1.migrated, platform.migrations().behind().await.unwrap()),
            (2, 0),
            "{isolation}"
        );
        let mut found = Vec::new();
        assert_eq!(platform.check(None, true, |finding| found.push(finding), |_, _| ()).await.unwrap(), 2);
        assert_eq!(found, [], "{isolation}");
        platform.shutdown().await;
    }
}

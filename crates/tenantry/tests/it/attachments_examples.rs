//! The two configurations of `examples/fbs`: everything in databases of solutions, and a hybrid in which the store of each
//! model decides.

use crate::{
    attachments_kit::{KEYS, refused},
    test_platform::{operator, slug},
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tenantry::{
    Error, Platform, Result, attachments::NewAttachment, config::Config, name::StoreName, tenants::NewTenant,
};
use tenantry_engine::place::Isolation;

async fn started(dir: &Path, text: &str) -> Platform {
    fs::create_dir_all(dir.join("owners")).unwrap();
    fs::write(dir.join("keys"), KEYS[0]).unwrap();
    let config = Config::parse("example.toml", text, dir).unwrap_or_else(|problems| panic!("{problems}"));
    let platform = Platform::open(config).await.unwrap();
    platform.plans().initialise(&operator()).await.unwrap();
    for name in ["acme_corp", "globex"] {
        let email = format!("mail@{}.example", name.replace('_', "-"));
        let tenant = NewTenant { slug: slug(name), name: name.into(), email };
        platform.tenants().create(&operator(), tenant, None, None).await.unwrap();
    }
    platform
}

async fn add(platform: &Platform, name: &str, model: &str, row: Value) -> Result<()> {
    platform.refresh().await?;
    let tenant = platform.tenants().enter(&operator(), &slug(name)).await?;
    platform.records(&tenant, model)?.create(row.as_object().unwrap()).await.map(drop)
}

async fn attach(platform: &Platform, dir: &Path) {
    let file = dir.join("owners/acme.db");
    fs::write(&file, b"").unwrap();
    let (store, url) = (StoreName::parse("djo").unwrap(), file.display().to_string());
    let new = NewAttachment { store, url, grants_schema: true, takes_data: false };
    platform.attachments().attach(&operator(), &slug("acme_corp"), &new).await.unwrap();
}

/// Returns the isolation of a tenant's store, and true if its database is attached.
async fn placed(platform: &Platform, name: &str, store: &str) -> (Isolation, bool) {
    let shown = platform.tenants().show(&slug(name)).await.unwrap();
    let place = shown.placements.into_iter().map(|p| p.place).find(|place| place.store.as_str() == store);
    let place = place.unwrap();
    (place.isolation, place.server.as_str().starts_with("attached_"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_everything_in_databases_of_solutions_nothing_is_pooled() {
    let dir = tempfile::tempdir().unwrap();
    let p = started(dir.path(), include_str!("../../../../examples/fbs/own-databases.toml")).await;
    let tag = || json!({ "name": "yearly" });
    for name in ["acme_corp", "globex"] {
        let error = refused(add(&p, name, "tags", tag()).await, "attached no database");
        assert!(matches!(error, Error::NotAttached { .. }), "{error:?}");
    }
    attach(&p, dir.path()).await;
    add(&p, "acme_corp", "tags", tag()).await.unwrap();
    assert_eq!(placed(&p, "acme_corp", "djo").await, (Isolation::Database, true));
    refused(add(&p, "globex", "tags", tag()).await, "attached no database");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_hybrid_the_store_of_each_model_decides() {
    let dir = tempfile::tempdir().unwrap();
    let p = started(dir.path(), include_str!("../../../../examples/fbs/hybrid.toml")).await;
    let tag = || json!({ "name": "yearly" });
    add(&p, "globex", "tags", tag()).await.unwrap();
    attach(&p, dir.path()).await;
    for name in ["acme_corp", "globex"] {
        assert_eq!(placed(&p, name, "org").await, (Isolation::Pooled, false));
    }
    add(&p, "acme_corp", "tags", tag()).await.unwrap();
    assert_eq!(placed(&p, "acme_corp", "djo").await, (Isolation::Database, true));
    assert_eq!(placed(&p, "globex", "djo").await, (Isolation::Pooled, false));
    let tenant = p.tenants().enter(&operator(), &slug("acme_corp")).await.unwrap();
    let tenant = tenant.using(StoreName::parse("org").unwrap());
    refused(p.records(&tenant, "tags").map(drop), "tags is in the store djo, not in org");
    assert!(p.records(&tenant, "reports").is_ok());
}

//! Operations on a tenant that brought one of its databases: an operation that would replace this database leaves it
//! unchanged and reports that.

use crate::test_platform::{TestPlatform, desk, operator, slug};
use serde_json::json;
use std::{fs, path::PathBuf};
use tenantry::{
    Attach, Error, NewFromCopy,
    migrations::fleet,
    moves::Target,
    name::{ServerName, StoreName},
    topology::{Placement, Policy},
};
use tenantry_engine::place::Isolation;

async fn test(dir: &std::path::Path) -> TestPlatform {
    desk(dir).set("stores.papers", "provision = \"external\"").start().await
}

fn store(name: &str) -> StoreName {
    StoreName::parse(name).unwrap()
}

/// Creates alpha, with a database that it brought for its papers, and a row in each store.
async fn alpha(w: &TestPlatform) -> PathBuf {
    w.create("alpha").await;
    let file = w.root.join("brought.db");
    fs::write(&file, b"").unwrap();
    let wanted = Attach { store: store("papers"), physical: Some("brought".parse().unwrap()), server: None };
    w.platform.moves().attach(&operator(), &slug("alpha"), &wanted).await.unwrap();
    let refused = w.try_add("alpha", "sheets", json!({ "name": "early" })).await;
    // A run over all tenants leaves out what a tenant brought, so the remedy has to include it.
    let remedy = refused.unwrap_err().remedy().unwrap_or_default();
    assert!(remedy.ends_with("tenantry migrate tenants --tenant alpha --external"), "{remedy}");
    let options = fleet::Options { external: true, ..fleet::Options::default() };
    w.platform.migrations().run(&operator(), None, options, |_, _| {}).await.unwrap();
    for model in ["items", "sheets"] {
        w.add("alpha", model, json!({ "name": "first" })).await;
    }
    file
}

/// Returns the numbers of items and sheets.
async fn rows(w: &TestPlatform, name: &str) -> [usize; 2] {
    let contents = super::operations::kit::contents(w, name).await;
    ["items", "sheets"].map(|model| contents.iter().filter(|(m, _)| m == model).count())
}

async fn placed(w: &TestPlatform, name: &str, of: &str) -> Placement {
    let shown = w.platform.tenants().show(&slug(name)).await.unwrap();
    shown.placements.into_iter().find(|p| p.place.store.as_str() == of).unwrap()
}

fn told<T: std::fmt::Debug>(refused: tenantry::Result<T>) {
    let error = refused.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error:?}");
    assert!(error.public_title().contains("brought by its owner"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_leaves_out_what_the_owner_brought_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let w = test(dir.path()).await;
    alpha(&w).await;
    let brought = placed(&w, "alpha", "papers").await;
    let asked = w.platform.backups().start(&operator(), &slug("alpha"), None).await.unwrap();
    w.done(asked.operation).await;
    for model in ["items", "sheets"] {
        w.add("alpha", model, json!({ "name": "second" })).await;
    }
    told(
        w.platform
            .restores()
            .start(&operator(), &slug("alpha"), &asked.backup, Some(vec![store("papers")]))
            .await,
    );
    let restored =
        w.platform.restores().start(&operator(), &slug("alpha"), &asked.backup, None).await.unwrap();
    assert_eq!(w.done(restored).await.result.unwrap()["left_out"], json!(["papers"]));
    w.done(w.platform.restores().swap(&operator(), &slug("alpha")).await.unwrap()).await;
    assert_eq!(rows(&w, "alpha").await, [1, 2], "what the owner brought is as it was");
    assert_eq!(placed(&w, "alpha", "papers").await, brought);
    w.done(w.platform.restores().undo(&operator(), &slug("alpha")).await.unwrap()).await;
    assert_eq!(rows(&w, "alpha").await, [2, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_its_owner_moves_what_the_owner_brought() {
    let dir = tempfile::tempdir().unwrap();
    let w = test(dir.path()).await;
    alpha(&w).await;
    let (brought, papers, p) = (placed(&w, "alpha", "papers").await, store("papers"), &w.platform);
    let (alpha, disk) = (slug("alpha"), ServerName::parse("disk").unwrap());
    told(
        p.moves()
            .to_server(
                &operator(),
                &alpha,
                &disk,
                &Target { store: Some(papers.clone()), ..Target::default() },
            )
            .await,
    );
    told(
        p.moves()
            .promote(&operator(), &alpha, &Target { store: Some(papers.clone()), ..Target::default() })
            .await,
    );
    told(
        p.moves()
            .demote(&operator(), &alpha, &Target { store: Some(papers.clone()), ..Target::default() })
            .await,
    );
    told(p.moves().back(&operator(), &alpha, Some(&papers)).await);
    told(p.moves().fall_back(&operator(), &alpha, Some(&papers)).await);
    w.done(p.moves().to_server(&operator(), &alpha, &disk, &Target::default()).await.unwrap()).await;
    assert_eq!(placed(&w, "alpha", "tenant").await.place.server, disk, "the others are moved");
    w.done(p.moves().demote(&operator(), &alpha, &Target::default()).await.unwrap()).await;
    assert_eq!(placed(&w, "alpha", "papers").await, brought);
    assert_eq!(rows(&w, "alpha").await, [1, 1]);
}

/// The platform creates all databases of the copy, so a purge of the copy leaves nothing; a purge of the original
/// leaves the database that its owner brought.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_the_platforms_and_a_purge_leaves_what_the_owner_brought() {
    let dir = tempfile::tempdir().unwrap();
    let w = test(dir.path()).await;
    let file = alpha(&w).await;
    let wanted = |name: &str| NewFromCopy { plan: Some("large".into()), ..NewFromCopy::named(name) };
    let asked = w.platform.backups().start(&operator(), &slug("alpha"), None).await.unwrap();
    w.done(asked.operation).await;
    let cloned =
        w.platform.arrivals().from_tenant(&operator(), &slug("alpha"), false, wanted("twin")).await.unwrap();
    w.done(cloned).await;
    let actor = &operator();
    let restored =
        w.platform.arrivals().from_backup(actor, &asked.backup, false, wanted("again")).await.unwrap();
    w.done(restored).await;
    for name in ["twin", "again"] {
        assert_eq!(rows(&w, name).await, [1, 1], "{name}");
        let papers = placed(&w, name, "papers").await;
        assert_eq!((papers.policy, papers.place.isolation), (Policy::Managed, Isolation::Database), "{name}");
        let made = w.root.join(format!("{}.db", papers.place.physical));
        assert!(made.exists(), "{name}");
        purge(&w, name).await;
        assert!(!made.exists(), "{name}");
    }
    let certificate = purge(&w, "alpha").await;
    let papers =
        certificate["traces"].as_array().unwrap().iter().find(|t| t["place"] == "main: brought").cloned();
    let papers = papers.unwrap_or_else(|| panic!("{certificate}"));
    assert_eq!(papers["fate"], "kept");
    assert!(papers["detail"]["why"].as_str().unwrap().contains("brought by its owner"), "{papers}");
    assert!(file.metadata().unwrap().len() > 0);
}

async fn purge(w: &TestPlatform, name: &str) -> serde_json::Value {
    w.done(w.start_purge(name).await.unwrap()).await;
    w.platform.purges().certificate(name).await.unwrap().detail
}

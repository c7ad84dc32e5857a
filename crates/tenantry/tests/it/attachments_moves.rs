//! Rows on their way between the pool and an attached database, while the tenant works.

use crate::{
    attachments_kit::{file, office, owned, papers, refused},
    test_platform::{TestPlatform, operator, slug},
};
use std::{fs, path::Path};
use tenantry::attachments::Leaving;
use tenantry_testkit::postgres;

/// Moves rows into the database, and back into the pool.
async fn there_and_back(w: &TestPlatform, url: &str) {
    for name in ["alpha", "beta"] {
        w.create(name).await;
        for n in 1..=3 {
            w.add_sheet(name, &format!("{name} {n}")).await;
        }
    }
    let before = w.sheets("alpha").await.unwrap();
    let moved = w.attach_with_rows("alpha", url).await.unwrap();
    let over = w.done(moved).await;
    assert_eq!(over.result.unwrap()["verified"], true);
    assert_eq!(w.sheets("alpha").await.unwrap(), before);
    assert!(w.attachment("alpha").await.in_use);
    w.add_sheet("alpha", "alpha 4").await;
    assert_eq!(w.checked("alpha").await, "ok");
    let back = w.attachments().detach(&operator(), &slug("alpha"), &papers(), Leaving::TakeData).await;
    w.done(back.unwrap().unwrap()).await;
    let after = w.sheets("alpha").await.unwrap();
    assert_eq!((after.len(), &after[3]), (4, &"alpha 4".to_owned()));
    w.add_sheet("alpha", "alpha 5").await;
    assert_eq!(w.sheets("beta").await.unwrap().len(), 3);
    // The database is retained until it is released; then it is only its owner's.
    let listed = w.attachments().list(&operator(), None, None, None).await.unwrap();
    assert!(listed.len() == 1 && !listed[0].in_use, "{listed:?}");
    refused(w.attach("alpha", url, true).await, "is retained from an earlier attachment");
    w.moves().release(&operator(), &slug("alpha"), Some(&papers())).await.unwrap();
    assert!(w.attachments().list(&operator(), None, None, None).await.unwrap().is_empty());
    w.whole().await;
    refused(w.attach("beta", url, true).await, "add --take-data");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_move_into_an_attached_file_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let w = office(dir.path()).await;
    let url = file(dir.path(), "alpha.db");
    there_and_back(&w, &url).await;
    w.shutdown().await;
    let left = names(&dir.path().join("owners"));
    assert!(left.iter().all(|name| name.starts_with("alpha.db")), "{left:?}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_move_into_an_attached_database_and_back() {
    for server in postgres::servers() {
        let dir = tempfile::tempdir().unwrap();
        let (w, home) = (office(dir.path()).await, owned(&server).await);
        there_and_back(&w, home.url()).await;
        assert_eq!(home.leftovers().await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_the_owner_are_never_overwritten() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    w.create("alpha").await;
    w.add_sheet("alpha", "in the pool").await;
    let sql = w.schema_sql(&papers(), tenantry::place::EngineKind::Postgres).unwrap();
    let row =
        "INSERT INTO sheets (id, name, created_at, updated_at) VALUES (1, 'of the owner', now(), now())";
    let sql = format!("SET ROLE {}; {}; {row}", home.name(), sql.join(";\n"));
    home.administer_in(&home.name(), &sql).await;
    refused(w.attach_with_rows("alpha", home.url()).await, "only into empty tables");
    assert_eq!(w.sheets("alpha").await.unwrap(), ["in the pool"]);
    assert!(w.attachments().list(&operator(), None, None, None).await.unwrap().is_empty());
}

//! Attached databases that are lost, replaced or away: their tenant is refused, in that store only, and never sent to
//! other rows.

use crate::{
    attachments_kit::{Link, file, office, owned, papers, refused},
    test_platform::{operator, slug},
};
use std::{fs, time::Duration};
use tenantry::{Trouble, attachments::Leaving};
use tenantry_testkit::postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_database_is_refused_and_comes_back_without_a_restart() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    for name in ["alpha", "beta"] {
        w.create(name).await;
    }
    w.attach("alpha", home.url(), true).await.unwrap();
    w.add_sheet("alpha", "of alpha").await;
    let name = home.name();
    home.administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    home.administer(&format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    ))
    .await;
    w.sheets("alpha").await.unwrap_err();
    let other = w.try_add("alpha", "sheets", serde_json::json!({ "name": "lost?" })).await;
    other.unwrap_err();
    w.add("alpha", "items", serde_json::json!({ "name": "the other stores work" })).await;
    w.add_sheet("beta", "of beta").await;
    assert_ne!(w.checked("alpha").await, "ok");
    let needs = w.attention().list(&operator()).await.unwrap();
    let need = needs.iter().find(|need| need.problem == Trouble::Attachment).expect("it is listed");
    assert_eq!(need.tenant.as_deref(), Some("alpha"));
    home.administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    // For a second, callers are refused without another attempt.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(w.sheets("alpha").await.unwrap(), ["of alpha"]);
    assert_eq!(w.checked("alpha").await, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_does_not_answer_is_unreachable_for_its_tenant_only() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    for name in ["alpha", "beta"] {
        w.create(name).await;
    }
    let mut link = Link::to(server).await;
    w.attach("alpha", &home.url_through(link.address()), true).await.unwrap();
    w.add_sheet("alpha", "of alpha").await;
    link.cut().await;
    let error = w.sheets("alpha").await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    w.add_sheet("beta", "of beta").await;
    assert_eq!(w.checked("alpha").await, "unreachable");
    link.mend().await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(w.sheets("alpha").await.unwrap(), ["of alpha"]);
    assert_eq!(w.checked("alpha").await, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_replaced_is_refused() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    w.create("alpha").await;
    w.attach("alpha", home.url(), true).await.unwrap();
    w.add_sheet("alpha", "before").await;
    // An earlier state of the database, as a restored backup is: the same contents under the same name.
    let (name, copy) = (home.name(), format!("{}copy", home.prefix()));
    let end =
        format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
    home.administer(&end).await;
    home.administer(&format!("CREATE DATABASE {copy} TEMPLATE {name} OWNER {name}")).await;
    w.add_sheet("alpha", "after").await;
    home.administer(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
    home.administer(&format!("ALTER DATABASE {copy} RENAME TO {name}")).await;
    refused(w.sheets("alpha").await, "another database than the one that was attached");
    assert_eq!(w.checked("alpha").await, "replaced");
    // The operator accepts the earlier state: detach without its data, and attach it.
    w.attachments().detach(&operator(), &slug("alpha"), &papers(), Leaving::LeaveData).await.unwrap();
    w.attach("alpha", home.url(), true).await.unwrap();
    assert_eq!(w.sheets("alpha").await.unwrap(), ["before"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_replaced_by_another_tenants_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let w = office(dir.path()).await;
    for name in ["alpha", "beta"] {
        w.create(name).await;
        w.attach(name, &file(dir.path(), &format!("{name}.db")), true).await.unwrap();
        w.add_sheet(name, &format!("of {name}")).await;
    }
    w.shutdown().await;
    let owners = dir.path().join("owners");
    fs::remove_file(owners.join("alpha.db")).unwrap();
    for end in ["", "-wal"] {
        drop(fs::copy(owners.join(format!("beta.db{end}")), owners.join(format!("alpha.db{end}"))));
    }
    let w = w.installation.open().await;
    refused(w.sheets("alpha").await, "another file than the one that was attached");
    assert_eq!(w.sheets("beta").await.unwrap(), ["of beta"]);
    fs::remove_file(owners.join("alpha.db")).unwrap();
    w.sheets("alpha").await.unwrap_err();
    assert_ne!(w.checked("alpha").await, "ok");
}
